// Sets move to databases that were added while runs store, readers read, and the work is killed at every step: nothing
// is lost, nothing is there twice, and no Worker of before can store where nobody looks.
import type { D1Database } from "@cloudflare/workers-types";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { NewItem, SetKey, SetLineage } from "../../src/shapes/item.ts";
import type { Collection } from "../../src/store/collections/contract.ts";
import { d1Collection } from "../../src/store/collections/d1.ts";
import { setId } from "../../src/store/collections/ids.ts";
import { spreadPage } from "../../src/store/collections/moving.ts";
import { isWithin } from "../../src/store/collections/places.ts";
import { shardedCollection } from "../../src/store/collections/sharded.ts";
import { openShards } from "../../src/store/collections/shards.ts";
import { storeFailure } from "../../src/store/failure.ts";
import { openStores, type Stores } from "../support/stores.ts";

let stores: Stores;
beforeAll(async () => {
  stores = await openStores([], 4);
});
afterAll(() => stores?.close());
beforeEach(empty);

async function empty(): Promise<void> {
  const tables = ["item_sets", "items", "vectors", "cancelled_runs", "shard"];
  await Promise.all(
    stores.shards.map((db) => db.batch(tables.map((name) => db.prepare(`DELETE FROM ${name}`)))),
  );
}

/** Databases as another process has them, which has seen nothing yet; `each` comes before and after every request. */
function databases(
  count: number,
  each: (when: "before" | "after") => void | Promise<void> = () => {},
): D1Database[] {
  const around = async <T>(work: () => Promise<T>): Promise<T> => {
    await each("before");
    const done = await work();
    await each("after");
    return done;
  };
  const statement = (real: object): object =>
    new Proxy(real, {
      get(target, name) {
        if (name === "real") return target;
        const method = Reflect.get(target, name) as (...values: unknown[]) => unknown;
        if (name === "bind")
          return (...values: unknown[]) => statement(method.apply(target, values) as object);
        return (...values: unknown[]) => around(async () => method.apply(target, values));
      },
    });
  return stores.shards.slice(0, count).map((db) => {
    const batch = (all: object[]) => around(() => db.batch(all.map((one) => Reflect.get(one, "real"))));
    return { prepare: (sql: string) => statement(db.prepare(sql)), batch } as unknown as D1Database;
  });
}

const lineage = (run: string): SetLineage => ({
  ...{ event_id: "e", run_id: run, version: "v", commit: "c", etag: run, version_id: null, size: 1 },
  ...{ event_time: "2026-11-23T10:00:00.000Z", stored_at: "2026-11-23T10:00:01.000Z" },
});
const set = (n: number): SetKey => ({ alias: "p", connection: "c", bucket: "b", key: `k${n}` });
const itemsOf = (run: string, count: number): NewItem[] =>
  Array.from({ length: count }, (_, n) => ({
    data: JSON.stringify({ run, n }),
    vectors: [
      { path: "v", values: new Float32Array([n, count]), model: "m", span: { start: 0, end: n + 1 } },
    ],
  }));

async function store(collection: Collection, key: SetKey, run: string, count: number): Promise<string> {
  const [fence] = await collection.begin([{ ...key, run_id: run }]);
  if (!fence) throw new Error("no fence");
  return collection.replace(fence, lineage(run), itemsOf(run, count));
}

/** All that readers see, in pages of a few: `set run n vector`, in order. */
async function seen(collection: Collection, limit = 3): Promise<string[]> {
  const lines: string[] = [];
  let after: string | undefined;
  do {
    const page = await collection.list({ limit, ...(after !== undefined && { after }) });
    expect(page.items.length).toBeLessThanOrEqual(limit);
    lines.push(
      ...page.items.map(
        ({ set: { key }, data, vectors }) => `${key} ${data.run} ${data.n} ${vectors[0]?.values}`,
      ),
    );
    after = page.next;
  } while (after !== undefined);
  return lines;
}

async function walked(collection: Collection): Promise<string[]> {
  const keys: string[] = [];
  let after: string | undefined;
  do {
    const page = await collection.sets({ limit: 2, after });
    keys.push(...page.held.map(({ set: { key }, items, etag }) => `${key} ${etag} ${items}`));
    after = page.next;
  } while (after !== undefined);
  return keys;
}

