// Events and runs of the tables of before, as they are now: with ids that name their place. Pure.
import type { Event } from "../../shapes/event.ts";
import { eventId, hexOfId, runId } from "../../shapes/event-id.ts";
import type { Failure } from "../../shapes/failure.ts";
import type { JobCause } from "../../shapes/job.ts";
import type { RunStatus } from "../../shapes/run.ts";
import { CALLED_WAIT_MS, QUEUED_WAIT_MS } from "../ledger/shard/commit.ts";
import type { HeldRun, RunDetail } from "../ledger/shard/held-runs.ts";
import { objectOf } from "../ledger/shard/places.ts";
import type { RunOnRecord, RunState } from "../log/contract.ts";

/** A run's row of before; what later migrations added is absent in what was archived before them. */
export interface OldRun {
  id: string;
  event_id: string;
  alias: string;
  cause: JobCause;
  status: RunStatus;
  progress: number;
  attempt: number;
  forgiven?: number;
  version: string | null;
  commit_id: string | null;
  etag: string | null;
  items: number | null;
  reason: string | null;
  failure: string | null;
  log: string | null;
  embedded?: number | null;
  embedded_known?: number | null;
  replay_id?: string | null;
  due_at?: number | null;
  created_at: number;
  started_at: number | null;
  ended_at: number | null;
}

/** A dead letter's row of before. */
export interface OldLetter {
  run_id: string;
  alias: string;
  job: string;
  failure: string;
  attempts: number;
  at: number;
}

const OPEN: RunStatus[] = ["pending", "queued", "running", "failed"];
export const isOldOpen = ({ status }: Pick<OldRun, "status">) => OPEN.includes(status);

/** The event under its new id. */
export const renameEvent = (event: Event): Event => ({ ...event, id: eventId(event, hexOfId(event.id)) });

/** A run as it is on record, of an event that has its new id. */
export function recordOfOld(run: OldRun, event: Event, history: RunState[]): RunOnRecord {
  const { connection, bucket, key } = event;
  return {
    id: runId(event.id, run.alias),
    event_id: event.id,
    alias: run.alias,
    cause: run.cause,
    ...{ connection, bucket, key },
    status: run.status,
    progress: run.progress,
    attempt: run.attempt,
    version: run.version,
    commit: run.commit_id,
    etag: run.etag,
    items: run.items,
    reason: run.reason,
    failure: run.failure === null ? null : (JSON.parse(run.failure) as Failure),
    log: run.log === null ? [] : (JSON.parse(run.log) as string[]),
    embeddings: run.embedded == null ? null : { asked: run.embedded, known: run.embedded_known ?? 0 },
    replay_id: run.replay_id ?? null,
    created_at: run.created_at,
    started_at: run.started_at,
    ended_at: run.ended_at,
    history,
  };
}

/** A run as its shard holds it: open, or with its letter. */
export function heldOfOld(
  run: OldRun,
  event: Event,
  history: RunState[],
  letter: OldLetter | undefined,
  { now, binding }: { now: number; binding: string[] },
): HeldRun {
  const record = recordOfOld(run, event, history);
  const detail: RunDetail = {
    cause: run.cause,
    wait_ms: binding.includes(run.alias) && run.cause !== "replayed" ? CALLED_WAIT_MS : QUEUED_WAIT_MS,
    attempt: run.attempt,
    forgiven: run.forgiven ?? 0,
    ...definedOf({
      version: record.version,
      commit: record.commit,
      etag: record.etag,
      items: record.items,
      reason: record.reason,
      failure: record.failure,
      embeddings: record.embeddings,
      started_at: record.started_at,
      ended_at: record.ended_at,
    }),
    ...(record.log.length > 0 && { log: record.log }),
    ...(letter && {
      letter: { failure: JSON.parse(letter.failure) as Failure, attempts: letter.attempts },
    }),
    history,
  };
  return {
    place: letter ? "letters" : "runs",
    object: objectOf(event),
    event_id: event.id,
    alias: run.alias,
    status: letter ? "dead" : run.status,
    progress: run.progress,
    due_at: letter ? null : (run.due_at ?? now),
    created_at: run.created_at,
    closed_at: letter?.at ?? null,
    replay_id: record.replay_id,
    detail,
    event: JSON.stringify(event),
  };
}

type Defined<T> = { [Name in keyof T]?: NonNullable<T[Name]> };
const definedOf = <T extends object>(values: T): Defined<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null)) as Defined<T>;

/** The run of a letter of which there is no run: only its job is known. */
export const runOfLetter = (letter: OldLetter, cause: JobCause): OldRun => ({
  ...{ id: letter.run_id, event_id: "", alias: letter.alias, cause, status: "dead" },
  ...{ progress: letter.attempts * 10 + DEAD_RANK, attempt: letter.attempts, version: null, commit_id: null },
  ...{ etag: null, items: null, reason: null, failure: letter.failure, log: null },
  ...{ created_at: letter.at, started_at: null, ended_at: letter.at },
});
const DEAD_RANK = 4;

/** When a run ended, ms, as near as is known. */
export const endOf = (run: OldRun, history: RunState[]): number =>
  run.ended_at ?? history.at(-1)?.at ?? run.created_at;
