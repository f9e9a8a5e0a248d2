// What ended in each quarter of an hour, as a shard counts it: once, before and after it is packed, whatever a letter goes
// through; and percentiles of its histogram.
import { expect, test } from "vitest";
import { runId } from "../../../src/shapes/event-id.ts";
import { classOf, percentileOf } from "../../../src/shapes/latency.ts";
import { openShard } from "../../support/shard-in-node.ts";
import { at, commitOf, DAY, eventOf, HOUR, MINUTE, NOW, reportOf } from "./given.ts";

const QUARTER = Math.floor(NOW / (15 * MINUTE));
const died = { failure: { kind: "handler_failed" as const, detail: "no luck with secret.txt" } };

async function shardWith(...keys: string[]) {
  const opened = openShard();
  const events = keys.map((key) => eventOf(key));
  await opened.shard.commit(
    events.map((event) => commitOf(event, "p")),
    at(NOW),
  );
  return { ...opened, ids: events.map(({ id }) => runId(id, "p")) };
}

test("endings, their latencies and what they used are the same before and after they are packed", async () => {
  const { shard, ids, ring } = await shardWith("a", "b", "c");
  const [a = "", b = "", c = ""] = ids;
  const stored = { items: 2, stored_at: NOW + 4_000, measures: { rows_written: 5 } };
  await shard.finish([reportOf(a, 1, "succeeded", stored)], { now: NOW });
  await shard.finish([reportOf(b, 1, "skipped", { reason: "gone" })], { now: NOW });
  await shard.finish([reportOf(c, 1, "dead", died)], { now: NOW, letters: false });
  const expected = {
    quarters: [
      {
        ...{ quarter: QUARTER, alias: "p", ended: { succeeded: 1, skipped: 1, dead: 1 } },
        failures: { handler_failed: 1 },
        // Its event was a minute ago.
        latencies: { [classOf(64_000)]: 1 },
        ...{ measured: 1, measures: { rows_written: 5 } },
      },
    ],
    stored: [{ alias: "p", objects: 1, items: 2 }],
  };
  expect(await shard.activity(NOW - HOUR)).toEqual(expected);
  await ring(NOW + HOUR);
  expect(await shard.activity(NOW - HOUR)).toEqual(expected);
  expect((await shard.activity(NOW + HOUR)).quarters).toEqual([]);
  await ring(NOW + 10 * DAY);
  expect((await shard.activity(NOW - HOUR)).quarters).toEqual([]);
});

test("a letter counts as dead in its quarter also when it has been redriven, and keeps nothing of its detail", async () => {
  const { shard, ids, ring } = await shardWith("secret.txt");
  const [run = ""] = ids;
  await shard.finish([reportOf(run, 1, "dead", died)], { now: NOW });
  const ended = async () =>
    (await shard.activity(NOW - HOUR)).quarters.map((one) => [one.quarter, one.ended]);
  expect(await ended()).toEqual([[QUARTER, { dead: 1 }]]);
  await shard.redrive({ run_ids: [run] }, { now: NOW + HOUR, limit: 1, paused: [] });
  expect(await ended()).toEqual([[QUARTER, { dead: 1 }]]);
  await shard.finish([reportOf(run, 2, "succeeded", { items: 1, stored_at: NOW + HOUR })], {
    now: NOW + HOUR,
  });
  await ring(NOW + 2 * HOUR);
  expect(await ended()).toEqual([
    [QUARTER, { dead: 1 }],
    [QUARTER + 4, { succeeded: 1 }],
  ]);
  expect(JSON.stringify(await shard.activity(NOW - HOUR))).not.toContain("secret");
});

test("a percentile is right to within a tenth, and there is none of nothing", () => {
  const times = Array.from({ length: 1_000 }, (_, n) => (n + 1) * 37);
  const histogram: Record<string, number> = {};
  for (const ms of times) histogram[classOf(ms)] = (histogram[classOf(ms)] ?? 0) + 1;
  for (const share of [0.5, 0.95]) {
    const exact = times[Math.ceil(times.length * share) - 1] ?? 0;
    expect((percentileOf(histogram, share) ?? 0) / exact).toBeGreaterThan(0.9);
    expect((percentileOf(histogram, share) ?? 0) / exact).toBeLessThan(1.1);
  }
  expect(percentileOf({}, 0.5)).toBeNull();
});
