// Brings sets from a collection to its index: what a run has just stored, what was not acknowledged, and what a rebuilding
// walks through. Whatever is cut off, the same set can be brought again.
import type { NewItem, SetKey, StoredItem } from "../../shapes/item.ts";
import type { Collection, HeldSet } from "../collections/contract.ts";
import type { Indexed, IndexSet } from "./contract.ts";

/** Items that are read of a set at once. */
const PAGE_ITEMS = 200;
/** Times that a set is read, where it is being replaced meanwhile. */
const MAX_READS = 4;

/** Where sets are brought to. */
export interface IndexTarget {
  replace(set: IndexSet, epoch?: number): Promise<Indexed>;
}

/** Brings a set, and notes that the index has it. */
export async function bringSet(
  index: IndexTarget,
  collection: Collection,
  set: IndexSet,
  epoch?: number,
): Promise<void> {
  await index.replace(set, epoch);
  await collection.backlog?.done([{ set: set.set, order: set.order }]);
}

/** Reads a set as one replacement stored it; undefined where it was never stored. */
export async function readSet(collection: Collection, key: SetKey): Promise<IndexSet | undefined> {
  let [held] = await collection.describe([key]);
  for (let read = 0; held && read < MAX_READS; read++) {
    const items = held.items === 0 ? [] : await readItems(collection, key);
    const [after] = await collection.describe([key]);
    if (after?.order === held.order) return whole(held, items);
    held = after;
  }
  if (!held) return undefined;
  throw new Error("a set was replaced again and again while it was read");
}

async function readItems(collection: Collection, set: SetKey): Promise<StoredItem[]> {
  const items: StoredItem[] = [];
  let after: string | undefined;
  do {
    const page = await collection.list({
      sets: [set],
      limit: PAGE_ITEMS,
      ...(after !== undefined && { after }),
    });
    items.push(...page.items);
    after = page.next;
  } while (after !== undefined);
  return items;
}

const whole = ({ set, order, lineage }: HeldSet, items: StoredItem[]): IndexSet => ({
  ...{ set, order, lineage },
  items: items.map(({ data, vectors }): NewItem => ({ data: JSON.stringify(data), vectors })),
});

/** Reads a set and brings it, if it was ever stored. */
export async function bringKey(
  index: IndexTarget,
  collection: Collection,
  key: SetKey,
  epoch?: number,
): Promise<void> {
  const set = await readSet(collection, key);
  if (set) await bringSet(index, collection, set, epoch);
}
