// The Run: a job being tried. Its states, and the Report that a pipeline Worker sends to the ledger.
import { z } from "zod";
import type { Failure } from "./failure.ts";
import type { RunMeasures } from "./measures.ts";

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
  /** Cause of a status that is not success: why it was skipped, why it failed. */
  failure?: Failure;
  reason?: string;
  items?: number;
  /** ETag of the object as the run observed it. */
  etag?: string;
  version: string;
  commit: string;
  /** Milliseconds since the epoch. */
  started_at: number;
  ended_at?: number;
  log?: string[];
  /** When each line of the log was written, ms. */
  log_at?: number[];
  /** What the attempt did, in order: at most 50, and one of the sums of others. */
  steps?: RunStep[];
  /** Time at which the sweep looks after the run if no further report comes, ms; absent once the run is final. */
  due_at?: number;
  /** Bytes of the object that was read. */
  size?: number;
  /** Time at which the items were stored, ms, as in their lineage: it orders runs of one object. */
  stored_at?: number;
  /** Models that computed the items' vectors. */
  models?: string[];
  embeddings?: EmbeddingCounts;
  /** What the attempt has used. */
  measures?: RunMeasures;
}

/** Embeddings that an attempt asked for, and how many of them were known from before. */
export interface EmbeddingCounts {
  asked: number;
  known: number;
}

/** A step of an attempt: a name of Weir's own, and numbers; nothing of the object. */
export interface RunStep {
  name: string;
  /** When it began, ms. */
  at: number;
  ms: number;
  /** Bytes that came of it. */
  bytes?: number;
  /** Results that were known from before. */
  cached?: number;
  detail?: string;
}

/** Detail of the step `indexed` where the index did not answer in time, and gets the items later. */
export const INDEX_LATE = "the index did not answer in time: it gets the items later";
