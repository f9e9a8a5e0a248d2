// Sets as they travel to the index: vectors as int8 with the length that belongs to them, text as it is indexed. Done
// by who writes, since an index has one thread. Pure.
import { sha256Hex } from "../../shapes/hash.ts";
import type { NewItem, SetKey, SetLineage, Vector } from "../../shapes/item.ts";
import { type Space, spaceId, spacePath } from "../../shapes/search.ts";
import { quantised } from "../../shapes/vector.ts";
import { setId } from "../collections/ids.ts";
import type { IndexSet } from "./contract.ts";
import { indexedText, textsOf } from "./words.ts";

/** What of a set travels in one call, bytes: a call holds 32 MiB. */
const PART_BYTES = 8_000_000;

export interface PackedDoc {
  position: number;
  /** JSON of the item's data, without its vectors. */
  data: string;
  span: { start: number; end: number } | null;
  prose: string;
  grams: string;
}

/** Vectors of one space, row by row. */
export interface PackedVectors {
  space: Space;
  /** Position of the item in its set. */
  positions: Uint32Array;
  /** Second of the film, where a row is a sampled frame; NaN where it is the vector itself. */
  seconds: Float64Array;
  /** Sum of the squares of a row. */
  squares: Uint32Array;
  /** `dimensions` numbers for each row. */
  values: Int8Array;
}

/** Head of a set: what its items have in common. */
export interface PackedHead {
  set: SetKey;
  lineage: SetLineage;
}

/** A set, or a part of one. What was sent becomes visible with its `last` part, all together. */
export interface PackedPart {
  /** Id of the set, 32 hex digits. */
  id: string;
  /** Number of the object: the same for each set of it. */
  object: number;
  order: number;
  head: PackedHead;
  /** Names the parts of one replacement. */
  ticket: string;
  first: boolean;
  last: boolean;
  docs: PackedDoc[];
  vectors: PackedVectors[];
  /** Rebuilding that brings the set; absent for a run. */
  epoch?: number | undefined;
}

/** Number of an object, of 52 bits; its sets share a shard and, in a query by objects, a place. */
export const objectNumber = ({ connection, bucket, key }: Omit<SetKey, "alias">): number =>
  Number.parseInt(sha256Hex(JSON.stringify([connection, bucket, key])).slice(0, 13), 16);

/** Cuts a set into parts. `text` names the data whose text is indexed. */
export function packSet({ set, order, lineage, items }: IndexSet, text?: readonly string[]): PackedPart[] {
  const head = { set, lineage };
  const whole = { id: setId(set), object: objectNumber(set), order, head, ticket: crypto.randomUUID() };
  const groups: NewItem[][] = [[]];
  let room = PART_BYTES;
  for (const item of items) {
    // Text travels as data and as words.
    const bytes = 3 * item.data.length + item.vectors.reduce((sum, vector) => sum + bytesOf(vector), 0);
    if (bytes > room && groups.at(-1)?.length) {
      groups.push([]);
      room = PART_BYTES;
    }
    groups.at(-1)?.push(item);
    room -= bytes;
  }
  let position = 0;
  return groups.map((group, part) => {
    const from = position;
    position += group.length;
    return {
      ...whole,
      first: part === 0,
      last: part === groups.length - 1,
      docs: group.map((item, i) => packItem(item, from + i, set.key, text)),
      vectors: packVectors(group, from),
    };
  });
}

const bytesOf = ({ values, frames }: Vector) => values.length + (frames?.values.length ?? 0);

function packItem(
  { data, vectors }: NewItem,
  position: number,
  key: string,
  text?: readonly string[],
): PackedDoc {
  const value: unknown = JSON.parse(data);
  const texts = textsOf(value, text).map((place) => place.text);
  const span = vectors.find((vector) => vector.span)?.span ?? ownSpan(value);
  return { position, data, span, ...indexedText(texts, [key]) };
}

/** The seconds that an item names itself as `start` and `end`, as what is said in a film does; it needs no vector. */
function ownSpan(value: unknown): PackedDoc["span"] {
  const { start, end } = (value ?? {}) as { start?: unknown; end?: unknown };
  const isSpan = typeof start === "number" && typeof end === "number" && 0 <= start && start < end;
  return isSpan ? { start, end } : null;
}

function packVectors(items: readonly NewItem[], from: number): PackedVectors[] {
  const rows = new Map<string, { space: Space; rows: Row[] }>();
  for (const [i, { vectors }] of items.entries())
    for (const vector of vectors) {
      const space = spaceOf(vector);
      const id = spaceId(space);
      const group = rows.get(id) ?? { space, rows: [] };
      rows.set(id, group);
      group.rows.push({ position: from + i, second: Number.NaN, values: quantised(vector.values) });
      const { frames } = vector;
      frames?.seconds.forEach((second, frame) => {
        const at = frame * space.dimensions;
        group.rows.push({
          position: from + i,
          second,
          values: frames.values.subarray(at, at + space.dimensions),
        });
      });
    }
  return [...rows.values()].map(({ space, rows: all }) => {
    const values = new Int8Array(all.length * space.dimensions);
    all.forEach((row, i) => void values.set(row.values, i * space.dimensions));
    return {
      space,
      positions: Uint32Array.from(all, ({ position }) => position),
      seconds: Float64Array.from(all, ({ second }) => second),
      squares: Uint32Array.from(all, (row) => row.values.reduce((sum, value) => sum + value * value, 0)),
      values,
    };
  });
}

interface Row {
  position: number;
  second: number;
  values: Int8Array;
}

/** The space of a vector: vectors that a handler brought are of one space where their place and length are the same. */
export const spaceOf = ({ path, model, recipe, values }: Vector): Space => ({
  path: spacePath(path),
  model: model ?? null,
  definition: recipe?.definition ?? null,
  dimensions: values.length,
});
