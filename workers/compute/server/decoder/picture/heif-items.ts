// The item tables of HEIF (ISO/IEC 14496-12, 8.11): which items there are, of what type, where their bytes lie,
// what is said of each and how they refer to one another. Pure; heif.ts makes a picture of it.
import { Buffer } from "node:buffer";
import { type BoxView, boxesIn, childrenOf, Fields } from "./heif-boxes.ts";

/** Bytes of an item: a range of the file (of length 0: to its end), or here already. */
export type DataPlace = { start: number; length: number } | { data: Buffer };
export interface HeifItem {
  id: number;
  type: string;
  properties: BoxView[];
}
export interface ItemReference {
  type: string;
  from: number;
  to: number[];
}

const NO_BYTES: Buffer = Buffer.alloc(0);
/** Most entries of a table: a file of damaged counts must come to an end. */
const MAX_ENTRIES = 65_536;
const times = (count: number) => Array.from({ length: Math.min(count, MAX_ENTRIES) }).keys();

/** `iinf`: the items by their ids. */
export function itemsOf(iinf: Buffer = NO_BYTES, properties: Map<number, BoxView[]>): Map<number, HeifItem> {
  const fields = new Fields(iinf);
  const own = fields.version() === 0 ? 6 : 8;
  const items = new Map<number, HeifItem>();
  for (const { type, body } of childrenOf(iinf, own)) {
    if (type !== "infe") continue;
    const entry = new Fields(body);
    const version = entry.version();
    if (version < 2) continue;
    const id = version === 2 ? entry.u16() : entry.u32();
    entry.u16();
    items.set(id, { id, type: entry.letters(4), properties: properties.get(id) ?? [] });
  }
  return items;
}

/** `iprp`: what is said of each item, in the order in which it is to be done. */
export function associationsOf(iprp: Buffer = NO_BYTES): Map<number, BoxView[]> {
  const boxes = boxesIn(iprp);
  const all = boxesIn(boxes.find(({ type }) => type === "ipco")?.body ?? NO_BYTES);
  const associations = new Map<number, BoxView[]>();
  for (const { body } of boxes.filter(({ type }) => type === "ipma")) {
    const fields = new Fields(body);
    const version = fields.version();
    const wide = (fields.flags & 1) === 1;
    for (const _ of times(fields.u32())) {
      if (fields.isOver) break;
      const id = version < 1 ? fields.u16() : fields.u32();
      const indexes = Array.from(times(fields.u8()), () =>
        wide ? fields.u16() & 0x7fff : fields.u8() & 0x7f,
      );
      associations.set(
        id,
        indexes.flatMap((index) => all[index - 1] ?? []),
      );
    }
  }
  return associations;
}

/** `iref`: which items refer to which, and as what. */
export function referencesOf(iref: Buffer = NO_BYTES): ItemReference[] {
  const large = new Fields(iref).version() > 0;
  return childrenOf(iref, 4).map(({ type, body }) => {
    const fields = new Fields(body);
    const id = () => (large ? fields.u32() : fields.u16());
    const from = id();
    return { type, from, to: Array.from(times(fields.u16()), () => (fields.isOver ? -1 : id())) };
  });
}

/** `iloc`: where the bytes of each item lie, in the file or in `idat`. */
export function locationsOf(iloc: Buffer = NO_BYTES, idat: Buffer = NO_BYTES): Map<number, DataPlace[]> {
  const fields = new Fields(iloc);
  const version = fields.version();
  const sizes = fields.u16();
  const [offsetSize, lengthSize, baseSize] = [sizes >> 12, (sizes >> 8) & 15, (sizes >> 4) & 15];
  const indexSize = version > 0 ? sizes & 15 : 0;
  const places = new Map<number, DataPlace[]>();
  for (const _ of times(version < 2 ? fields.u16() : fields.u32())) {
    if (fields.isOver) break;
    const id = version < 2 ? fields.u16() : fields.u32();
    const method = version > 0 ? fields.u16() & 15 : 0;
    fields.u16();
    const base = fields.uint(baseSize);
    const extents = Array.from(times(fields.u16()), (): DataPlace | undefined => {
      if (fields.isOver) return undefined;
      fields.uint(indexSize);
      const start = base + fields.uint(offsetSize);
      const length = fields.uint(lengthSize);
      if (method === 0) return { start, length };
      return method === 1
        ? { data: idat.subarray(start, length > 0 ? start + length : undefined) }
        : undefined;
    });
    places.set(
      id,
      extents.filter((extent) => extent !== undefined),
    );
  }
  return places;
}
