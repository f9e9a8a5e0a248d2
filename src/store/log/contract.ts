// The contract of the log: every event with what was decided about it, and every run that has ended, in R2 for as long as
// retention says. Whatever is written twice counts once, so every step may be cut off and done again.
import type { R2Bucket } from "@cloudflare/workers-types";
import type { Event } from "../../shapes/event.ts";
import type { Failure } from "../../shapes/failure.ts";
import type { JobCause } from "../../shapes/job.ts";
import type { RunMeasures } from "../../shapes/measures.ts";
import type { EmbeddingCounts, RunStatus, RunStep } from "../../shapes/run.ts";

/** Why an event's pipelines were or were not run, as known when it arrived. */
export interface EventOutcome {
  matched: string[];
  refused: { alias: string; reason: string }[];
  /** How many pipelines of the connection refused it, of which `refused` lists the first few. */
  refused_count: number;
  /** The object as a look-up found it, where the outcome hung on one. */
  object?: LookedUp;
  /** Reason why that look-up found nothing: the object was gone, the store refused. */
  unseen?: string;
  /** Id of the deployment that decided (`store/ledger/deployments.ts`). */
  deployment?: string;
}

/** The object as it was seen when its event was decided. Left out: not looked up. `null`: it has none. */
export interface LookedUp {
  size?: number;
  etag?: string;
  content_type?: string | null;
  metadata?: Record<string, string>;
  tags?: Record<string, string>;
  version_id?: string;
}

/** A state that a run has been in, and why. */
export interface RunState {
  at: number;
  status: RunStatus;
  attempt: number;
  cause: string | null;
}

/** A run as it is on record, in its shard or in the log. Times are ms. */
export interface RunOnRecord {
  id: string;
  event_id: string;
  alias: string;
  cause: JobCause;
  connection: string;
  bucket: string;
  key: string;
  status: RunStatus;
  /** Orders what is known of a run: the further counts. */
  progress: number;
  attempt: number;
  version: string | null;
  commit: string | null;
  etag: string | null;
  items: number | null;
  reason: string | null;
  failure: Failure | null;
  log: string[];
  /** Of the last attempt, as its lines: absent of runs from before. */
  log_at?: number[];
  /** What the last attempt did; absent of runs from before. */
  steps?: RunStep[];
  embeddings: EmbeddingCounts | null;
  /** What its attempts have used; absent where nothing was counted, as of runs from before. */
  measures?: RunMeasures;
  replay_id: string | null;
  created_at: number;
  started_at: number | null;
  ended_at: number | null;
  history: RunState[];
}

/** An event on record, with its outcome and those of its runs that are in the log. */
export interface LogEntry {
  event: Event;
  outcome: EventOutcome;
  runs: RunOnRecord[];
}

/** A place in the order of events: the moment by `placeOf` (shapes/event-id.ts), then the id. */
export interface LogPlace {
  at: number;
  id: string;
}

/** Which events, by the moment of their places. */
export interface LogRange {
  order: "oldest first" | "newest first";
  connection?: string | undefined;
  /** Objects of this key, in whatever bucket. */
  key?: string | undefined;
  /** From this moment on, ms. */
  since?: number | undefined;
  /** Before this. */
  until?: number | undefined;
}

/** A page; `next` is where the next one begins, absent on the last. A page may be short, or empty, and have a next. */
export interface LogPage {
  entries: LogEntry[];
  next?: LogPlace;
}

/** Objects, each by its newest event; `next` is opaque. */
export interface ObjectsPage {
  entries: LogEntry[];
  next?: string;
}

/** Which objects. */
export interface ObjectsRange {
  connection: string;
  since?: number | undefined;
  until?: number | undefined;
  /** Objects of events, and none of this sender's; without invocations, no accesses either. */
  without: "replay" | "invoke";
}

/** The log in a bucket. */
export interface EventLog {
  /** Writes events with their outcomes: one object for each minute that they are of. */
  append(entries: Pick<LogEntry, "event" | "outcome">[]): Promise<void>;
  /** Writes runs that have ended, beside their events. */
  appendRuns(runs: RunOnRecord[]): Promise<void>;
  find(eventId: string): Promise<LogEntry | null>;
  /** A page of at most `limit` events after a place. */
  walk(range: LogRange, after: LogPlace | undefined, limit: number): Promise<LogPage>;
  /**
   * A page of the objects that have events in the range, each once, with its newest event; a replay's own event says
   * the least and gives way to any other, however old.
   */
  walkObjects(range: ObjectsRange, after: string | undefined, limit: number): Promise<ObjectsPage>;
}

/** Days for which a connection's events are kept. */
export type KeepDays = (connection: string) => number;

/** What a pass of the log's own upkeep did. `more`: there is more to do at once. */
export interface LogUpkeep {
  segments: number;
  objects_removed: number;
  more: boolean;
}

/** How much the log holds of a connection, as of its last pass over whole days. */
export interface LogSize {
  connection: string;
  events: number;
  runs: number;
  bytes: number;
  /** First and last moment, ms. */
  oldest: number;
  newest: number;
}

/** Opens the log in a bucket. */
export type OpenLog = (bucket: R2Bucket) => EventLog;
