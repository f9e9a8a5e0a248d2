// Compares a collection with its index, by the numbers of their sets: some pages each minute, and whole for an audit. What
// differs can be brought again.
import type { Collection } from "../collections/contract.ts";
import { itemId } from "../collections/ids.ts";
import { bringKey } from "./bring.ts";
import type { IndexClient } from "./client.ts";

const PAGE_SETS = 1_000;
/** Pages that one minute compares at most: of an R2 collection each is a listing, which is billed. */
const MINUTE_PAGES = 2;

/** A set that the collection and its index have differently. */
export interface DifferingSet {
  id: string;
  /** `missing`: not in the index; `stale`: another replacement of it; `extra`: in the index alone. */
  how: "missing" | "stale" | "extra";
}

export interface ComparedPage {
  sets: number;
  differing: DifferingSet[];
  /** Where the next page begins; absent on the last. */
  next?: string;
}

/** Compares a page of sets, and finds what only the index has within the same stretch of ids. */
export async function comparePage(
  index: IndexClient,
  collection: Collection,
  after = "",
  limit = PAGE_SETS,
): Promise<ComparedPage> {
  const { rows, next } = await collection.numbers({ limit, after });
  const indexed = new Map((await index.numbers(after, next)).map((row) => [row.id, row]));
  const differing: DifferingSet[] = [];
  for (const { id, number, items } of rows) {
    const other = indexed.get(id);
    indexed.delete(id);
    if (other?.number === number && other.items === items) continue;
    differing.push({ id, how: other ? "stale" : "missing" });
  }
  for (const { id } of indexed.values()) differing.push({ id, how: "extra" });
  return { sets: rows.length, differing, ...(next !== undefined && { next }) };
}

/** Compares the next pages, from where the last call ended, and mends what differs. Returns how many sets did. */
export async function compareNext(
  index: IndexClient,
  collection: Collection,
  isTime: () => boolean,
): Promise<number> {
  let differed = 0;
  let after = await index.comparedTo();
  for (let page = 0; page < MINUTE_PAGES && isTime(); page++) {
    const { differing, next } = await comparePage(index, collection, after);
    for (const { id } of differing) if (await mend(index, collection, id)) differed++;
    after = next ?? "";
    await index.keepCompared(after);
    if (next === undefined) break;
  }
  return differed;
}

/** Makes the index have a set as the collection has it now. Returns whether anything was to do. */
export async function mend(index: IndexClient, collection: Collection, id: string): Promise<boolean> {
  const [item, indexed] = [await collection.get(itemId(id, 0)), (await index.numbers("", id, id))[0]];
  if (item) {
    const [held] = await collection.describe([item.set]);
    if (held && indexed?.number === held.order && indexed.items === held.items) return false;
    await bringKey(index, collection, item.set);
    return true;
  }
  if (!indexed) return false;
  // It went with a run, whose removal counts; where the collection knows nothing of it, there is no run to wait for.
  const [held] = await collection.describe([indexed.set]);
  if (held) await bringKey(index, collection, indexed.set);
  else await index.forget(indexed.set);
  return true;
}
