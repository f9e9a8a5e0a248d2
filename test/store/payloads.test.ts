// Payloads that no message holds, in real R2: kept by the day, and let go when their time is over.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Event } from "../../src/shapes/event.ts";
import { bounded, isPayloadKey, payloadKey, retirePayloads } from "../../src/store/payloads.ts";
import { openStores, type Stores } from "../support/stores.ts";

let stores: Stores;
beforeAll(async () => {
  stores = await openStores();
});
afterAll(() => stores?.close());

const NOW = Date.parse("2026-11-25T10:00:00Z");
const DAY_MS = 86_400_000;
const invoked = (days: number, payload: unknown): Event => ({
  id: `evt_${String(days).padStart(32, "0")}`,
  connection: "c",
  sender: "invoke",
  type: "created",
  operation: "Invoke",
  bucket: "",
  key: "",
  time: new Date(NOW - days * DAY_MS).toISOString(),
  received_at: new Date(NOW - days * DAY_MS).toISOString(),
  identities: [],
  hops: 0,
  payload,
});
const held = async () => (await stores.bucket.list({ prefix: "payloads/" })).objects.map(({ key }) => key);

test("a payload that fits a message stays where it is, and a larger one is kept apart until its 60 days are over", async () => {
  const small = invoked(0, "small");
  expect(await bounded(small, () => stores.bucket)).toEqual(small);
  const large = [0, 59, 60, 61, 200].map((days) => invoked(days, "é".repeat(60_000)));
  for (const event of large) {
    const { payload, payload_ref } = await bounded(event, () => stores.bucket);
    expect(payload).toBeUndefined();
    expect(payload_ref?.bytes).toBe(120_002);
  }
  // What else is in the bucket is nobody's payload.
  await stores.bucket.put("events/c/2020-01-01/00-00.ndjson.gz", "a segment");
  expect(await held()).toHaveLength(5);
  expect((await held()).every(isPayloadKey)).toBe(true);
  expect(await retirePayloads(stores.bucket, NOW)).toBe(2);
  expect(await held()).toEqual(large.slice(0, 3).map(payloadKey).sort());
  expect(await retirePayloads(stores.bucket, NOW)).toBe(0);
  expect(await stores.bucket.head("events/c/2020-01-01/00-00.ndjson.gz")).not.toBeNull();
});
