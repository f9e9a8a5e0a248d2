// The archive over real D1 and R2: what moves, what stays, and that nobody can tell the difference but by asking.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { retain } from "../../src/cron/retention.ts";
import { getEvent, getRun, listEvents, listRuns } from "../../src/query/ledger.ts";
import { explainDecision } from "../../src/query/why.ts";
import { identify } from "../../src/receive/identity.ts";
import { emptyPlan } from "../../src/shapes/replay.ts";
import type { RunStatus } from "../../src/shapes/run.ts";
import { findArchived } from "../../src/store/archive/find.ts";
import type { Arrival } from "../../src/store/archive/move.ts";
import { walk } from "../../src/store/archive/walk.ts";
import { dropLetters } from "../../src/store/ledger/dead-letters.ts";
import { record, runId } from "../../src/store/ledger/events.ts";
import { insertReplay, progressOf, type ReplayStatus } from "../../src/store/ledger/replays.ts";
import { takeReports } from "../../src/store/ledger/runs.ts";
import { deployed } from "../query/given.ts";
import { between } from "../support/event-stores.ts";
import { openStores, type Stores } from "../support/stores.ts";
import {
  bring,
  connections,
  count,
  DAY,
  decided,
  eventAt,
  hear,
  keep,
  NOW,
  OLD,
  objects,
  seen,
  wipe,
} from "./archive-given.ts";

let stores: Stores;
beforeAll(async () => {
  stores = await openStores();
});
beforeEach(() => wipe(stores));
afterAll(() => stores?.close());

test("an event and its runs are the same after they have moved, and the ledger has neither", async () => {
  const pipelines = deployed({ aa: { key: ["x.txt"] } });
  const one = eventAt(OLD, "x.txt", { metadata: { name: "Ünïcode\n" } });
  await record(stores.ledger, [decided(one, ["aa", "b"])], OLD, pipelines.deployment);
  await bring(stores, [
    [one, "aa", "succeeded"],
    [one, "b", "skipped"],
  ]);
  await hear(stores, [[eventAt(OLD + 1, "unmatched.txt"), {}]]);
  const asked = () =>
    Promise.all([
      seen(stores),
      getRun(stores, runId(one.id, "aa")),
      explainDecision(stores, one.id, "aa", pipelines),
    ]);
  const before = await asked();
  await keep(stores);
  expect(await asked()).toEqual(before);
  expect(before[2]).toMatchObject({ verdict: true, runs: [{ status: "succeeded" }] });
  expect(await getEvent(stores, one.id)).toMatchObject({ archived: true });
  for (const table of ["events", "runs", "run_history"])
    expect([table, await count(stores, table)]).toEqual([table, 0]);
  expect(await objects(stores)).toEqual([
    expect.stringMatching(/^events\/c\/2026-10-16\/00-00-[0-9a-f]{16}\.ndjson\.gz$/),
  ]);
});

test("a segment is gzip of a line for each event, which anybody can read", async () => {
  const one = eventAt(OLD, "x.txt");
  await hear(stores, [[one, { a: "succeeded" }]]);
  await keep(stores);
  const [key = ""] = await objects(stores);
  const body = (await (await stores.archive.get(key))?.arrayBuffer()) ?? new ArrayBuffer(0);
  const text = await new Response(
    new Blob([body]).stream().pipeThrough(new DecompressionStream("gzip")),
  ).text();
  expect(
    text
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line)),
  ).toMatchObject([
    {
      event: one,
      outcome: { matched: ["a"] },
      runs: [{ alias: "a", status: "succeeded", history: [{ status: "pending" }, { status: "succeeded" }] }],
    },
  ]);
});

test("each minute of each connection is a segment of its own", async () => {
  const minute = 60_000;
  await hear(stores, [
    [eventAt(OLD, "1"), {}],
    [eventAt(OLD + minute - 1, "2"), {}],
    [eventAt(OLD + minute, "3"), {}],
    [eventAt(OLD, "4", { connection: "other" }), {}],
  ]);
  await keep(stores);
  expect((await objects(stores)).map((key) => key.slice(0, -27))).toEqual([
    "events/c/2026-10-16/00-00",
    "events/c/2026-10-16/00-01",
    "events/other/2026-10-16/00-00",
  ]);
});

