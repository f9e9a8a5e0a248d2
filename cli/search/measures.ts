// How good an answer is, against what should have come: recall, reciprocal rank and nDCG of the first k hits, as
// retrieval measures them (Manning et al., Introduction to Information Retrieval, chapter 8). Pure.
import type { SearchHit } from "../../src/client/client.ts";
import type { ExpectedHit } from "../project/queries.ts";

/** Seconds by which a hit's own second may miss the expected one, where its span does not have it. */
const NEAR_SECONDS = 2;

/** What of a hit is judged. */
export type JudgedHit = Pick<SearchHit, "item" | "object" | "second" | "span">;

export interface Measures {
  /** Share of what should have come that came. */
  recall: number;
  /** One by the rank of the first that should have come; 0 where none came. */
  mrr: number;
  /** Gain by ranks against the best order, 0 to 1. */
  ndcg: number;
}

/** Measures the first `k` hits. Each expectation is met once, by its first hit. */
export function measure(hits: readonly JudgedHit[], expected: readonly ExpectedHit[], k: number): Measures {
  const open = new Set(expected);
  const gains = hits.slice(0, k).map((hit) => {
    const met = [...open].filter((one) => isMet(hit, one));
    for (const one of met) open.delete(one);
    return met.length > 0 ? 1 : 0;
  });
  const first = gains.indexOf(1);
  const best = gainOf(Array.from({ length: Math.min(k, expected.length) }, () => 1));
  return {
    recall: (expected.length - open.size) / expected.length,
    mrr: first < 0 ? 0 : 1 / (first + 1),
    ndcg: gainOf(gains) / best,
  };
}

const gainOf = (gains: readonly number[]) =>
  gains.reduce((sum, gain, place) => sum + gain / Math.log2(place + 2), 0);

/** Whether a hit is one that should have come. */
export function isMet({ item, object, second, span }: JudgedHit, expected: ExpectedHit): boolean {
  if ("item" in expected) return expected.item === item;
  if (expected.key !== object.key || (expected.bucket ?? object.bucket) !== object.bucket) return false;
  const { second: at } = expected;
  if (at === undefined) return true;
  if (span && span.start <= at && at < span.end) return true;
  return second !== null && Math.abs(second - at) <= NEAR_SECONDS;
}

/** Means over all queries. */
export function meanOf(all: readonly Measures[]): Measures {
  const mean = (of: (measures: Measures) => number) =>
    all.reduce((sum, measures) => sum + of(measures), 0) / Math.max(1, all.length);
  return {
    recall: mean(({ recall }) => recall),
    mrr: mean(({ mrr }) => mrr),
    ndcg: mean(({ ndcg }) => ndcg),
  };
}
