// A collection in several D1 databases: each set is in one of them, as d1.ts keeps it, by its id's range (places.ts).
// While sets are still on their way to databases that were added (moving.ts), the earlier ones are looked at, too.
import type { D1Database } from "@cloudflare/workers-types";
import type { SetKey, StoredItem } from "../../shapes/item.ts";
import type { Collection, Fence, FenceRequest, HeldSet, ItemQuery, SetNumber } from "./contract.ts";
import { d1Collection } from "./d1.ts";
import { itemId, parseItemId, setId } from "./ids.ts";
import { pullSets } from "./moving.ts";
import { type Ordered, readShards } from "./reading.ts";
import { findSets, isSettled, openShards, type SetShard, shardOf } from "./shards.ts";

/** Opens a collection in databases in order of their numbers; how many is a power of two. */
export function shardedCollection(databases: readonly D1Database[], collection: string): Collection {
  const shards = openShards(databases);
  const inShard = ({ db }: Pick<SetShard, "db">) => d1Collection(db, collection);
  const homeOf = (set: SetKey) => shardOf(setId(set), shards);
  return {
    begin: (requests) =>
      byShard(requests, homeOf, async (shard, own): Promise<Fence[]> => {
        if (!(await isSettled(shard))) await pullSets(shard, idsOf(own), runsOf(own));
        return inShard(shard).begin(own);
      }),

    replace: (fence, lineage, items) => inShard(homeOf(fence.set)).replace(fence, lineage, items),

    // A run that holds a fence of an earlier database may not have been stopped yet.
    async cancel(request) {
      for (const shard of await lookedAt(homeOf(request))) await inShard(shard).cancel(request);
    },

    async isCancelled(request) {
      for (const shard of await lookedAt(homeOf(request)))
        if (await inShard(shard).isCancelled(request)) return true;
      return false;
    },

    async list({ sets, producer, ...page }) {
      const narrowed = { ...(sets && { sets }), ...(producer && { producer }) };
      const own = sets ? shards.filter((shard) => sets.some((set) => homeOf(set) === shard)) : shards;
      const { rows, next } = await readShards(own, page, itemsInOrder(inShard, narrowed));
      return next === undefined ? { items: rows } : { items: rows, next };
    },

    async get(id) {
      const set = parseItemId(id)?.set;
      if (set === undefined) return null;
      const found = await newest(shardOf(set, shards), [set], async (shard) => [
        await inShard(shard).get(id),
      ]);
      return found[0] ?? null;
    },

    describe: (sets) =>
      byShard(sets, homeOf, (shard, own) =>
        newest(shard, own.map(setId), (place) => inShard(place).describe(own)),
      ),

    async sets(page) {
      const { rows, next } = await readShards(shards, page, setsInOrder(inShard));
      return next === undefined ? { held: rows } : { held: rows, next };
    },

    async numbers(page) {
      const { rows, next } = await readShards(shards, page, numbersInOrder(inShard));
      return next === undefined ? { rows } : { rows, next };
    },

    backlog: {
      async list(page) {
        const all = await Promise.all(shards.map(async (shard) => inShard(shard).backlog?.list(page) ?? []));
        const rows = all.flat().map((held) => ({ id: setId(held.set), held }));
        rows.sort((a, b) => (a.id < b.id ? -1 : 1));
        return rows.slice(0, page.limit).map(({ held }) => held);
      },
      async oldest() {
        const all = await Promise.all(shards.map(async (shard) => inShard(shard).backlog?.oldest()));
        return all.flatMap((at) => at ?? []).sort()[0] ?? null;
      },
      // A set that has moved away since is found in its new place again.
      async done(sets) {
        await byShard(
          [...sets],
          ({ set }) => homeOf(set),
          async (shard, own) => {
            await inShard(shard).backlog?.done(own);
            return own;
          },
        );
      },
    },
  };
}

const idsOf = (requests: FenceRequest[]) => requests.filter(({ key }) => key !== "").map(setId);
const runsOf = (requests: FenceRequest[]) => requests.flatMap(({ run_id }) => run_id ?? []);

type InShard = (shard: SetShard) => Collection;

/** Items by set and position, as pages of one database give them. */
const itemsInOrder = (
  inShard: InShard,
  narrowed: Pick<ItemQuery, "sets" | "producer">,
): Ordered<StoredItem> => ({
  async read(shard, { limit, after }) {
    const page = await inShard(shard).list({ limit, ...(after !== undefined && { after }), ...narrowed });
    return { rows: page.items, ...(page.next !== undefined && { next: page.next }) };
  },
  cursorOf: ({ id }) => id,
  setIn: (cursor) => parseItemId(cursor)?.set,
  orderOf: (cursor) => {
    const { set, position } = parseItemId(cursor) ?? { set: "", position: 0 };
    return `${set}${String(position).padStart(7, "0")}`;
  },
  // The last position that an id can name.
  lastOf: (set) => itemId(set, 9_999_999),
});

/** Sets by their ids. */
const setsInOrder = (inShard: InShard): Ordered<HeldSet> => ({
  async read(shard, page) {
    const { held, next } = await inShard(shard).sets(page);
    return { rows: held, ...(next !== undefined && { next }) };
  },
  cursorOf: ({ set }) => setId(set),
  setIn: (cursor) => cursor,
  orderOf: (cursor) => cursor,
  lastOf: (set) => set,
});

const numbersInOrder = (inShard: InShard): Ordered<SetNumber> => ({
  read: (shard, page) => inShard(shard).numbers(page),
  cursorOf: ({ id }) => id,
  setIn: (cursor) => cursor,
  orderOf: (cursor) => cursor,
  lastOf: (set) => set,
});

/** Does the work of each shard with its own values, side by side, and puts the answers in order of the values. */
async function byShard<T, R>(
  values: T[],
  homeOf: (value: T) => SetShard,
  work: (shard: SetShard, own: T[]) => Promise<R[]>,
): Promise<R[]> {
  const answers = new Map<T, R>();
  await Promise.all(
    [...Map.groupBy(values, homeOf)].map(async ([shard, own]) => {
      const done = await work(shard, own);
      for (const [index, value] of own.entries()) answers.set(value, done[index] as R);
    }),
  );
  return values.map((value) => answers.get(value) as R);
}

/** A shard, and before it the databases in which its sets may still be, the earliest first: sets move that way. */
const lookedAt = async (shard: SetShard): Promise<SetShard[]> =>
  (await isSettled(shard)) ? [shard] : [...shard.earlier.toReversed(), shard];

/** Asks for each of these sets, in order; the latest database that knows a set answers for it. */
async function newest<R>(
  shard: SetShard,
  ids: string[],
  ask: (place: SetShard) => Promise<(R | null)[]>,
): Promise<(R | null)[]> {
  if (await isSettled(shard)) return ask(shard);
  const answers: (R | null)[] = ids.map(() => null);
  for (const place of await lookedAt(shard)) {
    // First what is there: a set may come between the two, and is never lost again.
    const known = await findSets(place.db, ids);
    for (const [index, answer] of (await ask(place)).entries())
      if (answer !== null || known.has(ids[index] ?? "")) answers[index] = answer;
  }
  return answers;
}
