// The contract of a shard of the ledger: identities, open runs, what is tracked, dead letters and exact counts of the
// objects whose keys fall to it. Every promise is per object, so no transaction crosses shards. workers/ledger keeps each
// in a Durable Object with SQLite; shards.ts finds the shard of an event and asks all of them.
import type { ObjectName } from "../../shapes/erasure.ts";
import type { Event } from "../../shapes/event.ts";
import type { Failure } from "../../shapes/failure.ts";
import type { Job, JobCause } from "../../shapes/job.ts";
import type { MeasuredRuns, RunMeasures } from "../../shapes/measures.ts";
import type { Report, RunStatus } from "../../shapes/run.ts";
import type { DueRun, PendingRun } from "../../shapes/run-message.ts";
import type { ErasureTarget, UnitCount } from "../erasure/contract.ts";
import type { RunOnRecord } from "../log/contract.ts";
import type { MovedPart } from "../moving/contract.ts";

export type { DueRun, PendingRun } from "../../shapes/run-message.ts";

/** An event with the runs that it is to have. */
export interface CommitEvent {
  event: Event;
  /** Identities by which another sender's record of the same event would be found (`receive/identity`). */
  lookups: string[];
  matched: string[];
  cause: Extract<JobCause, "matched" | "invoked" | "replayed">;
  /** The replay that its runs belong to. */
  replay?: string;
}

/** What holds for all events of a commit. */
export interface CommitOptions {
  now: number;
  /** Pipelines whose runs wait, pending, until they are resumed. */
  paused: string[];
  /** Pipelines that are called over a binding: their runs are looked after sooner than those in a queue. */
  binding: string[];
}

/** What became of an event: nothing new where it is known by another id. */
export interface Committed {
  /** Id under which the event is known: its own, or that of an earlier record of it. */
  id: string;
  /** Its runs that are to be dispatched now: new ones, and those of an earlier delivery of which nothing was heard. */
  runs: PendingRun[];
}

/** A job that will not be tried again, with its failure and attempts; both absent where the platform gave up on it. */
export interface DeadJob {
  job: Job;
  failure?: Failure;
  attempts?: number;
}

/** A choice of letters, by run, by pipeline, by kind of failure; every criterion that is set must hold. */
export interface LetterChoice {
  run_ids?: string[] | undefined;
  alias?: string | undefined;
  kind?: string | undefined;
}

/** A dead letter with its job; `history` where one is asked for by its run. */
export interface Letter {
  run_id: string;
  alias: string;
  cause: JobCause;
  event: Event;
  failure: Failure;
  attempts: number;
  at: number;
  history: RunOnRecord["history"];
}

/** Letters of one pipeline and cause. A detail that names its own object says `<key>` instead. */
export interface LetterCause {
  alias: string;
  kind: string;
  detail: string;
  count: number;
  newest: number;
  run_id: string;
}

/** A place in a list that is newest first: what follows is older, or as old with a lesser id. */
export interface Place {
  at: number;
  id: string;
}

export interface RunQuery {
  alias?: string | undefined;
  status?: RunStatus | undefined;
  after?: Place | undefined;
  limit: number;
}

/** What a pipeline's items of an object were produced by. */
export interface TrackedObject {
  connection: string;
  bucket: string;
  key: string;
  alias: string;
  etag: string | null;
  size: number | null;
  /** Null where a run ended without saying what it stored. */
  items: number | null;
  version: string | null;
  commit: string | null;
  models: string[];
  run_id: string;
  stored_at: number | null;
}

/** Which tracked objects of a pipeline; every criterion that is set must hold. */
export interface TrackedQuery {
  alias: string;
  version?: string | undefined;
  not_version?: string | undefined;
  commit?: string | undefined;
  model?: string | undefined;
  prefix?: string | undefined;
  /** Bucket, key and connection of the last object of the page before. */
  after?: [string, string, string] | undefined;
  limit: number;
}

/** Objects and items by version and commit that produced them. */
export interface ProducedCount {
  version: string;
  commit: string | null;
  objects: number;
  items: number;
}

/** What runs have used of which something was counted, those under way included. */
export interface Spent {
  runs: number;
  measures: RunMeasures;
}

/** What the runs of a pipeline have used, ever. */
export interface Spending extends Spent {
  alias: string;
}

/** What ended in a quarter of an hour, by the shard's clock. */
export interface QuarterCounts {
  /** Since the epoch. */
  quarter: number;
  alias: string;
  /** Runs by status. */
  ended: Partial<Record<RunStatus, number>>;
  /** Runs that ended dead, by the kind of their failure. */
  failures: Record<string, number>;
  /** Runs of senders' events that stored items, by the time from the event to then: see shapes/latency.ts. */
  latencies: Record<string, number>;
  /** What its runs of which something was counted have used, and how many those are. */
  measured: number;
  measures: RunMeasures;
}

/** What became of runs lately, and what is stored. */
export interface ShardActivity {
  quarters: QuarterCounts[];
  stored: { alias: string; objects: number; items: number }[];
}

/** Exact counts of one shard. */
export interface ShardCounts {
  /** Runs that have ended, ever. */
  ended: { alias: string; status: RunStatus; runs: number; seconds: number }[];
  /** Runs that have not; `oldest` is when the oldest was committed, ms. */
  open: { alias: string; status: RunStatus; runs: number; oldest: number }[];
  letters: { alias: string; letters: number }[];
  /** Bytes of the shard's database, and the most that it may have. */
  bytes: number;
  limit_bytes: number;
  /** Rows written since the object was started, as Cloudflare counts them, alarms included. */
  rows_written: number;
}

