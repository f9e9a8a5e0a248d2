// Items of a collection that pass a filter: found in its index, and read from the collection itself. search.ts ranks;
// this lists, in the order of ids.
import type { StoredItem } from "../shapes/item.ts";
import { describeItem, type ItemsQuery, type OpenedCollection } from "./collections.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import { readFilter } from "./item-filter.ts";
import { openSearched, type SearchDeps } from "./search.ts";

/** Items that are read at once. */
const PARALLEL_READS = 10;

/** One page of the items that pass. @throws FailureError `invalid` for what is no filter */
export async function listFiltered(
  name: string,
  open: OpenedCollection,
  { limit, cursor, key, version, commit, stale, vectors, filter = "" }: ItemsQuery,
  deps: SearchDeps,
) {
  const { index } = openSearched(name, deps);
  const narrowed = {
    ...(version !== undefined && { version: [version] }),
    ...(commit !== undefined && { commit: [commit] }),
    // Versions are hashes: one pipeline's present version is no other's.
    ...(stale && { version: [{ "anything-but": Object.values(open.versions) }] }),
  };
  const written = readFilter(filter);
  const under = key === undefined ? {} : { object: { ...Object(written.object), key: [key] } };
  const list = `items ${[name, filter, key, version, commit, stale].join(" ")}`;
  const after = decodeCursor(list, cursor, 1)?.[0];
  const { hits, next } = await index.query({
    ...{ filter: { ...written, ...under, ...narrowed }, group: "item", limit },
    ...(after !== undefined && { after: String(after) }),
  });
  const found: (StoredItem | null)[] = [];
  for (let at = 0; at < hits.length; at += PARALLEL_READS) {
    const part = hits.slice(at, at + PARALLEL_READS);
    found.push(...(await Promise.all(part.map(({ item }) => open.collection.get(item)))));
  }
  // What was removed since it was found is left out.
  const data = found.flatMap((item) => (item ? [describeItem(item, vectors)] : []));
  return next === undefined ? { data } : { data, next: encodeCursor(list, [next]) };
}
