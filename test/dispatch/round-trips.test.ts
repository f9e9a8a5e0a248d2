// Cost: a batch of events asks D1 a fixed number of times, however many events it has and pipelines want them.
// The router's spine in workerd, by itself, over real D1 and queues, with its questions counted.
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDelivery } from "../../bench/support/delivery.ts";

let delivery: Awaited<ReturnType<typeof openDelivery>>;
beforeAll(async () => {
  delivery = await openDelivery();
}, 60_000);
afterAll(() => delivery?.close());

test("a batch costs two round trips: one that records, one that marks what was handed over", async () => {
  for (const events of [1, 7, 100]) {
    for (const pipelines of [1, 10, 40]) {
      const { roundTrips } = await delivery.batch("route", events, pipelines);
      expect({ events, pipelines, roundTrips }).toEqual({ events, pipelines, roundTrips: 2 });
    }
  }
});
