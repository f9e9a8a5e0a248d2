// Whether vectors have the same neighbours as before, whatever space they are in now: what a search would notice.
// Pure.
import { distance, type VectorPair } from "./items.ts";

export interface Overlap {
  /** Neighbours that each vector is asked for. */
  k: number;
  vectors: number;
  /** Mean share of its neighbours that a vector has kept; null where there are not two vectors. */
  overlap: number | null;
}

const MOST_NEIGHBOURS = 10;
/** Every one is compared with every other. */
const MOST_VECTORS = 1_000;

/** Of the vectors of one place; each is compared with the others of its own side. */
export function neighbourOverlap(pairs: readonly VectorPair[]): Overlap {
  const some = pairs.slice(0, MOST_VECTORS);
  const k = Math.min(MOST_NEIGHBOURS, some.length - 1);
  if (k < 1) return { k: 0, vectors: some.length, overlap: null };
  const before = nearest(
    some.map((pair) => pair.before),
    k,
  );
  const after = nearest(
    some.map((pair) => pair.after),
    k,
  );
  const shares = before.map((of, at) => of.filter((one) => after[at]?.includes(one)).length / k);
  return { k, vectors: some.length, overlap: shares.reduce((sum, share) => sum + share, 0) / shares.length };
}

/** For each vector the places of the k nearest others; of those equally near, the earlier ones. */
function nearest(vectors: Float32Array[], k: number): number[][] {
  return vectors.map((one, at) =>
    vectors
      .map((other, index) => ({ index, far: index === at ? Number.POSITIVE_INFINITY : farness(one, other) }))
      .sort((a, b) => a.far - b.far || a.index - b.index)
      .slice(0, k)
      .map(({ index }) => index),
  );
}

/** Vectors of other dimensions are behind all that can be compared. */
function farness(a: Float32Array, b: Float32Array): number {
  const far = distance(a, b);
  // Rounding must not decide which of two copies is nearer.
  return Number.isNaN(far) ? Number.MAX_VALUE : Math.round(far * 1e6) / 1e6;
}
