// What runs have used, as their shard adds it up: each attempt once, whatever comes twice, and the same before and after
// runs are packed.
import { expect, test } from "vitest";
import { costOf, estimateCost } from "../../../src/shapes/cost.ts";
import { runId } from "../../../src/shapes/event-id.ts";
import { addRuns, noRuns, withRun } from "../../../src/shapes/measures.ts";
import { openShard } from "../../support/shard-in-node.ts";
import { at, commitOf, DAY, eventOf, HOUR, NOW, reportOf } from "./given.ts";

async function shardWith(...keys: string[]) {
  const opened = openShard();
  const events = keys.map((key) => eventOf(key));
  const commits = events.map((event) => ({ ...commitOf(event, "p"), replay: "rpl_1" }));
  await opened.shard.commit(commits, at(NOW));
  return { ...opened, ids: events.map(({ id }) => runId(id, "p")) };
}

test("counts every attempt once, and the same when its run is packed", async () => {
  const { shard, ids, ring } = await shardWith("a", "b");
  const [a = "", b = ""] = ids;
  const failed = reportOf(a, 1, "failed", { measures: { rows_written: 3, container_ms: 100 } });
  const later = { started_at: NOW + 1_000, measures: { rows_written: 4 } };
  const ended = reportOf(a, 2, "succeeded", later);
  for (const report of [failed, failed, ended, ended, failed]) await shard.finish([report], { now: NOW });
  // Of b only one thing is known: that it was skipped, for a reason.
  await shard.finish([reportOf(b, 1, "skipped", { reason: "gone", measures: { r2_reads: 2 } })], {
    now: NOW,
  });
  const expected = {
    spending: [{ alias: "p", runs: 2, measures: { container_ms: 100, rows_written: 7, r2_reads: 2 } }],
    handled: {
      runs: 1,
      sums: { container_ms: 100, rows_written: 7 },
      squares: { container_ms: 10_000, rows_written: 49 },
    },
    replay: { runs: 2, measures: { container_ms: 100, rows_written: 7, r2_reads: 2 } },
  };
  const all = async () => ({
    spending: await shard.spending(),
    handled: await shard.handled("p", NOW - DAY),
    replay: await shard.replaySpending("rpl_1"),
  });
  expect(await all()).toEqual(expected);
  await ring(NOW + HOUR);
  expect(await all()).toEqual(expected);
  expect(await shard.handled("p", NOW + DAY)).toEqual(noRuns());
  expect((await shard.runs({ limit: 1, alias: "p", status: "succeeded" }))[0]?.measures).toEqual(
    expected.spending[0] && { container_ms: 100, rows_written: 7 },
  );
});

test("counts what a cancelled run used all the same, and an attempt that was put off", async () => {
  const { shard, ids } = await shardWith("a");
  const [a = ""] = ids;
  const wait = (n: number) =>
    reportOf(a, 1, "failed", { started_at: NOW + n, measures: { object_calls: 1 } });
  await shard.finish([wait(1)], { now: NOW });
  await shard.finish([wait(2)], { now: NOW });
  await shard.cancel([a], "no more", NOW);
  await shard.finish([wait(3)], { now: NOW });
  expect(await shard.spending()).toEqual([{ alias: "p", runs: 1, measures: { object_calls: 3 } }]);
});

test("what runs will cost: the mean of those before, the wider the fewer and the more unlike they were", () => {
  const of = (...ms: number[]) => ms.reduce((sum, container_ms) => withRun(sum, { container_ms }), noRuns());
  const seconds = (past: ReturnType<typeof of>) => estimateCost(past, 10)?.container_seconds;
  expect(estimateCost(noRuns(), 10)).toBeNull();
  expect(seconds(of(1_000))).toEqual({ mean: 10, low: 0, high: 100 });
  expect(seconds(of(1_000, 1_000))).toEqual({ mean: 10, low: 10, high: 10 });
  const few = seconds(of(500, 1_500));
  const many = seconds(addRuns(of(500, 1_500, 500, 1_500, 500), of(1_500, 500, 1_500, 500, 1_500)));
  expect([few?.mean, many?.mean]).toEqual([10, 10]);
  expect(many?.high).toBeLessThan(few?.high ?? 0);
  expect(few?.low).toBe(0);
  // By hand: a million milliseconds of standard-1 are 20.56 / 1000 dollars, its object's memory 12.5 a million GB-s.
  expect(costOf({ container_ms: 1e6 }, 0)).toBeCloseTo(0.02056 + (1_000 * 0.128 * 12.5) / 1e6, 6);
});
