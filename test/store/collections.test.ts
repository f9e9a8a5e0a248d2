// One suite for every place a collection may be kept: what holds in D1 holds in several databases, and in R2.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { NewItem, SetKey, SetLineage } from "../../src/shapes/item.ts";
import type { Collection, ProducedBy } from "../../src/store/collections/contract.ts";
import { d1Collection } from "../../src/store/collections/d1.ts";
import { spreadPage } from "../../src/store/collections/moving.ts";
import { r2Collection } from "../../src/store/collections/r2.ts";
import { shardedCollection } from "../../src/store/collections/sharded.ts";
import { openShards } from "../../src/store/collections/shards.ts";
import { openStores, type Stores } from "../support/stores.ts";

let stores: Stores;
beforeAll(async () => {
  stores = await openStores([], 9);
  for (const shard of openShards(settled()))
    expect(await spreadPage(shard)).toEqual({ moved: 0, settled: true });
});
afterAll(() => stores?.close());

/** Databases whose sets are all where they live, and databases of which that is not known. */
const settled = () => stores.shards.slice(1, 5);
const unsettled = () => stores.shards.slice(5, 9);

const lineage: SetLineage = {
  event_id: "evt_1",
  run_id: "run_1",
  version: "v1",
  commit: "c1",
  etag: "e1",
  version_id: null,
  size: 10,
  event_time: "2026-11-23T10:00:00.000Z",
  stored_at: "2026-11-23T10:00:01.000Z",
};
const object = (key: string): SetKey => ({ alias: "p", connection: "c", bucket: "b", key });
const item = (n: number, ...vectors: number[][]): NewItem => ({
  data: JSON.stringify({ n, embedding: null }),
  vectors: vectors.map((values, at) => ({
    path: `v${at}`,
    values: new Float32Array(values),
    model: "m",
    span: { start: n, end: n + 1 },
  })),
});

const places: [string, (name: string) => Collection][] = [
  ["D1", (name) => d1Collection(stores.collections, name)],
  ["D1, four databases", (name) => shardedCollection(settled(), name)],
  [
    "D1, four databases that are looked for sets still to move",
    (name) => shardedCollection(unsettled(), name),
  ],
  ["R2", (name) => r2Collection(stores.bucket, name)],
];

