// What an event costs and how much a ledger holds: the constants are counted anew in workerd, and every figure of
// docs/operations.md, "Capacity and cost", follows from them by bench/support/capacity.ts.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  COUNTED_LIFE,
  COUNTED_LOG,
  countMatched,
  countRefused,
  type EventCounts,
  type LedgerLoad,
  priceMillion,
  priceMonth,
  shardsOfBatch,
  simulateLedger,
} from "../../bench/support/capacity.ts";
import { countLife, openLedgerBench } from "../../bench/support/ledger.ts";
import { packageRoot } from "../../cli/project/project.ts";
import { billedOf, costOf, RUN_OVERHEAD } from "../../src/shapes/cost.ts";

const page = readFileSync(join(packageRoot, "docs/operations.md"), "utf8");
const LOAD: LedgerLoad = { events_per_s: 1_000, matched_share: 0.1, shards: 128 };

/** Rows of the page's table that begins with this cell: first cell → the others. */
function tableOf(head: string): Map<string, string[]> {
  const lines = page
    .slice(page.indexOf(`| ${head} |`))
    .split("\n")
    .slice(2);
  const rows = lines.slice(
    0,
    lines.findIndex((line) => !line.startsWith("|")),
  );
  return new Map(
    rows.map((row) => {
      const [first = "", ...rest] = row
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim());
      return [first, rest];
    }),
  );
}

const cents = (dollars: number) => dollars.toFixed(2);
const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(2);

test("the page's dollars for a million events follow from what was counted, and keep the goals", () => {
  const prices = [countRefused(COUNTED_LOG, LOAD), countMatched(COUNTED_LIFE, COUNTED_LOG, LOAD)].map(
    priceMillion,
  );
  const [refused, matched] = prices;
  const NAMES: Record<string, (keyof EventCounts | "sum")[]> = {
    "rows written in shards": ["rows_written"],
    "calls of shards, and their time": ["object_calls", "object_gb_seconds", "rows_read"],
    "queue operations": ["queue_operations"],
    "the log in R2": ["r2_writes", "r2_reads"],
    "Workers' requests and processor time": ["worker_requests", "worker_cpu_ms"],
    "lines of logs": ["log_lines"],
    sum: ["sum"],
  };
  const expected = Object.entries(NAMES).map(([name, items]) => {
    const sums = [matched, refused].map((price) =>
      items.reduce((sum, item) => sum + (price?.[item] ?? 0), 0),
    );
    return [name, sums.map(cents)] as const;
  });
  const table = tableOf("dollars for a million events");
  expect(expected.map(([name]) => [name, table.get(name)?.slice(-2)])).toEqual(expected);
  expect(matched?.sum).toBeLessThanOrEqual(8.5);
  expect(refused?.sum).toBeLessThanOrEqual(1.5);
});

test("what a run costs beside its handler is what was counted, in every estimate", () => {
  const [event, run] = [countRefused(COUNTED_LOG, LOAD), countMatched(COUNTED_LIFE, COUNTED_LOG, LOAD)];
  const ofRun = (name: keyof EventCounts) => run[name] - event[name];
  for (const [name, each] of Object.entries(RUN_OVERHEAD))
    expect(ofRun(name as keyof EventCounts), name).toBeCloseTo(each, 2);
  expect(billedOf({}, 1).object_gb_seconds).toBeCloseTo(ofRun("object_gb_seconds"), 4);
  expect(costOf({}, 1e6)).toBeCloseTo(priceMillion(run).sum - priceMillion(event).sum, 1);
});

test("the page's year follows from what was counted", () => {
  const [refused, matched] = [
    priceMillion(countRefused(COUNTED_LOG, LOAD)).sum,
    priceMillion(countMatched(COUNTED_LIFE, COUNTED_LOG, LOAD)).sum,
  ];
  const columns = [100, 1_000].map((events_per_s) => {
    const load = { ...LOAD, events_per_s };
    const [month2, year] = [60, 365].map((days) => simulateLedger(load, days, 1, COUNTED_LIFE, COUNTED_LOG));
    if (!month2 || !year) throw new Error("no simulation");
    return {
      "identities of a shard, GB": gigabytes(year.identities_bytes),
      "packs of a shard, GB": gigabytes(year.packs_bytes),
      "both after 60 days, GB": gigabytes(month2.identities_bytes + month2.packs_bytes),
      "objects with items of a shard, GB, where each matched event has a new one": gigabytes(
        year.tracked_bytes,
      ),
      "a shard in the end, GB": gigabytes(year.shard_bytes),
      "the log in R2, GB": (year.log_bytes / 1e9).toFixed(0),
      "dollars a month for events": priceMonth(load, refused, matched).toFixed(0),
      "dollars a month for what is stored": year.dollars_a_month.toFixed(0),
    };
  });
  const table = tableOf("after a year of");
  for (const name of Object.keys(columns[0] ?? {}))
    expect([name, table.get(name)]).toEqual([
      name,
      columns.map((column) => column[name as keyof typeof column]),
    ]);
});

test("a matched event writes at most five rows over its life and as many bytes as were counted", async () => {
  const life = await countLife(LOAD, 400);
  expect(life.commit_rows + life.finish_rows + life.pack_rows).toBeLessThanOrEqual(5);
  expect(life.commit_rows + life.finish_rows).toBeCloseTo(
    COUNTED_LIFE.commit_rows + COUNTED_LIFE.finish_rows,
    1,
  );
  for (const name of ["identity_bytes", "packed_bytes", "tracked_bytes"] as const) {
    // A shard takes whole pages of 4 KB.
    expect(life[name] / COUNTED_LIFE[name]).toBeGreaterThan(0.7);
    expect(life[name] / COUNTED_LIFE[name]).toBeLessThan(1.3);
  }
}, 120_000);

test("a refused event writes none", async () => {
  const { ask, close } = await openLedgerBench();
  const { found } = await ask<{ found: { refused: number; matched: number } }>("/refuse?events=100");
  await close();
  expect(found).toEqual({ refused: 0, matched: expect.any(Number) });
  expect(found.matched).toBeGreaterThan(0);
}, 120_000);

test("a batch calls the shards that its events fall on", () => {
  expect(shardsOfBatch(100, 1)).toBe(1);
  expect(shardsOfBatch(1, 128)).toBeCloseTo(1, 10);
  expect(shardsOfBatch(100, 128)).toBeCloseTo(69.6, 1);
});