describe("what stays hot", () => {
  test.each<[string, RunStatus]>([
    ["a run that waits", "pending"],
    ["a run under way", "running"],
    ["a run that will be tried again", "failed"],
    ["a run that ended dead, until somebody decides", "dead"],
  ])("an event with %s", async (_, status) => {
    await hear(stores, [[eventAt(OLD, "x"), { a: "succeeded", b: status }]]);
    await keep(stores);
    expect(await count(stores, "events")).toBe(1);
    expect(await objects(stores)).toEqual([]);
  });

  test("what is younger than its connection's hot days; another connection has its own", async () => {
    const at = NOW - 3 * DAY;
    await hear(stores, [
      [eventAt(at, "1", { connection: "short" }), {}],
      [eventAt(at, "2", { connection: "long" }), {}],
      [eventAt(OLD, "3", { connection: "long" }), {}],
      [eventAt(OLD, "4", { connection: "unknown" }), {}],
    ]);
    await keep(stores, NOW, connections({ short: { hot_days: 2 }, long: { hot_days: 60 } }));
    const { results } = await stores.ledger
      .prepare("SELECT key FROM events ORDER BY key")
      .all<{ key: string }>();
    expect(results.map(({ key }) => key)).toEqual(["2", "3"]);
  });

  test.each<[ReplayStatus, number]>([
    ["active", 1],
    ["paused", 1],
    ["cancelled", 0],
    ["done", 0],
  ])("the runs of a replay that is %s: %i", async (status, stays) => {
    const event = eventAt(OLD, "x", { sender: "replay" });
    await insertReplay(stores.ledger, replayOf("rpl_1", status));
    await record(stores.ledger, [decided(event, ["a"], "rpl_1")], OLD);
    await bring(stores, [[event, "a", "succeeded"]]);
    await keep(stores);
    expect(await count(stores, "runs")).toBe(stays);
  });
});

const replayOf = (id: string, status: ReplayStatus) => ({
  ...{
    id,
    status,
    phase: "draining" as const,
    cursor: null,
    page: 1,
    created_at: OLD,
    moved_at: OLD,
    ended_at: null,
  },
  request: { select: { kind: "stale" as const }, aliases: ["a"], dry_run: false },
  plan: emptyPlan(),
});

test("a dead run moves once its letter is dropped", async () => {
  await hear(stores, [[eventAt(OLD, "x"), { a: "dead" }]]);
  await keep(stores);
  await dropLetters(stores.ledger, { alias: "a" }, "known bad", NOW);
  // The pass that found it open has come to its end, and rests.
  await keep(stores, NOW + 1000);
  expect(await count(stores, "events")).toBe(1);
  await keep(stores, NOW + 901_000);
  expect(await count(stores, "events")).toBe(0);
  expect(await seen(stores)).toMatchObject([{ runs: [{ status: "cancelled", reason: "known bad" }] }]);
});

test("a replay's progress is as exact after its runs have moved, some of them or all", async () => {
  const statuses: RunStatus[] = ["succeeded", "succeeded", "skipped", "cancelled", "dead"];
  await insertReplay(stores.ledger, replayOf("rpl_2", "cancelled"));
  for (const [n, status] of statuses.entries()) {
    const event = eventAt(OLD + n * 45_000, `${n}`, { sender: "replay" });
    await record(stores.ledger, [decided(event, ["a"], "rpl_2")], OLD);
    await bring(stores, [[event, "a", status]]);
  }
  const before = await progressOf(stores.ledger, "rpl_2");
  expect(before).toEqual({ by_status: { succeeded: 2, skipped: 1, cancelled: 1, dead: 1 }, open: 0 });
  await keep(stores);
  expect(await count(stores, "runs")).toBe(1);
  expect(await progressOf(stores.ledger, "rpl_2")).toEqual(before);
  await dropLetters(stores.ledger, { alias: "a" }, "no use", NOW);
  await keep(stores, NOW + 901_000);
  expect(await count(stores, "runs")).toBe(0);
  expect(await progressOf(stores.ledger, "rpl_2")).toEqual({
    by_status: { succeeded: 2, skipped: 1, cancelled: 2 },
    open: 0,
  });
});

