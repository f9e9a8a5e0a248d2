// A Run is a job being tried. Its states and the Report by which a pipeline Worker tells the ledger.
import { z } from "zod";
import type { Failure } from "./failure.ts";

export const RUN_STATUSES = [
  "pending",
  "queued",
  "running",
  "succeeded",
  "failed",
  "dead",
  "skipped",
  "cancelled",
] as const;
/** `failed` will be retried; `succeeded`, `dead`, `skipped` and `cancelled` are final. */
export type RunStatus = (typeof RUN_STATUSES)[number];
export const runStatusSchema = z.enum(RUN_STATUSES);

/** What one attempt came to. Reports may arrive twice or out of order; the ledger keeps the furthest. */
export interface Report {
  run_id: string;
  /** 1 for the first attempt. */
  attempt: number;
  status: RunStatus;
  /** Why, when there is something to say: skipped because gone, failed because … */
  failure?: Failure;
  reason?: string;
  items?: number;
  /** What was read: the object's version as the run observed it. */
  etag?: string;
  version: string;
  commit: string;
  /** Milliseconds since the epoch. */
  started_at: number;
  ended_at?: number;
  log?: string[];
  /** When to look after the run if nothing more is heard of it; absent once it is final. */
  due_at?: number;
  /** Bytes of the object that was read. */
  size?: number;
  /** When the items were stored, ms, as their lineage says: it orders runs of one object. */
  stored_at?: number;
  /** Models that made the items' vectors. */
  models?: string[];
  embeddings?: EmbeddingCounts;
}

/** Embeddings that an attempt asked for, and how many of them were known from before. */
export interface EmbeddingCounts {
  asked: number;
  known: number;
}
