// Measures how many of its nearest neighbours each vector keeps, even in another vector space: what a search would
// notice. Pure.
import { distance, type VectorPair } from "./items.ts";

export interface Overlap {
  /** Number of nearest neighbours that are compared. */
  k: number;
  vectors: number;
  /** Mean share of neighbours that a vector keeps; null for fewer than two vectors. */
  overlap: number | null;
}

const MAX_NEIGHBOURS = 10;
/** Every vector is compared with every other, so their number is limited. */
const MAX_VECTORS = 1_000;

/** Measures the overlap for the vectors of one path; each is compared with the others of its own side. */
export function neighbourOverlap(pairs: readonly VectorPair[]): Overlap {
  const some = pairs.slice(0, MAX_VECTORS);
  const k = Math.min(MAX_NEIGHBOURS, some.length - 1);
  if (k < 1) return { k: 0, vectors: some.length, overlap: null };
  const before = nearest(
    some.map((pair) => pair.before),
    k,
  );
  const after = nearest(
    some.map((pair) => pair.after),
    k,
  );
  const shares = before.map(
    (places, index) => places.filter((place) => after[index]?.includes(place)).length / k,
  );
  return { k, vectors: some.length, overlap: shares.reduce((sum, share) => sum + share, 0) / shares.length };
}

/** Finds the indices of the k nearest others of each vector; the earlier of equally near ones. */
function nearest(vectors: Float32Array[], k: number): number[][] {
  return vectors.map((vector, own) =>
    vectors
      .map((other, index) => ({
        index,
        far: index === own ? Number.POSITIVE_INFINITY : roundedDistance(vector, other),
      }))
      .sort((a, b) => a.far - b.far || a.index - b.index)
      .slice(0, k)
      .map(({ index }) => index),
  );
}

/** Distance without rounding noise. Vectors of other dimensions come last. */
function roundedDistance(a: Float32Array, b: Float32Array): number {
  const far = distance(a, b);
  // Rounding must not decide which of two equal vectors is nearer.
  return Number.isNaN(far) ? Number.MAX_VALUE : Math.round(far * 1e6) / 1e6;
}
