// The outcome of one attempt at a run (run.ts): stored, skipped or failed, with the log of its handler. attempt.ts makes
// a report of it.

import type { Failure } from "../../src/shapes/failure.ts";
import type { NewItem } from "../../src/shapes/item.ts";
import type { EmbeddingCounts } from "../../src/shapes/run.ts";

/** Outcome of an attempt. `items` counts those that the collection now holds of the object; absent: unchanged. */
export type RunOutcome = { embeddings?: EmbeddingCounts } & (
  | {
      status: "succeeded" | "skipped";
      reason?: string;
      items?: number;
      etag?: string;
      size?: number;
      stored?: NewItem[];
      /** Time at which the items were stored, ms. */
      storedAt?: number;
      /** Models of the items' vectors, where a handler ran. */
      models?: string[];
      log: string[];
    }
  | { status: "failed"; failure: Failure; etag?: string; log: string[] }
);