/** One shard. All times are milliseconds since the epoch; every call is one transaction. */
export interface Shard {
  /** Commits events and their runs. A second commit of the same event, by any of its identities, adds nothing. */
  commit(events: CommitEvent[], options: CommitOptions): Promise<Committed[]>;
  /** Says that runs could not be handed over: they are due at once. */
  unsent(runIds: string[], now: number): Promise<void>;
  /**
   * Takes in what became of attempts. Late and repeated reports change nothing. A dead run gets its letter here,
   * unless `letters` is false (an invocation's caller hears of it). Returns ids of runs that are not here.
   */
  finish(reports: Report[], options: { now: number; letters?: boolean }): Promise<string[]>;
  /** Records dead letters of jobs that the platform gave up on, and ends their runs. A second copy changes nothing. */
  bury(dead: DeadJob[], now: number): Promise<void>;
  /** Ends runs, of those that have not ended yet, and returns how many. */
  cancel(runIds: string[], reason: string, now: number): Promise<number>;
  /** Makes what waits of a resumed pipeline due at once; with a limit, only its oldest runs (a probe), which it returns. */
  release(alias: string, now: number, limit?: number): Promise<DueRun[]>;
  /** Takes letters away and opens their runs again: a second redrive finds none. Those of a paused pipeline wait. */
  redrive(
    choice: LetterChoice,
    options: { now: number; limit: number; paused: string[] },
  ): Promise<(DueRun & { waits: boolean })[]>;
  /** Ends letters for good, with a reason. Returns how many. */
  drop(choice: LetterChoice, reason: string, now: number): Promise<number>;

  /** Takes in a part of what moves from a ledger of before the shards, each page once. */
  takeOld(part: MovedPart, now: number): Promise<void>;

  letters(query: { alias?: string | undefined; after?: Place | undefined; limit: number }): Promise<Letter[]>;
  letter(runId: string): Promise<Letter | null>;
  causes(alias?: string): Promise<LetterCause[]>;
  /** Runs, newest first: open ones and those that ended within the shard's hot days. */
  runs(query: RunQuery): Promise<RunOnRecord[]>;
  /** Runs of these events that are not yet in the log, or that are still here. */
  runsOf(eventIds: string[]): Promise<RunOnRecord[]>;
  counts(): Promise<ShardCounts>;
  /** Endings by the quarter of an hour, from a time on, and what there is of items. */
  activity(since: number): Promise<ShardActivity>;
  /** Number of runs of a pipeline that succeeded since a time, and their mean duration, ms. */
  successes(alias: string, since: number): Promise<{ runs: number; ms: number | null }>;
  /** Runs of a replay by status. */
  progress(replayId: string): Promise<Record<string, number>>;
  /** What the runs of each pipeline have used, ever. */
  spending(): Promise<Spending[]>;
  /** What runs of a pipeline have used whose handler returned, from the day of a time on. */
  handled(alias: string, since: number): Promise<MeasuredRuns>;
  /** What the runs of a replay have used. */
  replaySpending(replayId: string): Promise<Spent>;
  tracked(query: TrackedQuery): Promise<TrackedObject[]>;
  /** Objects of every pipeline whose keys begin so: those with items, and those that may have some (`items` is null). */
  under(prefix: string, limit: number): Promise<TrackedObject[]>;
  /** How many of these objects have items of the pipeline, and how many items. */
  held(
    alias: string,
    objects: { connection: string; bucket: string; key: string }[],
  ): Promise<{ objects: number; items: number }>;
  produced(alias: string): Promise<ProducedCount[]>;

  /** Erases runs, letters, tracked objects and packed runs, a page at a time. Runs that have not ended are cancelled. */
  erase(page: EraseRows): Promise<ErasedRows>;
  /** Erases identities of events of these objects. Returns how many there were. */
  eraseIdentities(objects: ObjectName[], erasedAt: number, dry: boolean): Promise<number>;
}

/** A page of an erasure. */
export interface EraseRows extends ErasureTarget {
  after: string | undefined;
  /** Only says what there is. */
  dry: boolean;
  now: number;
}

/** What a page of an erasure removed, or would: rows by table, their objects, and those runs that had not ended. */
export interface ErasedRows {
  units: UnitCount[];
  objects: ObjectName[];
  open: (ObjectName & { alias: string; run_id: string })[];
  /** Where the next page begins; absent on the last. */
  next?: string;
}

/** A raise of the number of shards: each gives what is no longer its own to shards of higher numbers. */
export interface SplitPlan {
  /** The number of shards before and after, powers of two. */
  from: number;
  to: number;
  /** False: the shards only learn of it, so that callers may use either number; true: they begin to move. */
  move: boolean;
}

/** Rows of some objects on their way to another shard, as JSON. */
export interface MovedPage {
  runs: unknown[];
  letters: unknown[];
  tracked: unknown[];
  identities: { week: number; rows: unknown[] }[];
  /** Digits of keys' hashes up to which the shard has all of its objects when the page is complete. */
  upTo: string;
  /** Which part of the page this is, from 0, and whether it is the last. */
  part: number;
  last: boolean;
}

/** What shards say to one another while objects move, beside what everybody says to them. */
export interface ShardPeer extends Shard {
  /** Takes up a plan; again is no change. Returns whether everything has moved. */
  split(plan: SplitPlan): Promise<boolean>;
  /** Says that this shard is to get objects of another: until they have come, it asks that one. */
  expect(parent: number, from: number, to: number): Promise<void>;
  adopt(page: MovedPage): Promise<void>;
}
