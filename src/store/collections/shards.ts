// Databases of a collection that has several, each with its place, and what each has on record about itself: the range
// of ids that live in it, and whether all of these have come. moving.ts brings them; sharded.ts is the collection.
import type { D1Database } from "@cloudflare/workers-types";
import { FailureError } from "../../shapes/failure.ts";
import { type IdPlace, placesOf, positionOf } from "./places.ts";

/** A database with its range of ids, and the databases in which these lived while there were fewer. */
export interface SetShard {
  db: D1Database;
  place: IdPlace;
  /** The latest first; empty for the first database, in which every set began. */
  earlier: SetShard[];
}

/** Shards in order of their ids, of databases in order of their numbers. */
export function openShards(databases: readonly D1Database[]): SetShard[] {
  const shards = placesOf(databases.length).map((place): SetShard => {
    return { db: databases[place.index] as D1Database, place, earlier: [] };
  });
  const byIndex = new Map(shards.map((shard) => [shard.place.index, shard]));
  for (const shard of shards)
    shard.earlier = shard.place.earlier.map((index) => byIndex.get(index) as SetShard);
  return shards;
}

/** The shard in which a set lives, by its id. */
export const shardOf = (id: string, shards: readonly SetShard[]): SetShard =>
  shards[positionOf(id, shards.length)] as SetShard;

/** Databases that are settled: they stay so. */
const settled = new WeakSet<D1Database>();

/**
 * Whether all sets that live in a shard are there. If not, its earlier databases have to be looked at, too.
 *
 * @throws FailureError `unavailable` where the database was given a narrower range, by a greater number of databases
 */
export async function isSettled({ db, place, earlier }: SetShard): Promise<boolean> {
  if (settled.has(db)) return true;
  const state = await db.prepare(SQL.state).first<{ low: string; high: string; settled: number }>();
  if (state && (state.low > place.low || state.high < place.high)) {
    throw new FailureError({
      kind: "unavailable",
      detail: "a database of this collection has given sets to databases that are not named here",
      where: "connections.json",
      expected: 'at least as many "shards" as there were before',
      next: "raise it again and deploy",
    });
  }
  if (earlier.length > 0 && state?.settled !== 1) return false;
  settled.add(db);
  return true;
}

/** Ids, of the given ones, of the sets that a database has a row of. */
export async function findSets(db: D1Database, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const { results } = await db.prepare(SQL.find).bind(JSON.stringify(ids)).all<{ id: string }>();
  return new Set(results.map(({ id }) => id));
}

/** Makes a database take only sets of its place from now on; the others stay in it as they are. */
export const narrow = ({ db, place }: SetShard) => db.prepare(SQL.narrow).bind(place.low, place.high);

/** Records that all sets of a shard have come to it. */
export async function settle({ db, place }: SetShard): Promise<void> {
  await db.prepare(SQL.settle).bind(place.low, place.high).run();
}

const SQL = {
  state: "SELECT low, high, settled FROM shard WHERE one = 1",
  find: "SELECT id FROM item_sets WHERE id IN (SELECT value FROM json_each(?1))",
  narrow: `
    INSERT INTO shard (one, low, high) VALUES (1, ?1, ?2)
    ON CONFLICT (one) DO UPDATE SET low = max(low, excluded.low), high = min(high, excluded.high)
    WHERE low < excluded.low OR high > excluded.high`,
  settle: `
    INSERT INTO shard (one, low, high, settled) VALUES (1, ?1, ?2, 1)
    ON CONFLICT (one) DO UPDATE SET low = max(low, excluded.low), high = min(high, excluded.high), settled = 1`,
};
