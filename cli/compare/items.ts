// Pairs the items of an object before and after a change, and finds added and removed items. Pure.
import { canonical } from "../../src/shapes/canonical.ts";

export interface ComparedVector {
  path: string;
  model?: string | null;
  span?: { start: number; end: number } | null;
  values: Float32Array;
}

export interface ComparedItem {
  /** Data that the handler returned, without its vectors. */
  data: unknown;
  vectors: ComparedVector[];
}

export interface ItemPair {
  before: ComparedItem;
  after: ComparedItem;
}

export interface ItemDiff {
  pairs: ItemPair[];
  added: ComparedItem[];
  removed: ComparedItem[];
}

/** Key of the whole item: its data, and the path and span of each vector. */
const wholeKey = ({ data, vectors }: ComparedItem) =>
  canonical([data, vectors.map(({ path, span }) => [path, span ?? null])]);

/** Key of the part of the object that an item describes; undefined where no vector has a span. */
const partKey = ({ vectors }: ComparedItem) =>
  vectors.some(({ span }) => span)
    ? canonical(vectors.map(({ path, span }) => [path, span ?? null]))
    : undefined;

/** Pairs equal items first, then items about the same part, then items without a part, in their order. */
export function pairItems(before: readonly ComparedItem[], after: readonly ComparedItem[]): ItemDiff {
  const laid: ItemDiff = { pairs: [], added: [...after], removed: [...before] };
  for (const key of [
    wholeKey,
    partKey,
    (item: ComparedItem) => (partKey(item) === undefined ? "" : undefined),
  ]) {
    const waiting = new Map<string, ComparedItem[]>();
    for (const item of laid.added) {
      const name = key(item);
      if (name !== undefined) waiting.set(name, [...(waiting.get(name) ?? []), item]);
    }
    const taken = new Set<ComparedItem>();
    laid.removed = laid.removed.filter((item) => {
      const name = key(item);
      const other = name === undefined ? undefined : waiting.get(name)?.shift();
      if (!other) return true;
      taken.add(other);
      laid.pairs.push({ before: item, after: other });
      return false;
    });
    laid.added = laid.added.filter((item) => !taken.has(item));
  }
  return laid;
}

export interface VectorPair {
  path: string;
  before: Float32Array;
  after: Float32Array;
}

/** Pairs the vectors at the same path of two items. */
export const vectorPairs = ({ before, after }: ItemPair): VectorPair[] =>
  before.vectors.flatMap(({ path, values }) => {
    const other = after.vectors.find((vector) => vector.path === path);
    return other ? [{ path, before: values, after: other.values }] : [];
  });

/** Cosine distance: 0 for the same direction, 1 for orthogonal, 2 for opposite; NaN where dimensions differ. */
export function distance(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.NaN;
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] ?? 0, b[i] ?? 0];
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  if (aa === 0 || bb === 0) return aa === bb ? 0 : 1;
  return Math.max(0, 1 - dot / Math.sqrt(aa * bb));
}

/** Distance that rounding alone may cause between two processors. */
const ROUNDING = 1e-5;

/** Whether two items differ by more than rounding: in data, in their vectors' paths, or in the directions. */
export function differs(pair: ItemPair): boolean {
  if (wholeKey(pair.before) !== wholeKey(pair.after)) return true;
  return vectorPairs(pair).some(({ before, after }) => !(distance(before, after) <= ROUNDING));
}
