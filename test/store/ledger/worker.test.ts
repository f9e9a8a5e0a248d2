// The real Durable Object of a shard, in workerd: its calls by RPC, what it writes, its alarm, and a database that is full.
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestHarness, type TestHarness } from "wrangler";
import { runId } from "../../../src/shapes/event-id.ts";
import { openShards, type Shards } from "../../../src/store/ledger/shards.ts";
import { openLog } from "../../../src/store/log/open.ts";
import { at, commitOf, eventOf, MINUTE, reportOf } from "./given.ts";

const configPath = new URL("../../../workers/ledger/wrangler.toml", import.meta.url);
type LogBucket = Parameters<typeof openLog>[0];

interface Bindings {
  LEDGER_SHARDS: Parameters<typeof openShards>[0];
  ARCHIVE: LogBucket;
  LEDGER: { exec(sql: string): Promise<unknown> };
}

let harness: TestHarness;
let bindings: Bindings;
let ledger: Shards;

beforeAll(async () => {
  harness = createTestHarness({ workers: [{ configPath, vars: { LEDGER_SHARD_MB: "100" } }] });
  await harness.listen();
  bindings = (await harness.getWorker("weir-ledger").getEnv()) as unknown as Bindings;
  await bindings.LEDGER.exec("CREATE TABLE paused (alias TEXT PRIMARY KEY, reason TEXT, at INTEGER)");
  ledger = openShards(bindings.LEDGER_SHARDS, 4);
}, 60_000);
afterAll(() => harness?.close());

/** Waits for what an alarm does, which rings by itself. */
async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + 60_000; Date.now() < end; ) {
    const seen = await look();
    if (seen !== undefined) return seen;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error("the alarm did nothing within a minute");
}

test("an event that runs one pipeline writes at most 5 rows over its whole life, a refused one none", async () => {
  const count = 600;
  // Old enough to be packed at once, and not yet due.
  const then = Date.now() - 11 * MINUTE;
  const written = async () => (await ledger.counts()).rows_written;
  const before = await written();
  const events = Array.from({ length: count }, (_, n) =>
    eventOf(`rows/${n}`, { metadata: { some: "x".repeat(500) } }),
  );
  const refused = Array.from({ length: count }, (_, n) => eventOf(`refused/${n}`));
  expect(
    (
      await ledger.commit(
        refused.map((event) => commitOf(event)),
        at(then),
      )
    ).flatMap(({ runs }) => runs),
  ).toEqual([]);
  expect(await written()).toBe(before);
  for (let from = 0; from < count; from += 100) {
    const batch = events.slice(from, from + 100);
    const runs = (
      await ledger.commit(
        batch.map((event) => commitOf(event, "a")),
        at(then),
      )
    ).flatMap(({ runs }) => runs);
    expect(runs).toHaveLength(100);
    const done = {
      items: 3,
      stored_at: then,
      started_at: then - 1000,
      ended_at: then,
      etag: "e",
      models: ["m"],
    };
    await ledger.finish(
      runs.map(({ run_id }) => reportOf(run_id, 1, "succeeded", done)),
      { now: then },
    );
  }
  // The alarm has rung when no run is left but in packs.
  const last = await until(async () => {
    const left = await ledger.runsOf(events.map(({ id }) => id));
    return left.length === 0 ? written() : undefined;
  });
  const perEvent = (last - before) / count;
  console.log(JSON.stringify({ rows_matched: perEvent, bytes: (await ledger.counts()).bytes }));
  expect(perEvent).toBeLessThanOrEqual(5);
  expect(perEvent).toBeGreaterThan(4);
  expect((await ledger.counts()).ended).toEqual([
    { alias: "a", status: "succeeded", runs: count, seconds: count },
  ]);
  expect((await ledger.runs({ alias: "a", limit: 1000 })).map(({ event_id }) => event_id).sort()).toEqual(
    events.map(({ id }) => id).sort(),
  );
  expect(await ledger.produced("a")).toEqual([
    { version: "v", commit: "c", objects: count, items: 3 * count },
  ]);
  const log = openLog(bindings.ARCHIVE);
  const one = events[17];
  await log.append([
    { event: one as NonNullable<typeof one>, outcome: { matched: ["a"], refused: [], refused_count: 0 } },
  ]);
  expect((await log.find(one?.id ?? ""))?.runs).toMatchObject([{ status: "succeeded", items: 3 }]);
}, 120_000);

test("its own alarm rings and sends what is due", async () => {
  const one = eventOf("due");
  await ledger.commit([commitOf(one, "b")], at(Date.now()));
  await ledger.unsent([runId(one.id, "b")], Date.now());
  const history = await until(async () => {
    const [run] = await ledger.runsOf([one.id]);
    return run?.status === "queued" && run.history.length > 2 ? run.history : undefined;
  });
  expect(history.map(({ status }) => status)).toEqual(["queued", "pending", "queued"]);
});

test("it has no door of its own", async () => {
  expect((await harness.fetch("/shard-0")).status).toBe(404);
});