describe.each(places)("a collection in %s", (_, open) => {
  const fence = async (collection: Collection, set: SetKey) => {
    const [taken] = await collection.begin([set]);
    if (!taken) throw new Error("no fence");
    return taken;
  };
  const numbers = async (collection: Collection, set: SetKey) =>
    (await collection.list({ limit: 100, sets: [set] })).items.map(({ data }) => data.n);

  test("gives back what was stored, vectors to the bit, with its lineage", async () => {
    const collection = open("whole");
    const set = object("dir/ü \n'x'.mp4");
    const values = [0.1, -3.4e38, 1e-40];
    expect(
      await collection.replace(await fence(collection, set), lineage, [item(1, values, [5]), item(2)]),
    ).toBe("stored");
    const { items } = await collection.list({ limit: 10 });
    expect(items).toMatchObject([
      { position: 0, set, lineage, data: { n: 1, embedding: null } },
      { data: { n: 2 }, vectors: [] },
    ]);
    expect(items[0]?.vectors[0]).toMatchObject({ path: "v0", model: "m", span: { start: 1, end: 2 } });
    expect(items[0]?.vectors[0]?.values).toEqual(new Float32Array(values));
    expect(await collection.get(items[0]?.id ?? "")).toEqual(items[0]);
  });

  test("replaces a set as a whole: nothing of the longer one stays", async () => {
    const collection = open("shorter");
    await collection.replace(await fence(collection, object("a")), lineage, [item(1), item(2), item(3)]);
    await collection.replace(await fence(collection, object("a")), lineage, [item(9)]);
    expect(await numbers(collection, object("a"))).toEqual([9]);
  });

  test("an empty replacement removes the items, also where there were none", async () => {
    const collection = open("emptied");
    await collection.replace(await fence(collection, object("a")), lineage, [item(1)]);
    expect(await collection.replace(await fence(collection, object("a")), lineage, [])).toBe("stored");
    expect(await collection.replace(await fence(collection, object("never")), lineage, [])).toBe("stored");
    expect((await collection.list({ limit: 10 })).items).toEqual([]);
  });

  test("a run that began earlier cannot undo what a later one stored", async () => {
    const collection = open("fenced");
    const early = await fence(collection, object("a"));
    const late = await fence(collection, object("a"));
    expect(await collection.replace(late, lineage, [item(2)])).toBe("stored");
    expect(await collection.replace(early, lineage, [item(1), item(1)])).not.toBe("stored");
    expect(await numbers(collection, object("a"))).toEqual([2]);
  });

  test("a removal by a run that began earlier cannot erase what a later one stored", async () => {
    const collection = open("late-removal");
    await collection.replace(await fence(collection, object("a")), lineage, [item(1)]);
    const early = await fence(collection, object("a"));
    const late = await fence(collection, object("a"));
    await collection.replace(late, lineage, [item(2)]);
    expect(await collection.replace(early, lineage, [])).not.toBe("stored");
    expect(await numbers(collection, object("a"))).toEqual([2]);
  });

  test("sets of other objects, and other collections, are left alone", async () => {
    const collection = open("neighbours");
    await collection.replace(await fence(collection, object("a")), lineage, [item(1)]);
    await collection.replace(await fence(collection, object("b")), lineage, [item(2)]);
    await open("elsewhere").replace(await fence(open("elsewhere"), object("c")), lineage, [item(3)]);
    await collection.replace(await fence(collection, object("a")), lineage, []);
    expect((await collection.list({ limit: 10 })).items.map(({ data }) => data.n)).toEqual([2]);
  });

  test("pages end to end give every item once, in order", async () => {
    const collection = open("paged");
    for (const key of ["a", "b", "c", "d"]) {
      await collection.replace(await fence(collection, object(key)), lineage, [item(1), item(2), item(3)]);
    }
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await collection.list({ limit: 5, ...(after !== undefined && { after }) });
      seen.push(...page.items.map(({ id }) => id));
      after = page.next;
    } while (after !== undefined);
    expect(seen).toHaveLength(12);
    expect(new Set(seen).size).toBe(12);
    expect(seen).toEqual((await collection.list({ limit: 100 })).items.map(({ id }) => id));
  });

  test("lists what a version or a commit made, and what another version than the present one did", async () => {
    const collection = open("made");
    const made: [string, string, string][] = [
      ["a", "v1", "c1"],
      ["b", "v2", "c1"],
      ["c", "v2", "c2"],
    ];
    for (const [key, version, commit] of made) {
      const by = { ...lineage, version, commit };
      await collection.replace(await fence(collection, object(key)), by, [item(1), item(2)]);
    }
    await collection.replace(await fence(collection, object("d")), lineage, []);
    const keys = async (by: ProducedBy, sets?: SetKey[]) => {
      const found: string[] = [];
      let after: string | undefined;
      do {
        const where = { ...(after !== undefined && { after }), ...(sets && { sets }) };
        const page = await collection.list({ limit: 1, producer: by, ...where });
        found.push(...page.items.map(({ set, data }) => `${set.key}${data.n}`));
        after = page.next;
      } while (after !== undefined);
      return found.sort();
    };
    expect(await keys({ version: "v2" })).toEqual(["b1", "b2", "c1", "c2"]);
    expect(await keys({ commit: "c1" })).toEqual(["a1", "a2", "b1", "b2"]);
    expect(await keys({ version: "v2", commit: "c1" })).toEqual(["b1", "b2"]);
    expect(await keys({ not: { p: "v2" } })).toEqual(["a1", "a2"]);
    expect(await keys({ not: { other: "v2" } })).toHaveLength(6);
    expect(await keys({ version: "v2" }, [object("c"), object("a")])).toEqual(["c1", "c2"]);
    expect(await keys({ version: "none" })).toEqual([]);
  });

  test("takes ten thousand items, and 4 MB of vectors, in one set", async () => {
    const collection = open("large");
    const many = Array.from({ length: 10_000 }, (_, n) => item(n, n < 2_000 ? Array(512).fill(n) : [n]));
    expect(await collection.replace(await fence(collection, object("a")), lineage, many)).toBe("stored");
    const page = await collection.list({
      limit: 100,
      after: (await collection.list({ limit: 1_500 })).items.at(-1)?.id ?? "",
    });
    expect(page.items[0]).toMatchObject({ data: { n: 1500 } });
    expect(page.items[0]?.vectors[0]?.values).toEqual(new Float32Array(512).fill(1500));
  });

  test("a replacement has a greater number than the one before, and lists tell it", async () => {
    const collection = open("numbered");
    const numbers: number[] = [];
    for (const items of [[item(1)], [item(1), item(2)], [item(3)]]) {
      const taken = await fence(collection, object("a"));
      await collection.replace(taken, lineage, items);
      numbers.push(taken.order);
      const { rows } = await collection.numbers({ limit: 10 });
      expect(rows).toMatchObject([{ number: taken.order, items: items.length }]);
      expect((await collection.describe([object("a")]))[0]).toMatchObject({ order: taken.order, lineage });
    }
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(new Set(numbers).size).toBe(3);
  });

  test("what the index has not acknowledged is listed, removals too, until it has", async () => {
    const collection = open("unindexed");
    const { backlog } = collection;
    if (!backlog) return expect(collection.numbers).toBeDefined();
    const waiting = async () => (await backlog.list({ limit: 10 })).map(({ set, items }) => [set.key, items]);
    const first = await fence(collection, object("a"));
    await collection.replace(first, lineage, [item(1)]);
    expect(await waiting()).toEqual([["a", 1]]);
    expect(await backlog.oldest()).toBe(lineage.stored_at);
    await backlog.done([{ set: object("a"), order: first.order }]);
    expect(await waiting()).toEqual([]);
    const second = await fence(collection, object("a"));
    await collection.replace(second, lineage, []);
    await backlog.done([{ set: object("a"), order: first.order }]);
    expect(await waiting()).toEqual([["a", 0]]);
    await backlog.done([{ set: object("a"), order: second.order }]);
    expect(await waiting()).toEqual([]);
    expect(await backlog.oldest()).toBeNull();
  });

  test("keeps the vectors of sampled frames beside their span's", async () => {
    const collection = open("frames");
    const frames = { seconds: [0.5, 2], values: Int8Array.from([127, -3, 0, 5, 127, 1]) };
    const span = { path: "v", values: new Float32Array([1, 2, 3]), frames };
    const items = [{ data: "{}", vectors: [span, { path: "w", values: new Float32Array([4]) }] }];
    await collection.replace(await fence(collection, object("a")), lineage, items);
    const [stored] = (await collection.list({ limit: 1 })).items;
    expect(stored?.vectors.map((vector) => vector.frames)).toEqual([frames, undefined]);
    expect(stored?.vectors[0]?.values).toEqual(span.values);
  });

  test("an id that is no item's finds nothing", async () => {
    for (const id of ["", "itm_", "itm_../x_1", `itm_${"0".repeat(32)}_0`])
      expect(await open("whole").get(id)).toBeNull();
  });
});
