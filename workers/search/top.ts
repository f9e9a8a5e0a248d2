// The best of many scored docs, without sorting them all. Pure.

/** A doc and its score, best first. */
export interface ScoredDoc {
  doc: number;
  score: number;
}

/** Rounds that widen the choice, before all are sorted, when many of the best are of one object. */
const WIDENINGS = [4, 32];

/** Scores of docs: the best that each has been given. */
export class BestScores {
  readonly #scores: Float64Array;
  readonly #docs: Int32Array;
  #count = 0;

  constructor(docs: number) {
    this.#scores = new Float64Array(docs).fill(Number.NEGATIVE_INFINITY);
    this.#docs = new Int32Array(docs);
  }

  offer(doc: number, score: number): void {
    const before = this.#scores[doc] ?? 0;
    if (before === Number.NEGATIVE_INFINITY) this.#docs[this.#count++] = doc;
    if (score > before) this.#scores[doc] = score;
  }

  has = (doc: number): boolean => (this.#scores[doc] ?? Number.NEGATIVE_INFINITY) > Number.NEGATIVE_INFINITY;

  /** The best `count`, of each group the best alone where `groupOf` is given. */
  best(count: number, groupOf?: (doc: number) => number): ScoredDoc[] {
    const docs = this.#docs.subarray(0, this.#count);
    if (!groupOf) return topOf(docs, this.#scores, count);
    for (const factor of [...WIDENINGS, Number.POSITIVE_INFINITY]) {
      const wide = Math.min(docs.length, count * factor);
      const found = firstOfEach(topOf(docs, this.#scores, wide), groupOf);
      if (found.length >= count || wide === docs.length) return found.slice(0, count);
    }
    return [];
  }
}

function firstOfEach(sorted: ScoredDoc[], groupOf: (doc: number) => number): ScoredDoc[] {
  const seen = new Set<number>();
  return sorted.filter(({ doc }) => {
    const group = groupOf(doc);
    if (seen.has(group)) return false;
    seen.add(group);
    return true;
  });
}

/** A heap whose worst entry is on top: whatever is worse than it never goes in. */
function topOf(docs: Int32Array, scores: Float64Array, count: number): ScoredDoc[] {
  const heap = new Int32Array(Math.min(count, docs.length));
  const isWorse = (a: number, b: number): boolean => {
    const [left, right] = [scores[a] ?? 0, scores[b] ?? 0];
    return left < right || (left === right && a > b);
  };
  let size = 0;
  const sink = (at: number, doc: number) => {
    let hole = at;
    for (let child = 2 * hole + 1; child < size; child = 2 * hole + 1) {
      if (child + 1 < size && isWorse(heap[child + 1] ?? 0, heap[child] ?? 0)) child++;
      if (!isWorse(heap[child] ?? 0, doc)) break;
      heap[hole] = heap[child] ?? 0;
      hole = child;
    }
    heap[hole] = doc;
  };
  for (const doc of docs) {
    if (size < heap.length) {
      let hole = size++;
      for (; hole > 0; ) {
        const above = (hole - 1) >> 1;
        if (!isWorse(doc, heap[above] ?? 0)) break;
        heap[hole] = heap[above] ?? 0;
        hole = above;
      }
      heap[hole] = doc;
    } else if (size > 0 && isWorse(heap[0] ?? 0, doc)) sink(0, doc);
  }
  const sorted = [...heap.subarray(0, size)].map((doc) => ({ doc, score: scores[doc] ?? 0 }));
  return sorted.sort((a, b) => b.score - a.score || a.doc - b.doc);
}