/** What readers have to see, of the run and the number of items that each set was last replaced by. */
type Model = Map<number, { run: string; count: number }>;
const inOrder = (model: Model) => [...model].sort(([a], [b]) => (setId(set(a)) < setId(set(b)) ? -1 : 1));
const linesOf = (model: Model) =>
  inOrder(model).flatMap(([n, { run, count }]) =>
    Array.from({ length: count }, (_, at) => `k${n} ${run} ${at} ${at},${count}`),
  );
const setsOf = (model: Model) =>
  inOrder(model).flatMap(([n, { run, count }]) => (count > 0 ? [`k${n} ${run} ${count}`] : []));

async function expectAll(collection: Collection, model: Model): Promise<void> {
  expect(await seen(collection)).toEqual(linesOf(model));
  expect(await walked(collection)).toEqual(setsOf(model));
  const described = await collection.describe([...model.keys()].map(set));
  expect(described.map((held) => held?.etag)).toEqual([...model.values()].map(({ run }) => run));
}

/** Each set is in its own database and in no other, with as many items and vectors as there are. */
async function expectSpread(count: number, model: Model): Promise<void> {
  let rows = 0;
  for (const { db, place } of openShards(stores.shards.slice(0, count))) {
    for (const [table, id] of Object.entries({ item_sets: "id", items: "set_id", vectors: "set_id" })) {
      const { results } = await db.prepare(`SELECT ${id} AS id FROM ${table}`).all<{ id: string }>();
      expect(results.filter(({ id }) => !isWithin(id, place))).toEqual([]);
      if (table !== "item_sets") rows += results.length;
    }
  }
  expect(rows).toBe(2 * linesOf(model).length);
}

async function spreadAll(dbs: D1Database[]): Promise<void> {
  for (const shard of openShards(dbs)) while (!(await spreadPage(shard)).settled);
}

const ELSEWHERE = /lives in another database/;
async function seeded(sets: number, dbs: D1Database[]): Promise<Model> {
  const collection = dbs.length > 1 ? shardedCollection(dbs, "x") : d1Collection(dbs[0] as D1Database, "x");
  const model: Model = new Map();
  for (let n = 0; n < sets; n++) {
    model.set(n, { run: `first${n}`, count: n % 4 });
    expect(await store(collection, set(n), `first${n}`, n % 4)).toBe("stored");
  }
  return model;
}

test("killed before and after each request of a move, readers see all of it and the next move ends it", async () => {
  let at = 0;
  for (let isKilled = true; isKilled; at++) {
    await empty();
    const model = await seeded(6, databases(1));
    let requests = 0;
    isKilled = false;
    const killing = databases(2, () => {
      if (requests++ !== at) return;
      isKilled = true;
      throw new Error("killed");
    });
    await spreadAll(killing).catch((error: Error) => expect(error.message).toBe("killed"));
    await expectAll(shardedCollection(databases(2), "x"), model);
    await spreadAll(databases(2));
    await expectAll(shardedCollection(databases(2), "x"), model);
    await expectSpread(2, model);
  }
  expect(at).toBeGreaterThan(12);
}, 300_000);

test("runs of before and after, readers and moves that are killed, in any order: the end is what was stored", async () => {
  const step = fc.record({
    act: fc.constantFrom("new", "new", "old", "move", "killed move", "killed run", "read"),
    n: fc.nat(9),
    count: fc.nat(4),
    at: fc.nat(14),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 14 }), fc.boolean(), async (steps, twice) => {
      await empty();
      const model = await seeded(6, databases(1));
      const isStopped = { at: Number.POSITIVE_INFINITY };
      const killing = databases(4, () => {
        if (isStopped.at-- <= 0) throw new Error("killed");
      });
      // Databases were added twice: not everything had moved to the second when there were four.
      if (twice) {
        isStopped.at = 9;
        await spreadAll(killing.slice(0, 2)).catch(() => {});
      }
      const now = shardedCollection(databases(4), "x");
      const before = twice
        ? shardedCollection(databases(2), "x")
        : d1Collection(databases(1)[0] as D1Database, "x");
      let isNarrowed = false;
      for (const [index, { act, n, count, at }] of steps.entries()) {
        const run = `run${index}`;
        isStopped.at = at;
        if (act === "new") {
          expect(await store(now, set(n), run, count)).toBe("stored");
          model.set(n, { run, count });
          isNarrowed = true;
        } else if (act === "old" && isNarrowed) {
          const stored = await store(before, set(n), run, count).catch((error: Error) => {
            expect(storeFailure(error)).toMatchObject({
              detail: expect.stringMatching(/has moved|not named here/),
            });
          });
          if (stored === "stored") model.set(n, { run, count });
        } else if (act === "move") {
          for (const shard of openShards(databases(4))) await spreadPage(shard);
          isNarrowed = true;
        } else if (act === "killed move") {
          await spreadAll(killing).catch(() => {});
        } else if (act === "killed run") {
          await shardedCollection(killing, "x")
            .begin([set(n)])
            .catch(() => {});
        } else await expectAll(now, model);
      }
      await expectAll(now, model);
      await spreadAll(databases(4));
      await expectAll(shardedCollection(databases(4), "x"), model);
      await expectSpread(4, model);
    }),
    { numRuns: 12, seed: 1 },
  );
}, 300_000);

