// Old rows of the ledger go, are counted, and nothing that is open goes with them.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { describeArchive, listExpired } from "../../src/query/archive.ts";
import { emptyPlan } from "../../src/shapes/replay.ts";
import { beginChange, endChange, MAX_ROWS_AN_HOUR } from "../../src/store/access/audit-log.ts";
import { claimKey, type HeldKey, KEEP_MS, keepAnswer } from "../../src/store/access/idempotency.ts";
import { record } from "../../src/store/ledger/events.ts";
import { recordRefused } from "../../src/store/ledger/rejections.ts";
import { insertReplay, MAX_OPEN_REPLAYS, type ReplayStatus } from "../../src/store/ledger/replays.ts";
import { EXPIRY_DAYS, IDENTITY_DAYS, REJECTION_DAYS, REPLAY_DAYS } from "../../src/store/ledger/retire.ts";
import { openStores, type Stores } from "../support/stores.ts";
import { connections, count, DAY, decided, eventAt, hear, keep, NOW, wipe } from "./archive-given.ts";

let stores: Stores;
beforeAll(async () => {
  stores = await openStores();
});
beforeEach(() => wipe(stores));
afterAll(() => stores?.close());

const expired = async () =>
  (await listExpired(stores.ledger, { limit: 50 })).data.map(({ what, count, connection }) => [
    what,
    count,
    connection,
  ]);

test("identities go after their days, also of an event that is still hot, which is known by its id", async () => {
  const hot = eventAt(NOW - (IDENTITY_DAYS + 1) * DAY, "hot");
  const young = eventAt(NOW - (IDENTITY_DAYS - 1) * DAY, "young");
  await hear(stores, [
    [hot, { a: "dead" }],
    [young, { a: "dead" }],
  ]);
  await keep(stores);
  expect(await expired()).toEqual([["event_identities", 1, null]]);
  expect(await count(stores, "event_identities")).toBe(1);
  await record(stores.ledger, [decided(hot)], NOW);
  expect(await count(stores, "events")).toBe(2);
});

test("refusals, idempotency keys and what is known of expiries go after their time, and not before", async () => {
  const failure = { kind: "unproven" as const, detail: "no" };
  const held = (key: string, at: number): HeldKey => ({ key, route: "POST /x", body_hash: "h", at });
  const day = Math.floor(NOW / DAY);
  for (const over of [-1, 1]) {
    await recordRefused(stores.ledger, [
      { connection: `c${over}`, scheme: "sns", failure, at: NOW - (REJECTION_DAYS + over) * DAY },
    ]);
    const key = held(`k${over}`, NOW - KEEP_MS - over * 60_000);
    await claimKey(stores.ledger, key);
    await keepAnswer(stores.ledger, key, { status: 200, answer: "{}", location: null });
    await stores.ledger
      .prepare("INSERT INTO expiries VALUES (?, 'events', 'c', 1, 1, 1, 1, 1, ?)")
      .bind(day - EXPIRY_DAYS - over, NOW - (EXPIRY_DAYS + over) * DAY)
      .run();
  }
  await keep(stores);
  for (const table of ["rejections", "idempotency"])
    expect([table, await count(stores, table)]).toEqual([table, 1]);
  expect(await expired()).toEqual([
    ["rejections", 1, null],
    ["idempotency", 1, null],
    ["expiries", 1, null],
    ["events", 1, "c"],
  ]);
  await keep(stores, NOW + 1000);
  expect((await expired()).slice(0, 3).map(([, went]) => went)).toEqual([1, 1, 1]);
});

test.each<[ReplayStatus, number, number]>([
  ["done", REPLAY_DAYS + 1, 0],
  ["cancelled", REPLAY_DAYS + 1, 0],
  ["done", REPLAY_DAYS - 1, 1],
  ["active", 3000, 1],
  ["paused", 3000, 1],
])("a replay that is %s since %i days: %i left", async (status, days, left) => {
  const at = NOW - days * DAY;
  const isOver = status === "done" || status === "cancelled";
  await insertReplay(stores.ledger, {
    ...{ id: "rpl_1", status, phase: "draining", plan: emptyPlan(), cursor: null, page: 1 },
    ...{ request: { select: { kind: "stale" }, aliases: ["a"], dry_run: false } },
    ...{ created_at: at, moved_at: at, ended_at: null },
  });
  if (isOver) await stores.ledger.prepare("UPDATE replays SET ended_at = ?").bind(at).run();
  await stores.ledger.prepare("INSERT INTO replay_counts VALUES ('rpl_1', 'succeeded', 7)").run();
  await keep(stores);
  expect([await count(stores, "replays"), await count(stores, "replay_counts")]).toEqual([left, left]);
});

