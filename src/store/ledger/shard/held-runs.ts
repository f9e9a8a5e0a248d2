// Runs as a shard holds them: rows of the table of runs while they are open or not yet packed, rows of `letters` while
// they are dead and wait for somebody. Found by their event's id or by their object.
import type { Event } from "../../../shapes/event.ts";
import { hexOfId, partsOfRun, runId } from "../../../shapes/event-id.ts";
import type { Failure } from "../../../shapes/failure.ts";
import type { JobCause } from "../../../shapes/job.ts";
import type { RunMeasures } from "../../../shapes/measures.ts";
import type { EmbeddingCounts, RunStatus, RunStep } from "../../../shapes/run.ts";
import type { DueRun, PendingRun } from "../../../shapes/run-message.ts";
import type { RunOnRecord, RunState } from "../../log/contract.ts";
import { objectsOfId } from "./places.ts";
import type { ShardTables } from "./tables.ts";

/** By how much a run changed what a version has produced. */
export interface ProducedDelta {
  version: string;
  commit: string | null;
  objects: number;
  items: number;
}

/** What is known of a run beside the columns of its row. */
export interface RunDetail {
  cause: JobCause;
  /** How long the shard waits for news of it at first, ms. */
  wait_ms: number;
  attempt: number;
  /** Attempts that no longer count, since it was redriven. */
  forgiven: number;
  version?: string;
  commit?: string;
  etag?: string;
  items?: number;
  reason?: string;
  failure?: Failure;
  log?: string[];
  log_at?: number[];
  steps?: RunStep[];
  embeddings?: EmbeddingCounts;
  /** What all of its attempts have used. */
  measures?: RunMeasures;
  /** When the attempt began whose use was added last, ms. */
  measured_at?: number;
  started_at?: number;
  ended_at?: number;
  /** When its items were stored, or found to be none, ms: orders runs of one object. */
  stored_at?: number;
  /** Not yet among the shard's counters. */
  produced?: ProducedDelta[];
  /** Of its letter. */
  letter?: { failure: Failure; attempts: number };
  history: RunState[];
}

/** A run in a shard. */
export interface HeldRun {
  place: "runs" | "letters";
  object: string;
  event_id: string;
  alias: string;
  status: RunStatus;
  progress: number;
  due_at: number | null;
  created_at: number;
  closed_at: number | null;
  replay_id: string | null;
  detail: RunDetail;
  /** Its event as JSON. */
  event: string;
}

type StoredRun = Omit<HeldRun, "detail" | "place"> & { detail: string };

/** Statuses of runs that have not ended, as SQL. */
export const OPEN = "('pending', 'queued', 'running', 'failed')";
export const isOpen = (status: RunStatus): boolean => OPEN.includes(`'${status}'`);

const COLUMNS = `lower(hex(object)) AS object, 'evt_' || lower(hex(id)) AS event_id, alias, status, progress, due_at,
  created_at, closed_at, replay_id, detail, event`;
/** The id of a row's run, as SQL. */
export const RUN_ID = "'run_' || lower(hex(id)) || '_' || alias";

/** Runs of both places, or of one, that match a condition. */
export function selectRuns(
  tables: ShardTables,
  condition: string,
  bindings: unknown[],
  places: HeldRun["place"][] = ["runs", "letters"],
): HeldRun[] {
  return places.flatMap((place) =>
    tables.database
      .all<StoredRun>(`SELECT ${COLUMNS} FROM ${tableOf(tables, place)} WHERE ${condition}`, ...bindings)
      .map((row) => ({ ...row, place, detail: JSON.parse(row.detail) as RunDetail })),
  );
}

const tableOf = (tables: ShardTables, place: HeldRun["place"]) =>
  place === "runs" ? tables.runs : "letters";

/** Runs of an event; of one pipeline, where it is named. */
export function runsOfEvent(tables: ShardTables, eventId: string, alias?: string): HeldRun[] {
  const bindings = [...objectsOfId(eventId), hexOfId(eventId)];
  const condition = "object BETWEEN unhex(?) AND unhex(?) AND id = unhex(?)";
  return alias === undefined
    ? selectRuns(tables, condition, bindings)
    : selectRuns(tables, `${condition} AND alias = ?`, [...bindings, alias]);
}

