// Embeddings that were made, by what they were made from: object version, span, model. A retry or a replay of
// unchanged inputs on a warm instance finds them here. Bounded memory, oldest use first to go; no I/O.
import type { Embedded, EmbedJob, Version } from "./jobs.ts";

type Kept = Pick<Embedded, "embedding" | "dims" | "sampled">;

/** Bytes of text kept: some ten thousand vectors of 512 numbers. */
const MOST = 64 * 1024 * 1024;

export class Results {
  #kept = new Map<string, Kept>();
  #bytes = 0;
  readonly #most: number;

  constructor(most = MOST) {
    this.#most = most;
  }

  get(key: string): Kept | undefined {
    const found = this.#kept.get(key);
    if (found === undefined) return undefined;
    this.#kept.delete(key);
    this.#kept.set(key, found);
    return found;
  }

  set(key: string, { embedding, dims, sampled }: Kept): void {
    const old = this.#kept.get(key);
    if (old) this.#drop(key, old);
    this.#kept.set(key, { embedding, dims, sampled });
    this.#bytes += sizeOf(key, embedding);
    for (const [oldest, value] of this.#kept) {
      if (this.#bytes <= this.#most) break;
      this.#drop(oldest, value);
    }
  }

  #drop(key: string, value: Kept): void {
    this.#kept.delete(key);
    this.#bytes -= sizeOf(key, value.embedding);
  }
}

const sizeOf = (key: string, embedding: string) => key.length + embedding.length + 200;

/**
 * What a result follows from. The URL counts without its query, which holds the signature: stores differ in
 * what an ETag promises, so it alone does not stand for the bytes. Undefined where the source gives none.
 */
export function keyOf(
  { url, media, model }: EmbedJob,
  { etag, size }: Version,
  { span }: EmbedJob["items"][number],
): string | undefined {
  if (etag === undefined) return undefined;
  const { origin, pathname } = new URL(url);
  return JSON.stringify([origin + pathname, etag, size, media, model, span?.start, span?.end]);
}
