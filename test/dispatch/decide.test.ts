// How often an object is looked at to decide about one event, counted over real R2: never where the event
// says enough, once however many pipelines ask.
import { afterAll, beforeAll, expect, test } from "vitest";
import { openEnv } from "../../src/env.ts";
import { decide } from "../../src/routing/decide.ts";
import type { Source } from "../../src/source/contract.ts";
import { r2Source } from "../../src/source/r2.ts";
import { deployed, eventOf } from "../query/given.ts";
import { openStores, type Stores } from "../support/stores.ts";

let stores: Stores;
let real: Source;
beforeAll(async () => {
  stores = await openStores();
  real = r2Source("c", openEnv({ R2_B: stores.bucket }));
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

test("after a removal there is one look for what is there now: of an object, it is decided as of a new one", async () => {
  const told = { type: "removed", size: 0, etag: "of the marker", metadata: { color: "none" } };
  const { made, outcome } = await decided(
    (n) =>
      [
        { color: "red" },
        { color: "blue" },
        { size: 0 },
        { type: "created" },
        { type: "removed" },
        { operation: "ObjectCreated:Put" },
        { operation: "ObjectCreated:Put", color: "blue" },
      ][n] ?? { key: "another" },
    told,
  );
  expect(made).toEqual({ heads: 1, tags: 0 });
  expect(outcome).toMatchObject({ matched: ["p0", "p3", "p5"], refused_count: 47, object: { size: 5 } });
});

test("a removal is not looked after where no pipeline would take what may be there", async () => {
  const { made, outcome } = await decided((n) => ({ key: `b${n}`, color: "red" }), { type: "removed" });
  expect(made).toEqual({ heads: 0, tags: 0 });
  expect(outcome).toMatchObject({ matched: [], refused_count: 50 });
});

test("a removal that left nothing there runs nothing", async () => {
  const { made, source } = counting();
  const event = eventOf("none.txt", { type: "removed" });
  const outcome = await decide(event, fifty(() => ({ color: "red" })).of("c"), source);
  expect(made).toEqual({ heads: 1, tags: 0 });
  expect(outcome).toMatchObject({ value: { matched: [], refused_count: 50 } });
});

test("an access runs what names it and nothing else, and is no reason for a look, which would be one more", async () => {
  const filters: object[] = [
    {},
    { color: "red" },
    { type: [{ "anything-but": "removed" }] },
    { operation: [{ prefix: "Object" }] },
    { operation: [{ not: "ObjectCreated:Put" }] },
    { type: [{ exists: true }], number: "7" },
    { sender: "minio" },
    // From here on, it is named.
    { type: ["created", "accessed"] },
    { operation: [{ prefix: "ObjectAccessed:" }] },
    { $or: [{ color: "green" }, { operation: ["ObjectAccessed:Get"] }] },
  ];
  const access = { type: "accessed", operation: "ObjectAccessed:Get", sender: "minio" };
  const { made, outcome } = await decided((n) => filters[n] ?? { color: String(n) }, access);
  expect(made).toEqual({ heads: 0, tags: 0 });
  expect(outcome).toMatchObject({ matched: ["p7", "p8", "p9"], refused_count: 47 });
});

test("an access that a pipeline names, together with metadata, is looked after once", async () => {
  const filter = (n: number) => ({ type: "accessed", number: String(n) });
  const { made, outcome } = await decided(filter, { type: "accessed", operation: "ObjectAccessed:Get" });
  expect(made).toEqual({ heads: 1, tags: 0 });
  expect(outcome).toMatchObject({ matched: ["p7"], refused_count: 49 });
});

test("an object that is gone is looked for once, and the outcome says so", async () => {
  const { made, source } = counting();
  const outcome = await decide(eventOf("none.txt"), fifty(() => ({ color: "red" })).of("c"), source);
  expect(made).toEqual({ heads: 1, tags: 0 });
  expect(outcome).toMatchObject({ value: { matched: [], unseen: expect.stringContaining("gone") } });
});