export function findRun(tables: ShardTables, run_id: string): HeldRun | undefined {
  const parts = partsOfRun(run_id);
  return parts && runsOfEvent(tables, parts.event_id, parts.alias)[0];
}

/** Puts a run into its place: one row. */
export function insertRun(tables: ShardTables, run: HeldRun): void {
  tables.database.all(
    `INSERT INTO ${tableOf(tables, run.place)}
       (object, id, alias, status, progress, due_at, created_at, closed_at, replay_id, detail, event)
     VALUES (unhex(?), unhex(?), ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    run.object,
    hexOfId(run.event_id),
    run.alias,
    run.status,
    run.progress,
    run.due_at,
    run.created_at,
    run.closed_at,
    run.replay_id,
    JSON.stringify(run.detail),
    run.event,
  );
}

/** Keeps a run as it is now: one row, or two where it moves to another place. */
export function keepRun(tables: ShardTables, run: HeldRun, from: HeldRun["place"] = run.place): void {
  if (from !== run.place) {
    deleteRun(tables, { ...run, place: from });
    insertRun(tables, run);
    return;
  }
  tables.database.all(
    `UPDATE ${tableOf(tables, run.place)}
     SET status = ?, progress = ?, due_at = ?, closed_at = ?, detail = ?
     WHERE object = unhex(?) AND id = unhex(?) AND alias = ?`,
    run.status,
    run.progress,
    run.due_at,
    run.closed_at,
    JSON.stringify(run.detail),
    run.object,
    hexOfId(run.event_id),
    run.alias,
  );
}

/** Removes a run's row. */
export function deleteRun(tables: ShardTables, { place, object, event_id, alias }: HeldRun): void {
  tables.database.all(
    `DELETE FROM ${tableOf(tables, place)} WHERE object = unhex(?) AND id = unhex(?) AND alias = ?`,
    object,
    hexOfId(event_id),
    alias,
  );
}

/** Most states of a run that are kept: its first and its latest. */
const MAX_STATES = 200;

/** Adds a run's state to its history where it is another than the last one. */
export function noteState({ status, detail }: HeldRun, at: number, cause: string | null): void {
  const last = detail.history.at(-1);
  if (last?.status === status && last.attempt === detail.attempt) return;
  detail.history.push({ at, status, attempt: detail.attempt, cause });
  if (detail.history.length > MAX_STATES) detail.history.splice(1, 1);
}

export const idOfRun = ({ event_id, alias }: Pick<HeldRun, "event_id" | "alias">): string =>
  runId(event_id, alias);
export const eventOf = (run: HeldRun): Event => JSON.parse(run.event) as Event;

export const pendingOf = (run: HeldRun): PendingRun => ({
  run_id: idOfRun(run),
  event_id: run.event_id,
  alias: run.alias,
  cause: run.detail.cause,
  attempt: run.detail.attempt,
  forgiven: run.detail.forgiven,
});

export const dueOf = (run: HeldRun): DueRun => ({ run: pendingOf(run), event: eventOf(run) });

/** A run as it goes on record; of its event only the object is needed. */
export function recordOf(run: HeldRun): RunOnRecord {
  const { connection, bucket, key } = eventOf(run);
  const { detail } = run;
  return {
    id: idOfRun(run),
    event_id: run.event_id,
    alias: run.alias,
    cause: detail.cause,
    ...{ connection, bucket, key },
    status: run.status,
    progress: run.progress,
    attempt: detail.attempt,
    version: detail.version ?? null,
    commit: detail.commit ?? null,
    etag: detail.etag ?? null,
    items: detail.items ?? null,
    reason: detail.reason ?? null,
    failure: detail.failure ?? null,
    log: detail.log ?? [],
    ...(detail.log_at && { log_at: detail.log_at }),
    ...(detail.steps && { steps: detail.steps }),
    embeddings: detail.embeddings ?? null,
    ...(detail.measures && { measures: detail.measures }),
    replay_id: run.replay_id,
    created_at: run.created_at,
    started_at: detail.started_at ?? null,
    ended_at: detail.ended_at ?? null,
    history: detail.history,
  };
}