describe("a late duplicate of an archived event adds nothing", () => {
  const at = NOW - 20 * DAY;
  const known = connections({ c: { hot_days: 1 } });
  const told = {
    connection: "c",
    bucket: "b",
    key: "x",
    type: "created",
    operation: "Put",
    etag: "e",
  } as const;
  const time = new Date(at).toISOString();
  const bySequencer = { ...told, time, sequencer: "0055AED6DCD90281E5" };
  const eventOf = (what: typeof bySequencer | Omit<typeof bySequencer, "sequencer">) => ({
    ...what,
    ...{ ...identify(what), sender: "s3" as const, hops: 0, received_at: time },
  });

  test("told again by the same sender, or by another with other names", async () => {
    await hear(stores, [[eventOf(bySequencer), { a: "succeeded" }]]);
    await keep(stores, NOW, known);
    const before = await seen(stores);
    const { sequencer: _, ...byTime } = bySequencer;
    for (const again of [eventOf(bySequencer), eventOf(byTime)])
      expect(await record(stores.ledger, [decided(again, ["a", "new"])], NOW)).toEqual([]);
    expect(await seen(stores)).toEqual(before);
    expect(await count(stores, "runs")).toBe(0);
  });

  test("its strongest name is known as long as the archive has it; others for 45 days", async () => {
    await hear(stores, [[eventOf(bySequencer), {}]]);
    await keep(stores, NOW, known);
    await keep(stores, at + 46 * DAY, known);
    expect(await count(stores, "event_identities")).toBe(0);
    await record(stores.ledger, [decided(eventOf(bySequencer))], NOW + 30 * DAY);
    expect(await count(stores, "events")).toBe(0);
  });
});

test("a late report, or a late letter, of an archived run changes nothing", async () => {
  const one = eventAt(OLD, "x");
  await hear(stores, [[one, { a: "succeeded" }]]);
  await keep(stores);
  const before = await seen(stores);
  await takeReports(
    stores.ledger,
    [{ run_id: runId(one.id, "a"), attempt: 2, status: "failed", version: "v", commit: "c", started_at: 1 }],
    Date.now(),
  );
  await bring(stores, [[one, "a", "dead"]]);
  expect(await seen(stores)).toEqual(before);
  expect(await count(stores, "dead_letters")).toBe(0);
});

test("events of a key are found in the archive, whatever bucket they are of", async () => {
  await hear(stores, [
    [eventAt(OLD, "dir/x"), {}],
    [eventAt(OLD + 1, "dir/x", { bucket: "b2" }), {}],
    [eventAt(OLD + 2, "dir/y"), {}],
    [eventAt(OLD + 90_000, "dir/x", { connection: "other" }), {}],
    [eventAt(NOW, "dir/x"), {}],
  ]);
  await keep(stores);
  const found = (await listEvents(stores, { key: "dir/x" }, { limit: 10 })).data;
  expect(found.map(({ connection, bucket, archived }) => [connection, bucket, archived])).toEqual([
    ["c", "b", undefined],
    ["other", "b", true],
    ["c", "b2", true],
    ["c", "b", true],
  ]);
});

test("a list of runs says where older ones are; the runs of one event are found wherever they are", async () => {
  const [old, young] = [eventAt(OLD, "old"), eventAt(NOW, "young")];
  await hear(stores, [
    [old, { a: "succeeded", b: "skipped" }],
    [young, { a: "succeeded" }],
  ]);
  await keep(stores);
  const all = await listRuns(stores, {}, { limit: 10 });
  expect(all.data).toHaveLength(1);
  expect(all.archive).toMatchObject({ until: "2026-10-16T00:00:59.999Z" });
  const its = await listRuns(stores, { event_id: old.id }, { limit: 10 });
  expect(its.data.map(({ alias }) => alias)).toEqual(["b", "a"]);
  expect(its).not.toHaveProperty("archive");
  const skipped = await listRuns(stores, { event_id: old.id, status: "skipped" }, { limit: 10 });
  expect(skipped.data.map(({ alias }) => alias)).toEqual(["b"]);
});

