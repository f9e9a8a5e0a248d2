// What is left of a story: what the collections hold, and what the ledger knows, without what may well differ
// from one course of things to another: times, attempts, which of two runs came first, and which of them the
// ledger believes to have made the items (docs/operations.md).
import { comparePage } from "../../../src/store/index/compare.ts";
import type { Move, Played } from "../shapes.ts";
import { ALIASES, BUCKET, type World } from "./world.ts";

export async function endingOf(world: World, at: string): Promise<Played["ending"]> {
  const keys = [...new Set((await world.events(at)).map(({ event }) => event.key))].sort();
  const held = await Promise.all(
    ALIASES.map(async (alias) => {
      const sets = keys.map((key) => ({ alias, connection: "source", bucket: BUCKET, key }));
      const { items } = await world.collections[alias].list({ limit: 100, sets });
      return items.map(({ set, position, data, vectors, lineage }) => ({
        where: `${alias} ${set.key} ${position}`,
        etag: lineage.etag,
        data,
        vectors: vectors.map(({ values }) => [...values]),
      }));
    }),
  );
  const runs = (await world.runs(at)).map(({ key, alias, cause, status }) => ({ key, alias, cause, status }));
  // Of two runs of an object, the one that comes too late has nothing left to do, and is as done. An invocation
  // that failed told its caller so, who asked again: only the last counts.
  const done = runs
    .filter(({ cause, status }) => cause !== "invoked" || status !== "dead")
    .map((run) => JSON.stringify(run).replace("skipped", "succeeded"))
    .sort();
  const ending = {
    held: held.flat().sort((a, b) => (a.where < b.where ? -1 : 1)),
    runs: [...new Set(done)],
    events: keys,
    tracked: (await world.tracked(at))
      .map(({ key, alias, items }) => JSON.stringify({ key, alias, items }))
      .sort(),
    dead: (await world.letters(at)).length,
    lost: world.queues.lost,
    differing: (await Promise.all(ALIASES.map((alias) => differingOf(world, alias)))).flat().sort(),
  };
  return JSON.parse(JSON.stringify(ending).replaceAll(`${at}/`, "")) as Played["ending"];
}

/** Sets and items that a collection and its index have differently. */
async function differingOf(world: World, alias: (typeof ALIASES)[number]): Promise<string[]> {
  const [collection, index] = [world.collections[alias], world.indexes[alias]];
  if (!index) return [`${alias} has no index`];
  const { differing } = await comparePage(index, collection);
  const { items } = await collection.list({ limit: 1_000 });
  const { hits } = await index.query({ group: "item", limit: 1_000 });
  const held = items.map(({ id, data }) => JSON.stringify([id, data]));
  const found = new Set(hits.map(({ item, data }) => JSON.stringify([item, data])));
  return [
    ...differing.map(({ id, how }) => `${alias} ${id} is ${how}`),
    ...held.filter((item) => !found.delete(item)).map((item) => `${alias} ${item} is not found`),
    ...[...found].map((item) => `${alias} ${item} is found, and not there`),
  ];
}

/** Every way in which a run has gone from one state to another, and how often without a cause on record. */
export async function movesOf(world: World): Promise<Move[]> {
  const moves = new Map<string, Move>();
  for (const { history } of await world.allRuns()) {
    for (const [at, { status: after, cause }] of history.entries()) {
      const before = history[at - 1]?.status ?? null;
      const move = moves.get(`${before} ${after}`) ?? { before, after, times: 0, uncaused: 0 };
      move.times++;
      if (!cause) move.uncaused++;
      moves.set(`${before} ${after}`, move);
    }
  }
  return [...moves.values()];
}
