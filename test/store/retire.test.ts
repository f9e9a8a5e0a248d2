// Old rows of the ledger go, are counted, and nothing that is open goes with them.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { listExpired } from "../../src/query/archive.ts";
import { emptyPlan } from "../../src/shapes/replay.ts";
import { beginChange, endChange, MAX_ROWS_AN_HOUR } from "../../src/store/access/audit-log.ts";
import { claimKey, type HeldKey, KEEP_MS, keepAnswer } from "../../src/store/access/idempotency.ts";
import { recordRefused } from "../../src/store/ledger/rejections.ts";
import { insertReplay, MAX_OPEN_REPLAYS, type ReplayStatus } from "../../src/store/ledger/replays.ts";
import { EXPIRY_DAYS, REJECTION_DAYS, REPLAY_DAYS, retireOld } from "../../src/store/ledger/retire.ts";
import { openStores, type Stores } from "../support/stores.ts";

let stores: Stores;
beforeAll(async () => {
  stores = await openStores();
});
beforeEach(() =>
  stores.ledger.batch(
    ["replays", "expiries", "rejections", "idempotency"].map((name) =>
      stores.ledger.prepare(`DELETE FROM ${name}`),
    ),
  ),
);
afterAll(() => stores?.close());

const DAY = 86_400_000;
const NOW = Date.parse("2026-11-25T00:00:00Z");

/** Rows of a table of the ledger. */
const count = async ({ ledger }: Stores, table: string): Promise<number> =>
  (await ledger.prepare(`SELECT count(*) AS n FROM ${table}`).first<{ n: number }>())?.n ?? 0;
/** The cron's part, at a time. */
const keep = ({ ledger }: Stores, now = NOW) => retireOld(ledger, now);

const expired = async () =>
  (await listExpired(stores.ledger, { limit: 50 })).data.map(({ what, count, connection }) => [
    what,
    count,
    connection,
  ]);

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
  await keep(stores);
  expect(await count(stores, "replays")).toBe(left);
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
