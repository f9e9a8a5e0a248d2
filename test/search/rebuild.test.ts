// Building an index anew from its collection, over more shards and over fewer, cut off again and again, while runs go on:
// it goes on where it was, answers all along, and ends as the collection is.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { NewItem, SetKey } from "../../src/shapes/item.ts";
import { searchSettingsSchema } from "../../src/shapes/search.ts";
import type { Collection } from "../../src/store/collections/contract.ts";
import { d1Collection } from "../../src/store/collections/d1.ts";
import { r2Collection } from "../../src/store/collections/r2.ts";
import { bringSet } from "../../src/store/index/bring.ts";
import { IndexClient } from "../../src/store/index/client.ts";
import { compareNext, comparePage } from "../../src/store/index/compare.ts";
import type { SearchedCollection } from "../../src/store/index/open.ts";
import type { PackedPart } from "../../src/store/index/pack.ts";
import { beginRebuilding, rebuildOn } from "../../src/store/index/rebuild.ts";
import type { IndexShard } from "../../src/store/index/shard.ts";
import { openStores, type Stores } from "../support/stores.ts";
import { LINEAGE, objectSet, openShards } from "./support.ts";

/** Sets of the collection: more than a rebuilding brings in one page. */
const SETS = 60;
/** Calls until the first that is cut off, by turns before it arrives and after it was done; each next comes later. */
const FIRST_CUT = 9;
const LATER = 1.8;

let stores: Stores;
let shards: Awaited<ReturnType<typeof openShards>>;
beforeAll(async () => {
  [stores, shards] = await Promise.all([openStores(), openShards()]);
}, 120_000);
afterAll(async () => {
  await shards?.close();
  await stores?.close();
});

const wordsOf = (text: string): NewItem[] => [
  {
    data: JSON.stringify({ text, embedding: null }),
    vectors: [{ path: "embedding", values: new Float32Array([1, text.length]), model: "m" }],
  },
];

/** Calls of a shard, some of them cut off. */
function cutOff(shard: IndexShard, counts: { left: number; cuts: number }): IndexShard {
  const call =
    (name: keyof IndexShard) =>
    async (...args: unknown[]) => {
      const isCut = --counts.left === 0;
      if (isCut) counts.left = Math.round(FIRST_CUT * LATER ** ++counts.cuts);
      if (isCut && counts.cuts % 2 === 0) throw new Error("cut off before");
      const answer = await (shard[name] as (...given: unknown[]) => Promise<unknown>)(...args);
      if (isCut) throw new Error("cut off after");
      return answer;
    };
  return new Proxy({} as IndexShard, { get: (_, name) => call(name as keyof IndexShard) });
}

