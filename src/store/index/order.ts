// Orders of items by one of their values: numbers, then texts, then booleans; in either direction, items without the value
// come last, and equal values by the item's id. Pure, and the same within a shard as over all of them.
import { compareItems } from "./fuse.ts";

/** Characters of a text that count. */
const MAX_KEY_CHARS = 200;
const KINDS = ["number", "string", "boolean"];

/** A name of an item, and the direction. */
export interface ItemOrder {
  path: string;
  descending: boolean;
}

/** What an item is sorted by; null where it has no value. */
export type SortKey = number | string | boolean | null;

/** An item's place in an order. */
export interface OrderPlace {
  item: string;
  key: SortKey;
}

/** The value that an item is sorted by, out of all that it has at the path: the first in the order. */
export function sortKeyOf(values: readonly unknown[], { path, descending }: ItemOrder): SortKey {
  let first: SortKey = null;
  for (const value of values) {
    const key = keyOf(value, path);
    if (first === null || compareKeys(key, first, descending) < 0) first = key;
  }
  return first;
}

function keyOf(value: unknown, path: string): SortKey {
  // Times are written with more or fewer digits.
  if (path === "time" || path === "stored_at") return Date.parse(String(value)) || 0;
  // JSON has no infinity, and cursors are JSON.
  if (typeof value === "number") return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value));
  if (typeof value === "string") return value.slice(0, MAX_KEY_CHARS).toWellFormed();
  return typeof value === "boolean" ? value : null;
}

/** Less than 0 where `a` comes first. */
export function compareKeys(a: SortKey, b: SortKey, descending: boolean): number {
  if (a === b) return 0;
  if (a === null || b === null) return a === null ? 1 : -1;
  const order = KINDS.indexOf(typeof a) - KINDS.indexOf(typeof b) || (a < b ? -1 : a > b ? 1 : 0);
  return descending ? -order : order;
}

export const comparePlaces = (a: OrderPlace, b: OrderPlace, descending: boolean): number =>
  compareKeys(a.key, b.key, descending) || compareItems(a.item, b.item);

/** The first places of all shards. An item that two shards have (while sets move) counts once. */
export function firstPlaces(
  parts: readonly (readonly OrderPlace[])[],
  descending: boolean,
  count: number,
): OrderPlace[] {
  const sorted = parts.flat().sort((a, b) => comparePlaces(a, b, descending));
  return [...new Map(sorted.map((place) => [place.item, place])).values()].slice(0, count);
}
