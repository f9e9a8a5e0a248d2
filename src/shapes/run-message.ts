// Messages of the queue `weir-reports`, which the router takes: runs that are due, reports that a shard of the ledger could
// not be given by a call, and what the circuit breaker has to know.
import type { Event } from "./event.ts";
import type { JobCause } from "./job.ts";
import type { Report } from "./run.ts";

/** A committed run that has not left yet. */
export interface PendingRun {
  run_id: string;
  event_id: string;
  alias: string;
  cause: JobCause;
  attempt: number;
  /** Attempts that no longer count, since it was redriven. */
  forgiven: number;
}

/** A run that is to be dispatched, with its event. */
export interface DueRun {
  run: PendingRun;
  event: Event;
}

/** Runs of a pipeline ended dead, or found its store full. */
export interface TroubleMessage {
  kind: "full" | "dead";
  alias: string;
  /** Detail of the newest failure. */
  detail: string;
  runs: number;
  /** When the shard heard of it, ms. */
  at: number;
}

export type RunMessage =
  | { kind: "due"; runs: DueRun[] }
  | { kind: "finish"; reports: Report[] }
  | TroubleMessage;
