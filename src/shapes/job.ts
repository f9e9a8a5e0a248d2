// The Job: an event for one pipeline. It travels by RPC or by the pipeline's queue, and is all that a pipeline Worker is
// given.
import type { Event } from "./event.ts";

/**
 * Why a job exists. `matched`: the event passed the filter. `tracked`: it did not, but this object has
 * (or may have) items, which must go if the object no longer passes. `invoked`: a person asked, filters
 * are not consulted. `replayed`: as matched, at a later time.
 */
export type JobCause = "matched" | "tracked" | "invoked" | "replayed";

export interface Job {
  run_id: string;
  alias: string;
  event: Event;
  cause: JobCause;
  /** Attempts already spent before this message (a binding dispatch that failed went on to the queue). */
  attempts_before: number;
  /** Signed URL of the router, valid for two weeks, by which a payload that travels by reference is read. */
  payload_url?: string;
  /** Attempts that no longer count: a redriven job has its full budget again. */
  forgiven?: number;
  /** Number of times in a row that the job was put off without counting an attempt, and since when (ms). */
  waits?: { count: number; since: number };
}