describe.each<[string, (name: string) => Collection]>([
  ["D1", (name) => d1Collection(stores.collections, name)],
  ["R2", (name) => r2Collection(stores.bucket, name)],
])("the index of a collection in %s", (place, open) => {
  const name = `rebuilt ${place}`;
  const reach = (shard: number) => shards.reach(name, shard);
  const over = (count: number) => searchSettingsSchema.parse({ shards: count });

  /** As a run does it: the collection first, then the index. */
  async function store(
    collection: Collection,
    set: SetKey,
    items: NewItem[],
    count: number,
    of = name,
  ): Promise<void> {
    const [fence] = await collection.begin([set]);
    if (!fence) throw new Error("no fence");
    expect(await collection.replace(fence, LINEAGE, items)).toBe("stored");
    const { order } = fence;
    const client = new IndexClient((shard) => shards.reach(of, shard), over(count));
    await bringSet(client, collection, { set, order, lineage: LINEAGE, items });
  }

  /** Keys of all that is found, page by page. */
  async function found(count: number): Promise<string[]> {
    const index = new IndexClient(reach, over(count));
    const keys: string[] = [];
    let after: string | undefined;
    do {
      const page = await index.query({ group: "item", limit: 100, ...(after !== undefined && { after }) });
      keys.push(...page.hits.map(({ object }) => object.key));
      after = page.next;
    } while (after !== undefined);
    return keys.sort();
  }

  test("goes from one shard to five and from five to two, cut off and among runs", {
    timeout: 300_000,
  }, async () => {
    const collection = open(`rebuilt_${place.toLowerCase()}`);
    const keys = Array.from({ length: SETS }, (_, n) => `k${n}`);
    for (let at = 0; at < SETS; at += 12)
      await Promise.all(
        keys.slice(at, at + 12).map((key) => store(collection, objectSet(key), wordsOf(`first ${key}`), 1)),
      );
    for (const [before, after] of [
      [1, 5],
      [5, 2],
    ] as const) {
      // One that no run knows of, which goes with the rebuilding, and one that the index has lost, which comes.
      const now = new IndexClient(reach, over(before));
      await now.replace({ set: objectSet("stray"), order: 9, lineage: LINEAGE, items: wordsOf("stray") });
      await now.forget(objectSet("k3"));
      const counts = { left: FIRST_CUT, cuts: 0 };
      const searched: SearchedCollection = {
        ...{ name, collection, settings: over(after) },
        index: new IndexClient((shard) => cutOff(reach(shard), counts), over(after)),
        reach: (shard) => cutOff(reach(shard), counts),
      };
      await beginRebuilding({ ...searched, reach }, Date.now());
      for (let turn = 0; await reach(0).rebuilding(); turn++) {
        // A run that began to write before it knew of new shards, and one that removes.
        await store(collection, objectSet(`k${turn}`), turn % 2 ? [] : wordsOf(`again ${turn}`), before);
        const answered = new Set(await found(before));
        const { held } = await collection.sets({ limit: 1_000 });
        const due = held.filter(({ set, items }) => items > 0 && set.key !== "k3");
        expect(due.filter(({ set }) => !answered.has(set.key))).toEqual([]);
        await rebuildOn(searched, () => true).catch(() => {});
      }
      expect(counts.cuts).toBeGreaterThan(3);
      const index = new IndexClient(reach, over(before));
      const { differing, next } = await comparePage(index, collection, "", 1_000);
      expect([differing, next]).toEqual([[], undefined]);
      const { shards: spread, missing_shards, building } = await index.state();
      expect([spread, missing_shards, building]).toEqual([after, 0, null]);
      const { held } = await collection.sets({ limit: 1_000 });
      const kept = held.filter(({ items }) => items > 0).map(({ set }) => set.key);
      expect(await found(after)).toEqual(kept.sort());
      // Each set is in one place, and every place has some; those of before have none.
      const parts = await Promise.all(
        [0, 1, 2, 3, 4].map((shard) => reach(shard).numbers("", undefined, undefined)),
      );
      expect(parts.map((part) => part.length > 0)).toEqual([0, 1, 2, 3, 4].map((shard) => shard < after));
      expect(parts.flat().length).toBe(kept.length);
    }
  });

  test("shards that are lost in the middle of a rebuilding are made good, and it ends as the collection is", {
    timeout: 120_000,
  }, async () => {
    const own = `lost ${place}`;
    const collection = open(`lost_${place.toLowerCase()}`);
    const reachOwn = (shard: number) => shards.reach(own, shard);
    for (let n = 0; n < SETS; n++)
      await store(collection, objectSet(`k${n}`), wordsOf(`first k${n}`), 1, own);
    const searched: SearchedCollection = {
      ...{ name: own, collection, settings: over(3), reach: reachOwn },
      index: new IndexClient(reachOwn, over(3)),
    };
    await beginRebuilding(searched, Date.now());
    let looks = 0;
    await rebuildOn(searched, () => looks++ < 6);
    const under = await reachOwn(0).rebuilding();
    expect(under?.sets).toBeGreaterThan(0);
    expect(under?.sets).toBeLessThan(SETS);
    for (const shard of [0, 2]) await shards.lose(own, shard);
    const sweep = async () => {
      const differed = await compareNext(searched.index, collection, () => true);
      return differed + (await rebuildOn(searched, () => true)).brought;
    };
    let minutes = 0;
    while ((await sweep()) > 0) expect(minutes++).toBeLessThan(10);
    const index = new IndexClient(reachOwn, over(3));
    expect((await comparePage(index, collection, "", 1_000)).differing).toEqual([]);
    expect((await index.state()).items).toBe(SETS);
  });

  test("sets that cannot be brought are tried again, passed over and counted; all others are, and what stood stays", {
    timeout: 120_000,
  }, async () => {
    const own = `poisoned ${place}`;
    const collection = open(`poisoned_${place.toLowerCase()}`);
    const reachOwn = (shard: number) => shards.reach(own, shard);
    for (let n = 0; n < SETS; n++)
      await store(collection, objectSet(`k${n}`), wordsOf(`first k${n}`), 1, own);
    const bad = ["k7", "k40"];
    const tries = new Map<string, number>();
    const refusing = new Proxy(reachOwn(0), {
      get:
        (shard, name: keyof IndexShard) =>
        (first: PackedPart, ...rest: unknown[]) => {
          const key = name === "replace" ? first.head.set.key : "";
          if (!bad.includes(key)) return (shard[name] as (...given: unknown[]) => unknown)(first, ...rest);
          tries.set(key, (tries.get(key) ?? 0) + 1);
          throw new Error("too large");
        },
    });
    const searched: SearchedCollection = {
      ...{ name: own, collection, settings: over(1), reach: reachOwn },
      index: new IndexClient(() => refusing, over(1)),
    };
    await beginRebuilding(searched, Date.now());
    let failed = 0;
    let minutes = 0;
    for (; await reachOwn(0).rebuilding(); minutes++) {
      expect(minutes).toBeLessThan(20);
      failed = (await rebuildOn(searched, () => true)).failed;
    }
    expect([failed, [...tries.values()]]).toEqual([2, [3, 3]]);
    const index = new IndexClient(reachOwn, over(1));
    expect((await comparePage(index, collection, "", 1_000)).differing).toEqual([]);
    expect((await index.state()).items).toBe(SETS);
  });
});
