// Cost: a batch of events asks each store a fixed number of times, however many events it has and pipelines want them.
// The router's spine in workerd, by itself, over real D1 and queues, with its questions counted.
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDelivery } from "../../bench/support/delivery.ts";

let delivery: Awaited<ReturnType<typeof openDelivery>>;
beforeAll(async () => {
  delivery = await openDelivery();
}, 60_000);
afterAll(() => delivery?.close());

test("a batch costs one question to D1, one call to each shard, and one object of the log for its minute", async () => {
  for (const events of [1, 7, 100]) {
    for (const pipelines of [1, 10, 40]) {
      // The first of each registry puts its deployment on record.
      await delivery.batch("route", 1, pipelines);
      const { roundTrips, shardCalls, puts } = await delivery.batch("route", events, pipelines);
      expect({ events, pipelines, roundTrips, shardCalls, puts }).toEqual({
        ...{ events, pipelines },
        ...{ roundTrips: 1, shardCalls: 1, puts: 1 },
      });
    }
  }
});
