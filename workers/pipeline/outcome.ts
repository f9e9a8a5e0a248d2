// How a run ended: what was stored, skipped or failed, and what the handler logged meanwhile.

import type { Failure } from "../../src/shapes/failure.ts";
import type { NewItem } from "../../src/shapes/item.ts";
import type { EmbeddingCounts } from "../../src/shapes/run.ts";

/** What an attempt came to. `items` counts what the collection now holds of the object; absent: unchanged. */
export type Outcome = { embeddings?: EmbeddingCounts } & (
  | {
      status: "succeeded" | "skipped";
      reason?: string;
      items?: number;
      etag?: string;
      size?: number;
      stored?: NewItem[];
      /** When the items were stored, ms. */
      storedAt?: number;
      /** Models that made the items' vectors, where a handler ran. */
      models?: string[];
      log: string[];
    }
  | { status: "failed"; failure: Failure; etag?: string; log: string[] }
);
