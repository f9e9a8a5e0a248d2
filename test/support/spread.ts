// Sets in databases that more are added to, for tests: other processes' view of them, runs that store, what readers see.
import type { D1Database } from "@cloudflare/workers-types";
import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import type { NewItem, SetKey, SetLineage } from "../../src/shapes/item.ts";
import type { Collection } from "../../src/store/collections/contract.ts";
import { d1Collection } from "../../src/store/collections/d1.ts";
import { setId } from "../../src/store/collections/ids.ts";
import { spreadPage } from "../../src/store/collections/moving.ts";
import { isWithin } from "../../src/store/collections/places.ts";
import { shardedCollection } from "../../src/store/collections/sharded.ts";
import { openShards } from "../../src/store/collections/shards.ts";
import { openStores, type Stores } from "./stores.ts";

let stores: Stores;

/** Gives the tests of a file four databases, which are empty when each begins. */
export function openDatabases(): void {
  beforeAll(async () => {
    stores = await openStores([], 4);
  });
  afterAll(() => stores?.close());
  beforeEach(empty);
}

export async function empty(): Promise<void> {
  const tables = ["item_sets", "items", "vectors", "cancelled_runs", "shard"];
  await Promise.all(
    stores.shards.map((db) => db.batch(tables.map((name) => db.prepare(`DELETE FROM ${name}`)))),
  );
}

/** Databases as another process has them, which has seen nothing yet; `each` comes before and after every request. */
export function databases(
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

export const lineage = (run: string): SetLineage => ({
  ...{ event_id: "e", run_id: run, version: "v", commit: "c", etag: run, version_id: null, size: 1 },
  ...{ event_time: "2026-11-23T10:00:00.000Z", stored_at: "2026-11-23T10:00:01.000Z" },
});
export const set = (n: number): SetKey => ({ alias: "p", connection: "c", bucket: "b", key: `k${n}` });
export const itemsOf = (run: string, count: number): NewItem[] =>
  Array.from({ length: count }, (_, n) => ({
    data: JSON.stringify({ run, n }),
    vectors: [
      { path: "v", values: new Float32Array([n, count]), model: "m", span: { start: 0, end: n + 1 } },
    ],
  }));

export async function store(
  collection: Collection,
  key: SetKey,
  run: string,
  count: number,
): Promise<string> {
  const [fence] = await collection.begin([{ ...key, run_id: run }]);
  if (!fence) throw new Error("no fence");
  return collection.replace(fence, lineage(run), itemsOf(run, count));
}

/** All that readers see, in pages of a few: `set run n vector`, in order. */
export async function seen(collection: Collection, limit = 3): Promise<string[]> {
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

export async function walked(collection: Collection): Promise<string[]> {
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
export type Model = Map<number, { run: string; count: number }>;
const inOrder = (model: Model) => [...model].sort(([a], [b]) => (setId(set(a)) < setId(set(b)) ? -1 : 1));
export const linesOf = (model: Model) =>
  inOrder(model).flatMap(([n, { run, count }]) =>
    Array.from({ length: count }, (_, at) => `k${n} ${run} ${at} ${at},${count}`),
  );
export const setsOf = (model: Model) =>
  inOrder(model).flatMap(([n, { run, count }]) => (count > 0 ? [`k${n} ${run} ${count}`] : []));

export async function expectAll(collection: Collection, model: Model): Promise<void> {
  expect(await seen(collection)).toEqual(linesOf(model));
  expect(await walked(collection)).toEqual(setsOf(model));
  const described = await collection.describe([...model.keys()].map(set));
  expect(described.map((held) => held?.etag)).toEqual([...model.values()].map(({ run }) => run));
}

/** Each set is in its own database and in no other, with as many items and vectors as there are. */
export async function expectSpread(count: number, model: Model): Promise<void> {
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

export async function spreadAll(dbs: D1Database[]): Promise<void> {
  for (const shard of openShards(dbs)) while (!(await spreadPage(shard)).settled);
}

export async function seeded(sets: number, dbs: D1Database[]): Promise<Model> {
  const collection = dbs.length > 1 ? shardedCollection(dbs, "x") : d1Collection(dbs[0] as D1Database, "x");
  const model: Model = new Map();
  for (let n = 0; n < sets; n++) {
    // Of the first five, the first and the last live in the upper half, and the third is empty.
    const count = (n + 2) % 4;
    model.set(n, { run: `first${n}`, count });
    expect(await store(collection, set(n), `first${n}`, count)).toBe("stored");
  }
  return model;
}
