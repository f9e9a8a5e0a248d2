// Indexes of collections as people see to them: how far one has come, where it differs from its collection, and building
// it anew.
import type { Pipelines } from "../dispatch/pipelines.ts";
import type { Env } from "../env.ts";
import type { Connections } from "../shapes/connection.ts";
import { FailureError } from "../shapes/failure.ts";
import { comparePage, type DifferingSet } from "../store/index/compare.ts";
import { openSearched, type SearchedCollection } from "../store/index/open.ts";
import { beginRebuilding, rebuildOn } from "../store/index/rebuild.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";

/** Part of a request that a rebuilding may take, ms: the cron goes on with it, and so does who asks again. */
const REBUILD_MS = 8_000;
/** Differing sets that are named. */
const MAX_NAMED = 20;

/** @throws FailureError `not_found` for a collection that no pipeline writes, `conflict` for one that is not searched */
export function openIndexNamed(
  name: string,
  { pipelines, connections, env }: { pipelines: Pipelines; connections: Connections; env: Env },
): SearchedCollection {
  const writers = pipelines.all.filter(({ config }) => config.destination.collection === name);
  const [searched] = openSearched(writers, connections, env);
  if (searched) return searched;
  if (writers.length > 0)
    throw new FailureError({
      kind: "conflict",
      detail: `the collection ${name.slice(0, 80)} is not searched`,
      next: 'set "search": {"enabled": true} in the destination of its pipelines, and deploy',
    });
  const names = [...new Set(pipelines.all.map(({ config }) => config.destination.collection))];
  throw new FailureError({
    kind: "not_found",
    detail: `no pipeline writes a collection ${name.slice(0, 80)}`,
    expected: names.join(", ") || "a collection named by some pipeline's config.json",
  });
}

/** Compares a page of sets with the index. */
export async function compareIndex(
  { name, collection, index }: SearchedCollection,
  cursor: string | undefined,
) {
  const list = `index ${name}`;
  const after = decodeCursor(list, cursor, 1)?.[0];
  const { sets, differing, next } = await comparePage(index, collection, String(after ?? ""));
  const count = (how: DifferingSet["how"]) => differing.filter((set) => set.how === how).length;
  return {
    index: await index.state(),
    sets,
    differing: { missing: count("missing"), stale: count("stale"), extra: count("extra") },
    named: differing.slice(0, MAX_NAMED),
    ...(next !== undefined && { next: encodeCursor(list, [next]) }),
  };
}

/** Builds an index anew for some seconds: begins with it, or, without `begin`, goes on with what is under way. */
export async function reindex(searched: SearchedCollection, begin: boolean, now: () => number) {
  const until = now() + REBUILD_MS;
  if (begin) await beginRebuilding(searched, now());
  const rebuilt = await rebuildOn(searched, () => now() < until);
  return { ...rebuilt, index: await searched.index.state() };
}
