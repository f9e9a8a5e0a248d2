// What a monitor reads at /metrics, over a whole ledger.
import { afterAll, beforeAll, expect, test } from "vitest";
import { renderMetrics } from "../../src/query/metrics.ts";
import { identify, lookups } from "../../src/receive/identity.ts";
import type { Event } from "../../src/shapes/event.ts";
import { runId } from "../../src/shapes/event-id.ts";
import type { Job } from "../../src/shapes/job.ts";
import { PRICES, type Prices } from "../../src/shapes/prices.ts";
import type { Report, RunStatus } from "../../src/shapes/run.ts";
import { pausePipeline } from "../../src/store/ledger/pauses.ts";
import { recordRefused } from "../../src/store/ledger/rejections.ts";
import { type LedgerInNode, openLedger } from "../support/ledger.ts";
import { openStores, type Stores } from "../support/stores.ts";

let real: Stores;
let stores: LedgerInNode;
beforeAll(async () => {
  real = await openStores();
  stores = openLedger(real);
});
afterAll(() => real?.close());

const NOW = Date.parse("2026-11-25T10:00:00Z");
let number = 0;

async function run(alias: string): Promise<Job> {
  const time = new Date(NOW).toISOString();
  const told = {
    connection: "c",
    bucket: "b",
    key: `${number++}`,
    type: "created",
    operation: "Put",
    time,
  } as const;
  const event: Event = { ...told, ...identify(told), sender: "s3", hops: 0, received_at: time };
  const commit = { event, lookups: lookups(event), matched: [alias], cause: "matched" as const };
  await stores.shards.commit([commit], { now: NOW, paused: alias === "b" ? ["b"] : [], binding: [] });
  return { run_id: runId(event.id, alias), alias, event, cause: "matched", attempts_before: 0 };
}
const report = ({ run_id }: Job, status: RunStatus, attempt = 1): Report => {
  return { run_id, attempt, status, version: "v", commit: "c", started_at: NOW, ended_at: NOW + 1500 };
};
const lines = async (now = NOW + 10_000) =>
  (await renderMetrics(stores, now, [{ collection: "films", seconds: 1.5 }]))
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));

test("a ledger in which nothing has happened has its families and no samples but the count of replays", async () => {
  const text = await renderMetrics(stores, NOW, []);
  expect(text).toContain("# TYPE weir_runs_total counter\n");
  expect(text).not.toContain("\nweir_index_lag_seconds{");
  expect(await lines()).toEqual([
    expect.stringContaining("weir_ledger_fullest_shard_ratio "),
    "weir_replays_active 0",
    'weir_index_lag_seconds{collection="films"} 1.5',
  ]);
});

test("what ended, what is open and for how long, what is dead, paused and refused", async () => {
  const [done, dead] = [await run("a"), await run("a")];
  await run("b");
  await stores.shards.finish([report(done, "succeeded")], { now: NOW });
  // Told twice, it has ended once.
  await stores.shards.finish([report(done, "succeeded")], { now: NOW });
  await stores.shards.bury(
    [{ job: dead, failure: { kind: "handler_failed", detail: "x" }, attempts: 1 }],
    NOW,
  );
  await pausePipeline(stores.ledger, { alias: "b", reason: 'says "no"', at: NOW });
  const failure = { kind: "unproven", detail: "no" } as const;
  await recordRefused(stores.ledger, [{ connection: 'odd"\n', scheme: "sns", failure, at: NOW }]);
  expect(await lines()).toEqual([
    'weir_runs_total{pipeline="a",status="dead"} 1',
    'weir_runs_total{pipeline="a",status="succeeded"} 1',
    'weir_run_seconds_total{pipeline="a",status="dead"} 0',
    'weir_run_seconds_total{pipeline="a",status="succeeded"} 1.5',
    'weir_runs_open{pipeline="b",status="pending"} 1',
    'weir_run_oldest_open_seconds{pipeline="b"} 10',
    'weir_dead_letters{pipeline="a"} 1',
    expect.stringContaining("weir_ledger_fullest_shard_ratio "),
    'weir_pipeline_paused{pipeline="b"} 1',
    "weir_replays_active 0",
    'weir_rejections_recent{connection="odd\\"\\n"} 1',
    'weir_index_lag_seconds{collection="films"} 1.5',
  ]);
  // Five minutes later the refusal is no news.
  expect((await lines(NOW + 310_000)).filter((line) => line.includes("rejections"))).toEqual([]);
});

test("a redriven run that then succeeds has ended twice, and is open in between", async () => {
  const [letter] = await stores.shards.redrive({ alias: "a" }, { now: NOW, limit: 10, paused: [] });
  expect((await lines()).join()).toMatch(/weir_runs_open\{pipeline="a",status="(pending|queued)"\} 1/);
  await stores.shards.finish([{ ...report({ run_id: letter?.run.run_id } as Job, "succeeded", 2) }], {
    now: NOW,
  });
  const after = await lines();
  expect(after).toContain('weir_runs_total{pipeline="a",status="succeeded"} 2');
  expect(after).toContain('weir_runs_total{pipeline="a",status="dead"} 1');
});

test("what runs have cost, at the project's prices, and what was counted", async () => {
  const done = await run("dear");
  await stores.shards.finish([{ ...report(done, "succeeded"), measures: { r2_writes: 1_000_000 } }], {
    now: NOW,
  });
  const cost = async (prices?: Prices) =>
    (await renderMetrics(stores, NOW, [], prices)).match(/weir_cost_usd_total\{pipeline="dear"\} (.*)/)?.[1];
  expect(Number(await cost())).toBeCloseTo(4.5, 3);
  expect(Number(await cost({ ...PRICES, r2_writes: 9 }))).toBeCloseTo(9, 3);
  expect(await lines()).toContain('weir_used_total{pipeline="dear",what="r2_writes"} 1000000');
});

test("the fullest shard counts, however empty the others are", async () => {
  const bytes = [1_000, 7_500, 500];
  const shards = {
    ...stores.shards,
    counts: async () => ({
      ...(await stores.shards.counts()),
      shards: bytes.map((bytes) => ({ bytes, limit_bytes: 10_000 })),
    }),
  };
  const text = await renderMetrics({ ledger: stores.ledger, shards }, NOW, []);
  expect(text).toContain("\nweir_ledger_fullest_shard_ratio 0.75\n");
});
