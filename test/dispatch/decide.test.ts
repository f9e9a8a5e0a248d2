// How often an object is looked at to decide about one event, counted over real R2: never where the event
// says enough, once however many pipelines ask.
import { afterAll, beforeAll, expect, test } from "vitest";
import { surroundings } from "../../src/env.ts";
import { decide } from "../../src/routing/decide.ts";
import type { Source } from "../../src/source/contract.ts";
import { r2Source } from "../../src/source/r2.ts";
import { deployed, eventOf } from "../query/given.ts";
import { openStores, type Stores } from "../support/stores.ts";

let stores: Stores;
let real: Source;
beforeAll(async () => {
  stores = await openStores();
  real = r2Source("c", surroundings({ R2_B: stores.bucket }));
  const customMetadata = { color: "red", number: "7" };
  await stores.bucket.put("a.txt", "hello", { httpMetadata: { contentType: "text/plain" }, customMetadata });
});
afterAll(() => stores?.close());

/** The bucket itself, with its requests counted. */
function counting() {
  const made = { heads: 0, tags: 0 };
  const source: Source = {
    ...real,
    observe: (bucket, key) => {
      made.heads++;
      return real.observe(bucket, key);
    },
    tags: (bucket, key) => {
      made.tags++;
      return real.tags(bucket, key);
    },
  };
  return { made, source };
}

/** Fifty pipelines, by their number. */
const fifty = (filter: (n: number) => object) =>
  deployed(Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`p${n}`, filter(n)])));

async function decided(filter: (n: number) => object, more: object = {}) {
  const { made, source } = counting();
  const outcome = await decide(eventOf("a.txt", more), fifty(filter).of("c"), source);
  return { made, outcome: outcome.ok ? outcome.value : outcome.failure };
}

test("an event that says enough is decided without a look", async () => {
  const { made, outcome } = await decided((n) => ({
    extension: n % 2 ? "txt" : "mp4",
    key: [{ prefix: "a" }],
  }));
  expect(made).toEqual({ heads: 0, tags: 0 });
  expect(outcome).toMatchObject({ refused_count: 25 });
  expect(outcome).not.toHaveProperty("object");
});

test("conditions on metadata make no look where the rest has already decided", async () => {
  const { made } = await decided((n) => ({ extension: "mp4", number: String(n) }));
  expect(made).toEqual({ heads: 0, tags: 0 });
});

test("fifty pipelines that ask for metadata, type and size share one look, which is kept", async () => {
  const { made, outcome } = await decided((n) =>
    n % 3 === 0 ? { number: String(n) } : n % 3 === 1 ? { content_type: "text/plain" } : { size: "> 1KB" },
  );
  expect(made).toEqual({ heads: 1, tags: 0 });
  expect(outcome).toMatchObject({
    object: { size: 5, content_type: "text/plain", metadata: { color: "red", number: "7" } },
    refused_count: 33,
  });
});

test("where some ask for tags too, there is one request for them", async () => {
  const { made } = await decided((n) => (n % 2 ? { color: "red" } : { tags: { n: [String(n)] } }));
  expect(made).toEqual({ heads: 1, tags: 1 });
});

test("what the sender told of metadata is not asked for", async () => {
  const { made, outcome } = await decided(() => ({ color: "blue" }), { metadata: { color: "blue" } });
  expect(made).toEqual({ heads: 0, tags: 0 });
  expect(outcome).toMatchObject({ refused_count: 0 });
});

test("a removed object is not looked for", async () => {
  const { made } = await decided(() => ({ color: "red" }), { type: "removed" });
  expect(made).toEqual({ heads: 0, tags: 0 });
});

test("an object that is gone is looked for once, and the outcome says so", async () => {
  const { made, source } = counting();
  const outcome = await decide(eventOf("none.txt"), fifty(() => ({ color: "red" })).of("c"), source);
  expect(made).toEqual({ heads: 1, tags: 0 });
  expect(outcome).toMatchObject({ value: { matched: [], unseen: expect.stringContaining("gone") } });
});