test("only so many replays may be open at once: one more is not taken until another is over", async () => {
  const open = (id: string) =>
    insertReplay(stores.ledger, {
      ...{ id, status: "active", phase: "planning", plan: emptyPlan(), cursor: null, page: 0 },
      ...{ request: { select: { kind: "stale" }, aliases: ["a"], dry_run: false } },
      ...{ created_at: NOW, moved_at: NOW, ended_at: null },
    });
  for (let n = 0; n < MAX_OPEN_REPLAYS; n++) expect(await open(`rpl_${n}`)).toBe(true);
  expect(await open("rpl_more")).toBe(false);
  await stores.ledger.prepare("UPDATE replays SET status = 'paused' WHERE id = 'rpl_1'").run();
  expect(await open("rpl_more")).toBe(false);
  await stores.ledger.prepare("UPDATE replays SET status = 'done' WHERE id = 'rpl_1'").run();
  expect([await open("rpl_more"), await count(stores, "replays")]).toEqual([true, MAX_OPEN_REPLAYS + 1]);
});

test("of one key's changes of one kind in an hour the first have a row each, and the rest one together", async () => {
  const all = MAX_ROWS_AN_HOUR + 25;
  const at = NOW - (NOW % 3_600_000);
  const invoke = async (n: number, at: number) => {
    const change = {
      ...{ id: `aud_${at}_${n}`, at, key_id: "key_1", key_name: "busy", action: "pipeline.invoke" },
      ...{ target: "p", request_id: `r${n}` },
    };
    await beginChange(stores.ledger, change);
    const outcome = n % 10 === 0 ? "failed" : "done";
    await endChange(stores.ledger, change, {
      target: null,
      detail: null,
      outcome,
      status: 200,
      ended_at: at,
    });
  };
  for (let n = 0; n < all; n++) await invoke(n, at + n);
  await invoke(1, at + 3_600_000);
  const { results } = await stores.ledger
    .prepare("SELECT id, key_name, outcome, detail FROM audit_log ORDER BY at, id")
    .all<{ id: string; detail: string | null }>();
  expect(results).toHaveLength(MAX_ROWS_AN_HOUR + 2);
  const [further] = results.filter(({ detail }) => detail !== null);
  expect(further).toMatchObject({ key_name: "busy", id: expect.stringContaining("further") });
  expect(JSON.parse(further?.detail ?? "")).toEqual({ further: 25, done: 22, failed: 3 });
});

test("a replay of which a run is still hot stays, so that its progress stays exact", async () => {
  const at = NOW - 2 * REPLAY_DAYS * DAY;
  await insertReplay(stores.ledger, {
    ...{ id: "rpl_1", status: "done", phase: "draining", plan: emptyPlan(), cursor: null, page: 1 },
    ...{ request: { select: { kind: "stale" }, aliases: ["a"], dry_run: false } },
    ...{ created_at: at, moved_at: at, ended_at: null },
  });
  await stores.ledger.prepare("UPDATE replays SET ended_at = ?").bind(at).run();
  await record(stores.ledger, [decided(eventAt(at, "x", { sender: "replay" }), ["a"], "rpl_1")], at);
  await keep(stores);
  expect(await count(stores, "replays")).toBe(1);
});

test("what was archived and for how long it is kept is told for every connection, also one that is no more", async () => {
  await hear(stores, [
    [eventAt(NOW - 40 * DAY, "1"), { a: "succeeded" }],
    [eventAt(NOW - DAY, "2"), {}],
    [eventAt(NOW - 40 * DAY, "3", { connection: "gone" }), {}],
  ]);
  await keep(stores);
  const known = connections({ c: { hot_days: 30, archive_days: 7 } });
  expect(await describeArchive(stores.ledger, known)).toMatchObject([
    {
      connection: "c",
      hot_days: 30,
      archive_days: 7,
      oldest_hot: "2026-11-24T00:00:00.000Z",
      archive: { events: 1, runs: 1 },
    },
    {
      connection: "gone",
      hot_days: 30,
      archive_days: 365,
      oldest_hot: null,
      archive: { events: 1, runs: 0 },
    },
  ]);
  await keep(stores, NOW, known);
  expect(await expired()).toEqual([["events", 1, "c"]]);
  expect((await describeArchive(stores.ledger, known))[0]).toMatchObject({
    archive: { events: 0, oldest: null },
  });
});

test("nothing is archived where archive_days is 0: what is no longer hot goes, and is counted", async () => {
  await hear(stores, [[eventAt(NOW - 3 * DAY, "1"), { a: "succeeded" }]]);
  await keep(stores, NOW, connections({ c: { hot_days: 2, archive_days: 0 } }));
  expect([await count(stores, "events"), await count(stores, "archived")]).toEqual([0, 0]);
  expect(await expired()).toEqual([["events", 1, "c"]]);
});

test("expiries are paged, newest first", async () => {
  const rows = Array.from({ length: 7 }, (_, n) => `(${n}, 'events', 'c${n % 2}', 1, 1, 1, 1, 1, ${NOW})`);
  await stores.ledger.prepare(`INSERT INTO expiries VALUES ${rows.join()}`).run();
  const days: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await listExpired(stores.ledger, { limit: 3, cursor });
    days.push(...page.data.map(({ day }) => day));
    cursor = page.next;
    if (cursor === undefined) break;
  }
  expect(days).toEqual([7, 6, 5, 4, 3, 2, 1].map((day) => `1970-01-0${day}`));
});
