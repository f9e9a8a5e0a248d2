// A changed filter against what is on record, over real D1: objects that would be gained and lost, once each.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DiffBody, diffFilters } from "../../src/query/diff.ts";
import type { SetLineage } from "../../src/shapes/item.ts";
import { d1Collection } from "../../src/store/collections/d1.ts";
import { type LedgerInNode, openLedger } from "../support/ledger.ts";
import { openMapBucket } from "../support/map-bucket.ts";
import { openStores, type Stores } from "../support/stores.ts";
import { deployed, eventOf, hear, holding, START } from "./given.ts";

let real: Stores;
let stores: LedgerInNode;
beforeAll(async () => {
  real = await openStores();
  // The log is in memory: what is judged here is not the store, and a property asks it often.
  stores = openLedger({ ledger: real.ledger, archive: openMapBucket().bucket });
});
afterAll(() => real?.close());

const NOW = START + 86_400_000;
const lineage: SetLineage = {
  ...{ event_id: "e", run_id: "r", version: "v", commit: "c", etag: null, version_id: null, size: null },
  ...{ event_time: "2026-11-20T10:00:00.000Z", stored_at: "2026-11-20T10:00:00.000Z" },
};

/** Compares, page by page, the deployed filter of a connection with a changed one. */
async function diff(
  connection: string,
  before: object,
  after: Record<string, unknown>,
  more: Partial<DiffBody> = {},
) {
  const pipelines = deployed({ p1: before });
  const pipeline = pipelines.get("p1");
  if (!pipeline) throw new Error("no pipeline");
  const config = { ...pipeline.config, source: { ...pipeline.config.source, connection_id: connection } };
  const collection = d1Collection(real.collections, "items");
  const deps = { pipeline: { ...pipeline, config }, collection, stores, now: NOW };
  return diffFilters({ alias: "p1", filters: after, since: "7d", ...more }, deps);
}

test("each object is judged once, by its newest event and what was known of it then", async () => {
  const at = { connection: "judged" };
  const events = [
    eventOf("both.txt", at),
    eventOf("lost.txt", at),
    eventOf("gained.mp4", at),
    eventOf("twice.txt", at),
    eventOf("twice.txt", at),
    eventOf("removed.txt", at),
    eventOf("removed.txt", { ...at, type: "removed", operation: "Delete" }),
    eventOf("unseen.txt", at),
    eventOf("told.txt", { ...at, metadata: { keep: "yes" } }),
  ];
  await hear(stores, deployed({}), events);
  const after = {
    $or: [
      { key: ["both.txt", "gained.mp4", "twice.txt"] },
      { keep: "yes", name: [{ prefix: "unseen" }] },
      { key: "told.txt", keep: "yes" },
    ],
  };
  const answer = await diff("judged", { extension: "txt" }, after);
  expect(answer).toMatchObject({
    ...{ alias: "p1", objects: 7, gained: 1, lost: 1, unchanged: 4, undecided: 1, passing: 4 },
    samples: {
      gained: [{ bucket: "b", key: "gained.mp4", event_id: events[2]?.id }],
      lost: [{ key: "lost.txt", reason: expect.stringContaining('key is "lost.txt"') }],
      undecided: [{ key: "unseen.txt", reason: expect.stringContaining("metadata.keep is not known") }],
    },
  });
  expect(answer).not.toHaveProperty("next");
});

test("what was looked up then decides without another look", async () => {
  const looked = deployed({ q1: { keep: "yes" } });
  const one = eventOf("looked.txt", { connection: "c" });
  await hear(stores, looked, [one], holding({ "looked.txt": { metadata: { keep: "yes", color: "red" } } }));
  expect(await diff("c", { keep: "yes" }, { color: "blue" })).toMatchObject({
    objects: 1,
    lost: 1,
    undecided: 0,
  });
});

