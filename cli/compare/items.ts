// Items of one object before and after, laid beside each other: which are the same, changed, added, removed. Pure.
import { canonical } from "../../src/shapes/canonical.ts";

export interface Vector {
  path: string;
  model?: string | null;
  span?: { start: number; end: number } | null;
  values: Float32Array;
}

export interface Item {
  /** What the handler returned, its vectors taken out. */
  data: unknown;
  vectors: Vector[];
}

export interface Pair {
  before: Item;
  after: Item;
}

export interface Laid {
  pairs: Pair[];
  added: Item[];
  removed: Item[];
}

/** What an item is by itself: its data, and which vectors it has of which part. */
const whole = ({ data, vectors }: Item) =>
  canonical([data, vectors.map(({ path, span }) => [path, span ?? null])]);

/** Which part of the object it tells of; undefined where it does not say. */
const part = ({ vectors }: Item) =>
  vectors.some(({ span }) => span)
    ? canonical(vectors.map(({ path, span }) => [path, span ?? null]))
    : undefined;

/** By what they are, else by the part that they tell of, else, where they tell of none, by their order. */
export function layBeside(before: readonly Item[], after: readonly Item[]): Laid {
  const laid: Laid = { pairs: [], added: [...after], removed: [...before] };
  for (const key of [whole, part, (item: Item) => (part(item) === undefined ? "" : undefined)]) {
    const waiting = new Map<string, Item[]>();
    for (const item of laid.added) {
      const name = key(item);
      if (name !== undefined) waiting.set(name, [...(waiting.get(name) ?? []), item]);
    }
    const taken = new Set<Item>();
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

/** The vectors of a pair that stand in the same place. */
export const vectorPairs = ({ before, after }: Pair): VectorPair[] =>
  before.vectors.flatMap(({ path, values }) => {
    const other = after.vectors.find((vector) => vector.path === path);
    return other ? [{ path, before: values, after: other.values }] : [];
  });

/** 0 for the same direction, 1 for none in common, 2 for the opposite; NaN where the dimensions differ. */
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

/** Two processors may round the same sum otherwise. */
const ROUNDING = 1e-5;

/** Whether the two differ by more than rounding: in data, in which vectors there are, or in where they point. */
export function differs(pair: Pair): boolean {
  if (whole(pair.before) !== whole(pair.after)) return true;
  return vectorPairs(pair).some(({ before, after }) => !(distance(before, after) <= ROUNDING));
}
