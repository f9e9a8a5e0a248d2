// A run's embeddings, transcripts and media tools as a pipeline Worker has them, without the Worker: the same client, against a
// real compute server. Results are kept in a Map in place of the Durable Object, which test/compute/worker.test.ts
// has.
import type { Models } from "../../src/shapes/model.ts";
import type { ResultStore, StoredResult } from "../../src/shapes/results.ts";
import { ComputeClient, type ComputeFetch } from "../../workers/pipeline/compute.ts";
import { Embeddings } from "../../workers/pipeline/embeddings.ts";
import type { Endpoint } from "../../workers/pipeline/endpoint.ts";
import { Transcriptions } from "../../workers/pipeline/transcriptions.ts";

export interface EmbedderOptions {
  fetch: ComputeFetch;
  models: Models;
  results?: ResultStore;
  allowed?: string[] | undefined;
  endpoint?: Partial<Endpoint>;
  random?: () => number;
}

export function embedder({ fetch, models, allowed, random = Math.random, ...options }: EmbedderOptions) {
  const { signal } = new AbortController();
  const compute = new ComputeClient(fetch, signal, random);
  const counts = { asked: 0, known: 0 };
  const endpoint = {
    fetch: (request: Request) => globalThis.fetch(request),
    secret: () => undefined,
    signal,
    random,
    ...options.endpoint,
  };
  const results = options.results ?? { find: async () => [], keep: async () => {} };
  const embeddings = new Embeddings({ models, allowed, compute, results, endpoint, counts });
  const transcriptions = new Transcriptions({ models, allowed, compute, results, endpoint });
  return { compute, counts, embeddings, transcriptions, signal };
}

/** A store that lasts as long as its test. */
export function mapStore(): ResultStore & { size(): number } {
  const kept = new Map<string, StoredResult>();
  return {
    find: async (keys) => keys.flatMap((key) => kept.get(key) ?? []),
    keep: async (results) => {
      for (const result of results) kept.set(result.key, result);
    },
    size: () => kept.size,
  };
}