test("a replay's own event decides only for objects that nobody else has told of", async () => {
  const at = { connection: "replayed" };
  const replay = { ...at, sender: "replay", operation: "Replay" } as const;
  await hear(stores, deployed({}), [eventOf("a.txt", { ...at, metadata: { keep: "yes" } })]);
  await hear(stores, deployed({}), [eventOf("a.txt", replay), eventOf("b.txt", replay)]);
  await hear(stores, deployed({}), [eventOf("c.txt", { ...at, sender: "invoke" })]);
  const after = { $or: [{ keep: "yes" }, { key: "b.txt" }] };
  expect(await diff("replayed", {}, after)).toMatchObject({ objects: 2, unchanged: 2, undecided: 0 });
});

test("the items that lost objects have in the collection are counted", async () => {
  const at = { connection: "counted" };
  await hear(
    stores,
    deployed({}),
    ["a", "b", "c", "d"].map((key) => eventOf(key, at)),
  );
  const collection = d1Collection(real.collections, "items");
  const sets = ["a", "b", "d"].map((key) => ({ alias: "p1", connection: "counted", bucket: "b", key }));
  const items = [1, 2, 3].map((n) => ({ data: JSON.stringify({ n }), vectors: [] }));
  for (const fence of await collection.begin(sets)) await collection.replace(fence, lineage, items);
  expect(await diff("counted", {}, { key: ["d"] })).toMatchObject({
    lost: 3,
    unchanged: 1,
    items_of_lost: 6,
  });
});

test("only events since then count, and only of the pipeline's connection", async () => {
  const old = new Date(START - 8 * 86_400_000).toISOString();
  const at = { connection: "dated" };
  await hear(stores, deployed({}), [eventOf("old", { ...at, received_at: old }), eventOf("new", at)]);
  await hear(stores, deployed({}), [eventOf("other", { connection: "undated" })]);
  expect(await diff("dated", {}, { key: "none" })).toMatchObject({ objects: 1, lost: 1 });
  expect(await diff("dated", {}, { key: "none" }, { since: "2w" })).toMatchObject({ objects: 2 });
  expect(await diff("dated", {}, { key: "none" }, { since: old })).toMatchObject({ objects: 2 });
});

test("more than one answer holds goes on at its cursor, and events that come meanwhile move nothing", async () => {
  const at = { connection: "many" };
  for (let batch = 0; batch < 12; batch++) {
    const events = Array.from({ length: 500 }, (_, n) => eventOf(`${batch * 500 + n}.txt`, at));
    await hear(stores, deployed({}), events);
  }
  const after = { key: [{ suffix: "7.txt" }] };
  const now = Date.parse(eventOf("now", at).received_at);
  const page = async (more: Partial<DiffBody>) =>
    diff("many", {}, after, { since: new Date(START).toISOString(), ...more });
  expect(now).toBeLessThan(NOW);
  const first = await page({});
  expect(first).toMatchObject({ objects: 5000 });
  expect(first.samples.lost).toHaveLength(10);
  // The oldest object, which the second page is to judge, is told of again.
  const late = new Date(NOW + 1000).toISOString();
  await hear(stores, deployed({}), [eventOf("0.txt", { ...at, received_at: late })]);
  const second = await page({ cursor: first.next ?? "" });
  expect(second).toMatchObject({ objects: 1000 });
  expect([first.lost + second.lost, first.passing + second.passing]).toEqual([5400, 600]);
  expect(second).not.toHaveProperty("next");
});

describe("what is asked wrongly is refused", () => {
  test.each<[string, Record<string, unknown>, Partial<DiffBody>, object]>([
    ["a filter that does not compile", { key: [{ prefx: "a" }] }, {}, { where: "filter.key[0].prefx" }],
    ["a time that is none", {}, { since: "yesterday" }, { where: "since" }],
    ["a span that is too long", {}, { since: "999999w" }, { where: "since" }],
    ["a cursor of something else", {}, { cursor: "eyJsIjoiZXZlbnRzIiwiayI6WzFdfQ" }, { where: "cursor" }],
  ])("%s", async (_, after, more, failure) => {
    await expect(diff("c", {}, after, more)).rejects.toMatchObject({
      failure: { kind: "invalid", ...failure },
    });
  });
});