test("a reader to whom sets move between any two of its requests sees every item once", async () => {
  for (let every = 1; every <= 4; every++) {
    await empty();
    const model = await seeded(8, databases(1));
    const moving = openShards(databases(4));
    let requests = 0;
    const reader = databases(4, async (when) => {
      if (when === "before" && ++requests % every === 0)
        await spreadPage(moving[requests % 4] as (typeof moving)[0]);
    });
    const collection = shardedCollection(reader, "x");
    expect((await seen(collection, 2)).sort()).toEqual(linesOf(model).sort());
  }
}, 120_000);

test("a run that took its fence before a database was added cannot store once its set has another place", async () => {
  const old = d1Collection(databases(1)[0] as D1Database, "x");
  const fences = await old.begin([0, 1, 2, 3, 4, 5].map(set));
  const now = shardedCollection(databases(4), "x");
  for (let n = 0; n < 6; n++) expect(await store(now, set(n), "later", 1)).toBe("stored");
  for (const fence of fences) {
    const result = await old.replace(fence, lineage("earlier"), itemsOf("earlier", 3)).catch(String);
    expect(result).toMatch(/superseded|lives in another database/);
  }
  expect((await seen(now)).filter((line) => !line.includes("later"))).toEqual([]);
  // Its next attempt waits for a Worker that knows the place.
  const away = [...Array(6).keys()].find((n) => setId(set(n)) >= "4") ?? 0;
  const error = await old.begin([set(away)]).catch((reason: unknown) => reason);
  expect(String(error)).toMatch(ELSEWHERE);
  expect(storeFailure(error).kind).toBe("overloaded");
});

test("a run that was cancelled stays so, in whichever database that was recorded", async () => {
  const old = d1Collection(databases(1)[0] as D1Database, "x");
  const requests = [0, 1, 2, 3, 4, 5].map((n) => ({ ...set(n), run_id: `run${n}` }));
  for (const request of requests) await old.cancel(request);
  const now = shardedCollection(databases(4), "x");
  for (const request of requests) expect(await now.isCancelled(request)).toBe(true);
  const [first, ...others] = requests;
  for (const fence of await now.begin([first as (typeof requests)[0]]))
    expect(fence.cancelled).toEqual(["run0"]);
  await spreadAll(databases(4));
  const later = shardedCollection(databases(4), "x");
  for (const request of others) {
    const [fence] = await later.begin([request]);
    expect(fence?.cancelled).toEqual([request.run_id]);
    if (fence)
      expect(await later.replace(fence, lineage(request.run_id), itemsOf("no", 1))).toBe("cancelled");
  }
});

test("a set with more than a page of rows moves whole, and one of another collection with it", async () => {
  const old = d1Collection(databases(1)[0] as D1Database, "x");
  const key = set([...Array(9).keys()].find((n) => setId(set(n)) >= "8") ?? 0);
  expect(await store(old, key, "large", 1_203)).toBe("stored");
  await store(d1Collection(databases(1)[0] as D1Database, "y"), { ...key, alias: "q" }, "other", 2);
  await spreadAll(databases(2));
  const now = shardedCollection(databases(2), "x");
  const lines = await seen(now, 500);
  expect(lines).toHaveLength(1_203);
  expect(new Set(lines).size).toBe(1_203);
  expect(await seen(shardedCollection(databases(2), "y"))).toHaveLength(2);
});

test("fewer databases than there were is refused, not read as if the others were empty", async () => {
  await seeded(6, databases(4));
  await spreadAll(databases(4));
  const fewer = shardedCollection(databases(2), "x");
  await expect(fewer.list({ limit: 10 })).rejects.toThrow(
    /has given sets to databases that are not named here/,
  );
  await expect(fewer.begin([set(1)])).rejects.toThrow(/not named here/);
});
