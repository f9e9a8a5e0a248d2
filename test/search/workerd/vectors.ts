// Vectors that follow from a seed, clustered as embeddings are, as sets of an index; and the same question by brute force
// in float64 over the int8 values.
import type { SetKey, SetLineage } from "../../../src/shapes/item.ts";
import { quantised } from "../../../src/shapes/vector.ts";
import { itemId, setId } from "../../../src/store/collections/ids.ts";
import type { IndexSet } from "../../../src/store/index/contract.ts";
import { queryVector } from "../../../workers/search/query-vector.ts";

export interface Fill {
  sets: number;
  /** Items of a set, a vector each. */
  items: number;
  dimensions: number;
  clusters: number;
  words?: boolean;
}

export interface Probe {
  queries: number;
  filter?: Record<string, unknown>;
  /** The items that the filter keeps: every how-manieth. */
  part?: number;
  limit?: number;
}

/** A stream of numbers that follows from its seed (mulberry32). */
function stream(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Nearly normal: the sum of four, which is quick. */
const normal = (next: () => number) => (next() + next() + next() + next() - 2) * 1.7;

const centres = new Map<string, Float32Array>();
function centreOf({ dimensions }: Fill, cluster: number): Float32Array {
  const name = `${dimensions} ${cluster}`;
  const known = centres.get(name);
  if (known) return known;
  const next = stream(7_919 * (cluster + 1));
  const centre = Float32Array.from({ length: dimensions }, () => normal(next));
  centres.set(name, centre);
  return centre;
}

/** A vector of its cluster; all lean the same way, as those of a model do. */
function vectorOf(shape: Fill, seed: number): Float32Array {
  const next = stream(seed);
  const centre = centreOf(shape, Math.floor(next() * shape.clusters));
  return Float32Array.from(centre, (value) => value + 0.7 * normal(next) + 0.5);
}

export const queryOf = (shape: Fill, n: number): Float32Array => vectorOf(shape, 1_000_000_007 + n);

const WORDS =
  "red blue car dog night day house river street boat snow rain tall small old new fast slow".split(" ");

const lineage: SetLineage = {
  event_id: "evt_1",
  run_id: "run_1",
  version: "v1",
  commit: "c1",
  etag: "e1",
  version_id: null,
  size: 10,
  event_time: "2026-11-23T10:00:00.000Z",
  stored_at: "2026-11-23T10:00:01.000Z",
};

export const setKey = (n: number): SetKey => ({
  alias: "p",
  connection: "c",
  bucket: "b",
  key: `films/${n}.mp4`,
});

export function indexSet(shape: Fill, set: number): IndexSet {
  const items = Array.from({ length: shape.items }, (_, position) => {
    const n = set * shape.items + position;
    const next = stream(n);
    const text = Array.from({ length: 12 }, () => WORDS[Math.floor(next() * WORDS.length)]).join(" ");
    return {
      data: JSON.stringify({
        n,
        half: n % 2,
        hundredth: n % 100,
        rare: n % 10_000,
        ...(shape.words && { text }),
        embedding: null,
      }),
      vectors: [
        {
          path: "embedding",
          values: vectorOf(shape, n),
          model: "m",
          recipe: { definition: "d", pooling: "none", normalised: true },
        },
      ],
    };
  });
  return { set: setKey(set), order: 1, lineage, items };
}

const kept = new Map<string, Int8Array[]>();

/** Ids of the best items. The query is what the index makes of it: its rounding is not what is judged here. */
export function bruteForce(shape: Fill, values: Float32Array, limit: number, part = 1): string[] {
  const name = JSON.stringify(shape);
  const all =
    kept.get(name) ??
    Array.from({ length: shape.sets * shape.items }, (_, n) => quantised(vectorOf(shape, n)));
  kept.set(name, all);
  const query = queryVector(values).values;
  const scored: { n: number; score: number }[] = [];
  for (let n = 0; n < all.length; n += part) {
    let product = 0;
    let squares = 0;
    const row = all[n] ?? new Int8Array();
    for (let i = 0; i < row.length; i++) {
      const value = row[i] ?? 0;
      product += value * (query[i] ?? 0);
      squares += value * value;
    }
    scored.push({ n, score: product / Math.sqrt(squares) });
  }
  scored.sort((a, b) => b.score - a.score);
  return scored
    .slice(0, limit)
    .map(({ n }) => itemId(setId(setKey(Math.floor(n / shape.items))), n % shape.items));
}
