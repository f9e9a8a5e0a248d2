// Items of a shard in the order of one of their values. The values of a name that was asked are kept in memory, doc by doc,
// as long as they are within a bound; of names beyond it every page reads all items once, and holds no more than its own.
import { isOfSet, itemPath, leavesIn } from "../../src/match/index.ts";
import {
  compareKeys,
  comparePlaces,
  type ItemOrder,
  type OrderPlace,
  type SortKey,
  sortKeyOf,
} from "../../src/store/index/order.ts";
import type { ShardListing } from "../../src/store/index/shard.ts";
import type { Catalog } from "./catalog.ts";
import type { StoredSet } from "./columns.ts";
import { eachItem, eachSet } from "./items.ts";
import type { DocMask } from "./space.ts";

/** Bytes of the values of all names that are kept, about. */
const MAX_KEPT_BYTES = 16_000_000;
/** Bytes of a value beside its characters, about. */
const VALUE_BYTES = 16;
/** Times as many places as are due are gathered before they are sorted. */
const GATHERED = 8;

interface SortColumn {
  order: ItemOrder;
  /** By doc. */
  keys: SortKey[];
  bytes: number;
}

interface KeyedDoc {
  doc: number;
  key: SortKey;
}

export class SortColumns {
  readonly #sql: SqlStorage;
  readonly #catalog: Catalog;
  /** By name and direction, the longest unused first. */
  readonly #columns = new Map<string, SortColumn>();

  constructor(sql: SqlStorage, catalog: Catalog) {
    this.#sql = sql;
    this.#catalog = catalog;
  }

  get isEmpty(): boolean {
    return this.#columns.size === 0;
  }

  /** The first places of the docs that pass, after a place. */
  places({ order, after, count }: ShardListing, mask: DocMask | undefined): OrderPlace[] {
    const { descending } = order;
    const catalog = this.#catalog;
    const byKey = (a: KeyedDoc, b: KeyedDoc) =>
      compareKeys(a.key, b.key, descending) || catalog.compareItems(a.doc, b.doc);
    const first: KeyedDoc[] = [];
    let worst: KeyedDoc | undefined;
    const isAfter = ({ doc, key }: KeyedDoc) => {
      if (!after) return true;
      const ordered = compareKeys(key, after.key, descending);
      if (ordered !== 0) return ordered > 0;
      return comparePlaces({ item: catalog.itemOf(doc), key }, after, descending) > 0;
    };
    const cut = () => {
      first.sort(byKey).splice(count);
      if (first.length === count) worst = first.at(-1);
    };
    for (const entry of this.#entries(order)) {
      if (!catalog.isLive(entry.doc) || (mask && !mask(entry.doc))) continue;
      if ((worst && byKey(entry, worst) >= 0) || !isAfter(entry)) continue;
      if (first.push({ ...entry }) >= GATHERED * count) cut();
    }
    cut();
    return first.map(({ doc, key }) => ({ item: catalog.itemOf(doc), key }));
  }

  /** Takes in the docs of a set that has been stored. */
  put({ common, docs }: StoredSet): void {
    for (const [name, column] of this.#columns) {
      const path = itemPath(column.order.path, "sort");
      for (const { doc, own } of docs) {
        const leaves = leavesIn(isOfSet(path.text) ? common : own, path);
        keep(
          column,
          doc,
          sortKeyOf(
            leaves.map(({ value }) => value),
            column.order,
          ),
        );
      }
      if (column.bytes > MAX_KEPT_BYTES) this.#columns.delete(name);
    }
  }

  /** Every doc with its value; the object is the same each time. */
  *#entries(order: ItemOrder): Generator<KeyedDoc> {
    const name = `${order.descending} ${order.path}`;
    const kept = this.#columns.get(name);
    const entry: KeyedDoc = { doc: 0, key: null };
    if (kept) {
      // The last used stands last.
      this.#columns.delete(name);
      this.#columns.set(name, kept);
      for (const doc of this.#catalog.live()) {
        entry.doc = doc;
        entry.key = kept.keys[doc] ?? null;
        yield entry;
      }
      return;
    }
    const column: SortColumn = { order, keys: [], bytes: 0 };
    for (const { doc, key } of this.#read(order)) {
      if (column.bytes <= MAX_KEPT_BYTES) keep(column, doc, key);
      else column.keys = [];
      entry.doc = doc;
      entry.key = key;
      yield entry;
    }
    if (column.bytes <= MAX_KEPT_BYTES) this.#columns.set(name, column);
    this.#trim();
  }

  /** Every doc's value, of its item. */
  *#read(order: ItemOrder): Generator<KeyedDoc> {
    const path = itemPath(order.path, "sort");
    const keyIn = (json: object) =>
      sortKeyOf(
        leavesIn(json, path).map(({ value }) => value),
        order,
      );
    if (!isOfSet(path.text)) {
      for (const { doc, own } of eachItem(this.#sql, this.#catalog)) yield { doc, key: keyIn(own) };
      return;
    }
    for (const { docs, common } of eachSet(this.#sql)) {
      const key = keyIn(common());
      for (const doc of docs) yield { doc, key };
    }
  }

  /** Forgets columns until the rest is within its bound. */
  #trim(): void {
    let bytes = [...this.#columns.values()].reduce((sum, column) => sum + column.bytes, 0);
    for (const [name, column] of this.#columns) {
      if (bytes <= MAX_KEPT_BYTES) return;
      this.#columns.delete(name);
      bytes -= column.bytes;
    }
  }
}

function keep(column: SortColumn, doc: number, key: SortKey): void {
  while (column.keys.length < doc) column.keys.push(null);
  column.keys[doc] = key;
  column.bytes += VALUE_BYTES + (typeof key === "string" ? 2 * key.length : 0);
}
