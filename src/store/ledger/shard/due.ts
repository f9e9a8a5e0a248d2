// What a shard sends by itself: runs of which nothing was heard for too long, and those that wait for a pipeline that is
// no longer paused.
import type { DueRun } from "../contract.ts";
import {
  dueOf,
  findRun,
  type HeldRun,
  idOfRun,
  isOpen,
  keepRun,
  noteState,
  OPEN,
  selectRuns,
} from "./held-runs.ts";
import type { ShardTables } from "./tables.ts";

/** Runs that are sent in one pass of the alarm. */
const MAX_DUE = 500;
/** Time after which what could not be handed over is tried again at most, ms: each time as late again. */
const MAX_UNSENT_WAIT_MS = 60_000;

/** Runs that are due, of pipelines that are not paused, oldest first. */
export function findDue(tables: ShardTables, now: number, paused: string[]): HeldRun[] {
  return selectRuns(
    tables,
    `status IN ${OPEN} AND due_at <= ? AND alias NOT IN (SELECT value FROM json_each(?))
     ORDER BY due_at, id, alias LIMIT ${MAX_DUE}`,
    [now, JSON.stringify(paused)],
    ["runs"],
  );
}

/** When the next run is due, of pipelines that are not paused, ms; undefined where none is open. */
export function nextDue(tables: ShardTables, paused: string[]): number | undefined {
  const row = tables.database.first<{ due_at: number | null }>(
    `SELECT min(due_at) AS due_at FROM ${tables.runs}
     WHERE status IN ${OPEN} AND alias NOT IN (SELECT value FROM json_each(?))`,
    JSON.stringify(paused),
  );
  return row?.due_at ?? undefined;
}

/** Notes that due runs were sent again, unless something was heard of them meanwhile. Within a transaction. */
export function noteSent(tables: ShardTables, sent: HeldRun[], now: number): void {
  for (const { due_at, ...before } of sent) {
    const run = findRun(tables, idOfRun(before));
    if (!run || !isOpen(run.status) || run.due_at !== due_at) continue;
    const { detail } = run;
    const waited = run.status === "pending";
    if (!waited) detail.reason = `nothing was heard of it: ${run.status} and overdue`;
    else if (detail.reason === undefined) detail.reason = "its pipeline is no longer paused";
    run.status = "queued";
    run.due_at = now + Math.max(detail.wait_ms, now - run.created_at);
    if (!waited || detail.history.at(-1)?.status !== "queued") noteAgain(run, now, detail.reason);
    keepRun(tables, run);
  }
}

/** A state that may be the same as the last one: it was sent again. */
function noteAgain(run: HeldRun, now: number, cause: string): void {
  const last = run.detail.history.at(-1);
  // A run that is sent time and again has one state for that, which says when it was sent last.
  if (last?.status === "queued" && last.cause === cause) last.at = now;
  else if (last?.status === "queued" && last.attempt === run.detail.attempt)
    run.detail.history.push({ at: now, status: "queued", attempt: run.detail.attempt, cause });
  else noteState(run, now, cause);
}

/** Makes runs that could not be handed over due again, at once at first. */
export function noteUnsent(tables: ShardTables, runIds: string[], now: number): void {
  for (const run_id of new Set(runIds)) {
    const run = findRun(tables, run_id);
    if (run?.status !== "queued") continue;
    run.status = "pending";
    run.due_at = now + Math.min(MAX_UNSENT_WAIT_MS, Math.max(0, now - run.created_at));
    run.detail.reason = "could not be handed over";
    noteState(run, now, run.detail.reason);
    keepRun(tables, run);
  }
}

/** Takes the oldest runs that wait for a paused pipeline, to see whether it works again. */
export function takeProbes(tables: ShardTables, alias: string, now: number, limit: number): DueRun[] {
  const runs = selectRuns(
    tables,
    "alias = ? AND status = 'pending' ORDER BY created_at, id LIMIT ?",
    [alias, limit],
    ["runs"],
  );
  return runs.map((run) => {
    run.status = "queued";
    run.due_at = now + run.detail.wait_ms;
    run.detail.reason = "probe of a paused pipeline";
    noteState(run, now, run.detail.reason);
    keepRun(tables, run);
    return dueOf(run);
  });
}
