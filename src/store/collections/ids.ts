// Ids of sets and items. They are derived, so that a replay gives the same ids and rows can be compared.

import { sha256Hex } from "../../shapes/hash.ts";
import type { SetKey } from "../../shapes/item.ts";

/** 32 hex digits that name a set. */
export function setId({ alias, connection, bucket, key }: SetKey): string {
  return sha256Hex(JSON.stringify([alias, connection, bucket, key])).slice(0, 32);
}

export const itemId = (set: string, position: number) => `itm_${set}_${position}`;

/** The set and position that an item's id names, or null when it is not an item's id. */
export function parseItemId(id: string): { set: string; position: number } | null {
  const parts = /^itm_([0-9a-f]{32})_(\d{1,7})$/.exec(id);
  return parts?.[1] && parts[2] ? { set: parts[1], position: Number(parts[2]) } : null;
}
