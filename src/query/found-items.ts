// Items of a collection that pass a filter, or in an order of their values: found in its index, and read from the collection
// itself. search.ts ranks; this lists, in the order of ids where there is no other.
import { z } from "zod";
import { canonical } from "../shapes/canonical.ts";
import { sha256Hex } from "../shapes/hash.ts";
import type { StoredItem } from "../shapes/item.ts";
import type { SearchIndex } from "../store/index/contract.ts";
import type { ItemOrder, OrderPlace } from "../store/index/order.ts";
import { describeItem, type ItemsQuery, type OpenedCollection } from "./collections.ts";
import { type CursorKey, decodeCursor, encodeCursor, strangeCursor } from "./cursor.ts";
import { readFilter, readOrder } from "./item-filter.ts";
import { openSearched, type SearchDeps } from "./search.ts";

/** Items that are read at once. */
const PARALLEL_READS = 10;

/** A page of ids, and the cursor's key of the next. */
interface FoundPage {
  items: string[];
  next?: CursorKey | undefined;
}

/** One page of the items that pass. @throws FailureError `invalid` for what is no filter, or no name to sort by */
export async function listFound(name: string, open: OpenedCollection, query: ItemsQuery, deps: SearchDeps) {
  const { limit, cursor, key, version, commit, stale, vectors } = query;
  const { index } = openSearched(name, deps);
  const written = query.filter === undefined ? {} : readFilter(query.filter);
  const filter = {
    ...written,
    ...(key !== undefined && { object: { ...Object(written.object), key: [key] } }),
    ...(version !== undefined && { version: [version] }),
    ...(commit !== undefined && { commit: [commit] }),
    // Versions are hashes: one pipeline's present version is no other's.
    ...(stale && { version: [{ "anything-but": Object.values(open.versions) }] }),
  };
  const order = query.sort === undefined ? undefined : readOrder(query.sort);
  const list = `items ${sha256Hex(canonical({ name, filter, order: order ?? null })).slice(0, 32)}`;
  const after = decodeCursor(list, cursor, order ? 2 : 1);
  const page = order
    ? await sortedPage(index, order, { filter, limit, after })
    : await filteredPage(index, { filter, limit, after });
  const found: (StoredItem | null)[] = [];
  for (let at = 0; at < page.items.length; at += PARALLEL_READS) {
    const part = page.items.slice(at, at + PARALLEL_READS);
    found.push(...(await Promise.all(part.map((item) => open.collection.get(item)))));
  }
  // What was removed since it was found is left out.
  const data = found.flatMap((item) => (item ? [describeItem(item, vectors)] : []));
  return page.next === undefined ? { data } : { data, next: encodeCursor(list, page.next) };
}

interface PageQuery {
  filter: Record<string, unknown>;
  limit: number;
  after: CursorKey | undefined;
}

async function filteredPage(index: SearchIndex, { filter, limit, after }: PageQuery): Promise<FoundPage> {
  const { hits, next } = await index.query({
    ...{ filter, group: "item", limit },
    ...(after && { after: String(after[0]) }),
  });
  return { items: hits.map(({ item }) => item), next: next === undefined ? undefined : [next] };
}

async function sortedPage(
  index: SearchIndex,
  order: ItemOrder,
  { filter, limit, after }: PageQuery,
): Promise<FoundPage> {
  const { items, next } = await index.sorted({
    ...{ order, limit, filter: Object.keys(filter).length > 0 ? filter : undefined },
    ...(after && { after: placeAt(after) }),
  });
  return { items, next: next && [JSON.stringify(next.key), next.item] };
}

const keySchema = z.union([z.number(), z.string(), z.boolean(), z.null()]);

/** The place that a cursor names. @throws FailureError `invalid` */
function placeAt([key, item]: CursorKey): OrderPlace {
  try {
    return { key: keySchema.parse(JSON.parse(String(key))), item: String(item) };
  } catch {
    throw strangeCursor();
  }
}