test.each([
  ["evt_", "run_"],
  ["evt_zz", "run_zz_a"],
  [`evt_${"0".repeat(32)}`, `run_${"0".repeat(32)}_a`],
  ["%", "run_' OR 1=1"],
])("there is no event %s and no run %s", async (event, run) => {
  expect([await getEvent(stores, event), await getRun(stores, run)]).toEqual([null, null]);
});

test("a segment that somebody has deleted is missed, and not taken for one that has expired", async () => {
  const one = eventAt(OLD, "x");
  await hear(stores, [[one, {}]]);
  await keep(stores);
  await stores.archive.delete(await objects(stores));
  await expect(findArchived(stores, one.id)).rejects.toMatchObject({
    failure: { kind: "internal", detail: expect.stringContaining("ledger says is kept") },
  });
});

test("a page costs as many calls to D1 for five hundred events as for one, and a put for each minute", async () => {
  const costs = [];
  for (const events of [1, 500]) {
    await wipe(stores);
    const all = Array.from({ length: events }, (_, n) => decided(eventAt(OLD + n * 200, `${n}`)));
    await record(stores.ledger, all, OLD);
    const calls: string[] = [];
    await keep(
      between(stores, (name, work) => {
        calls.push(name);
        return work();
      }),
    );
    expect(await count(stores, "events")).toBe(0);
    costs.push([
      calls.filter((name) => name !== "put").length,
      calls.filter((name) => name === "put").length,
    ]);
  }
  expect(costs).toEqual([
    [expect.any(Number), 1],
    [expect.any(Number), 2],
  ]);
  // A full page is followed by a look for the next one, which is an expiry, a scan and a place.
  expect((costs[1]?.[0] ?? 0) - (costs[0]?.[0] ?? 0)).toBeLessThanOrEqual(3);
});

test("a page of a walk reads a bounded number of segments and of bytes, and says where the next begins", async () => {
  const large = { metadata: { note: "x".repeat(90_000) } };
  await hear(
    stores,
    Array.from({ length: 50 }, (_, n) => [eventAt(OLD + n * 60_000, `${n}`), {}]),
  );
  for (let at = 0; at < 130; at += 10) {
    const ten = Array.from({ length: 10 }, (_, n) => eventAt(OLD + 9e6 + at + n, `l${at + n}`, large));
    await hear(
      stores,
      ten.map((event) => [event, {}]),
    );
  }
  await keep(stores);
  const pages: { keys: number; gets: number }[] = [];
  let next: Arrival | undefined;
  do {
    let gets = 0;
    const counting = between(stores, (name, work) => {
      if (name === "get") gets++;
      return work();
    });
    const page = await walk(counting, { order: "oldest first" }, next, 1000);
    pages.push({ keys: page.rows.length, gets });
    next = page.next;
  } while (next);
  expect(pages.reduce((sum, { keys }) => sum + keys, 0)).toBe(180);
  // Fifty segments of one event each, then three of 4 MB, of which two fit into a page.
  expect(pages.map(({ gets }) => gets)).toEqual([32, expect.any(Number), expect.any(Number)]);
  expect(pages.length).toBe(3);
});

test("a cron does what it has time for, and the next one goes on", async () => {
  const all = Array.from({ length: 1200 }, (_, n) => decided(eventAt(OLD + n, `${n}`)));
  await record(stores.ledger, all, OLD);
  let time = NOW;
  // Each look at the clock finds that three seconds have gone by.
  const now = () => {
    time += 3000;
    return time;
  };
  const moved = async () => {
    await retain({ env: { eventStores: () => stores }, connections: connections(), now });
    return count(stores, "archived");
  };
  const first = await moved();
  expect(first).toBeGreaterThan(0);
  expect(first).toBeLessThan(1200);
  while ((await count(stores, "events")) > 0) await moved();
  expect(await count(stores, "archived")).toBe(1200);
});
