// How runs move and end: by reports of their attempts, by the platform that gave up on them, by a person who cancels
// them. The furthest progress counts, in whatever order reports come.
import type { Failure } from "../../../shapes/failure.ts";
import type { Report, RunStatus } from "../../../shapes/run.ts";
import type { TroubleMessage } from "../../../shapes/run-message.ts";
import type { DeadJob } from "../contract.ts";
import { countEnding } from "./counters.ts";
import { findRun, type HeldRun, isOpen, keepRun, noteState, type ProducedDelta } from "./held-runs.ts";
import { spend } from "./spending.ts";
import type { ShardTables } from "./tables.ts";
import { trackReport, trackUnsaid } from "./tracked.ts";

const RANK: Record<RunStatus, number> = {
  pending: 0,
  queued: 1,
  running: 2,
  failed: 3,
  succeeded: 4,
  skipped: 4,
  dead: 4,
  cancelled: 4,
};
/** Rank of a redriven run: past the attempt that ended it, before the next. */
const REDRIVEN_RANK = RANK.dead + 1;
/** Progress of a run that a person has ended: no report moves it any more. */
const ENDED_PROGRESS = 1_000_000_000;
const GIVEN_UP: Failure = {
  kind: "internal",
  detail: "the platform gave up on the job: its Worker ended without a report",
};

export const progressAt = (attempt: number, status: RunStatus): number => attempt * 10 + RANK[status];
export const redrivenProgress = (attempt: number): number => attempt * 10 + REDRIVEN_RANK;

/** Takes in reports; returns what the circuit breaker has to know, and runs that are not here. Within a transaction. */
export function takeReports(
  tables: ShardTables,
  reports: Report[],
  { now, letters = true }: { now: number; letters?: boolean },
): { troubles: TroubleMessage[]; unknown: string[] } {
  const unknown: string[] = [];
  const furthest = new Map<string, Report>();
  for (const report of reports) {
    const yet = furthest.get(report.run_id);
    if (!yet || progressOf(yet) < progressOf(report)) furthest.set(report.run_id, report);
  }
  const troubles = new Map<string, TroubleMessage>();
  for (const report of furthest.values()) {
    const run = findRun(tables, report.run_id);
    if (!run) {
      unknown.push(report.run_id);
      continue;
    }
    const trouble = takeReport(tables, run, report, now, letters);
    if (trouble === undefined) continue;
    const { alias } = run;
    const name = `${trouble} ${alias}`;
    const detail = report.failure?.detail ?? report.reason ?? "";
    troubles.set(name, { kind: trouble, alias, detail, runs: (troubles.get(name)?.runs ?? 0) + 1, at: now });
  }
  return { troubles: [...troubles.values()], unknown };
}

const progressOf = (report: Report) => progressAt(report.attempt, report.status);

function takeReport(
  tables: ShardTables,
  run: HeldRun,
  report: Report,
  now: number,
  letters: boolean,
): TroubleMessage["kind"] | undefined {
  const { place, detail } = run;
  const produced = trackReport(tables, run, report, now);
  if (produced.length > 0 && !isOpen(run.status)) tables.lateChanges++;
  const moves = run.progress < progressOf(report);
  if (produced.length > 0) detail.produced = summed([...(detail.produced ?? []), ...produced]);
  if (moves) move(tables, run, report, now);
  const spent = spend(run, report);
  const needsLetter =
    letters && report.status === "dead" && run.status === "dead" && run.progress === progressOf(report);
  if (needsLetter && run.place === "runs") putLetter(run, report.failure ?? GIVEN_UP, report.attempt, now);
  if (spent && !isOpen(run.status)) tables.lateChanges++;
  if (moves || spent || produced.length > 0 || place !== run.place) keepRun(tables, run, place);
  if (!moves) return undefined;
  if (report.failure?.kind === "store_full") return "full";
  return needsLetter ? "dead" : undefined;
}

function move(tables: ShardTables, run: HeldRun, report: Report, now: number): void {
  const { detail } = run;
  leave(tables, run);
  run.status = report.status;
  run.progress = progressOf(report);
  detail.attempt = report.attempt;
  detail.version = report.version;
  detail.commit = report.commit;
  detail.started_at = report.started_at;
  replace(detail, "reason", report.reason);
  replace(detail, "failure", report.failure);
  replace(detail, "ended_at", report.ended_at);
  if (report.etag !== undefined) detail.etag = report.etag;
  if (report.items !== undefined) {
    detail.items = report.items;
    detail.stored_at = report.stored_at ?? report.ended_at ?? now;
  }
  if (report.log?.length) [detail.log, detail.log_at] = [report.log, report.log_at ?? []];
  if (report.steps) detail.steps = report.steps;
  if (report.embeddings) detail.embeddings = report.embeddings;
  if (isOpen(run.status)) {
    run.due_at = report.due_at ?? now + detail.wait_ms;
    run.closed_at = null;
  } else close(tables, run, now);
  noteState(run, now, causeOf(run));
}

function replace<Name extends "reason" | "failure" | "ended_at">(
  detail: HeldRun["detail"],
  name: Name,
  value: HeldRun["detail"][Name] | undefined,
): void {
  if (value === undefined) delete detail[name];
  else detail[name] = value;
}

function close(tables: ShardTables, run: HeldRun, now: number): void {
  run.due_at = null;
  run.closed_at = now;
  if (run.status === "dead" || run.status === "cancelled") trackUnsaid(tables, run);
}

/** A run that leaves a state in which it had ended stays among those that ended so; its letter is over. */
export function leave(tables: ShardTables, run: HeldRun): void {
  if (isOpen(run.status)) return;
  tables.lateChanges++;
  countEnding(tables, run);
  run.place = "runs";
  run.closed_at = null;
  delete run.detail.letter;
}

function putLetter(run: HeldRun, failure: Failure, attempts: number, now: number): void {
  run.place = "letters";
  run.closed_at = now;
  run.detail.letter = { failure, attempts };
}

/** Why a run is in its state, for a person. */
function causeOf({ status, detail }: HeldRun): string | null {
  switch (status) {
    case "running":
      return `attempt ${detail.attempt} began`;
    case "failed":
    case "dead":
      return detail.failure?.detail ?? detail.reason ?? null;
    case "succeeded":
      return detail.reason ?? `${detail.items ?? 0} items stored`;
    default:
      return detail.reason ?? null;
  }
}

/** By version and commit, without what cancels itself out. */
export function summed(deltas: ProducedDelta[]): ProducedDelta[] {
  const byProducer = Map.groupBy(deltas, ({ version, commit }) => JSON.stringify([version, commit]));
  return [...byProducer.values()].flatMap((same) => {
    const [first] = same;
    const objects = same.reduce((sum, delta) => sum + delta.objects, 0);
    const items = same.reduce((sum, delta) => sum + delta.items, 0);
    return first && (objects !== 0 || items !== 0) ? [{ ...first, objects, items }] : [];
  });
}

/** Ends runs that the platform gave up on, and writes their letters. A second copy changes nothing. */
export function buryJobs(tables: ShardTables, dead: DeadJob[], now: number): TroubleMessage[] {
  const troubles = new Map<string, TroubleMessage>();
  for (const { job, failure, attempts } of dead) {
    const run = findRun(tables, job.run_id);
    if (!run) continue;
    const { place, alias } = run;
    const attempt = attempts ?? run.detail.attempt;
    const ends = (isOpen(run.status) || run.status === "dead") && run.progress < redrivenProgress(attempt);
    if (!ends) continue;
    if (run.status !== "dead") {
      run.status = "dead";
      run.detail.attempt = Math.max(run.detail.attempt, attempt);
      if (failure) run.detail.failure = failure;
      run.detail.ended_at = now;
      close(tables, run, now);
      noteState(run, now, causeOf(run) ?? GIVEN_UP.detail);
    }
    run.progress = Math.max(run.progress, progressAt(attempt, "dead"));
    if (run.place === "letters") continue;
    const cause = failure ?? run.detail.failure ?? GIVEN_UP;
    putLetter(run, cause, attempt, now);
    keepRun(tables, run, place);
    const runs = (troubles.get(alias)?.runs ?? 0) + 1;
    troubles.set(alias, { kind: "dead", alias, detail: cause.detail, runs, at: now });
  }
  return [...troubles.values()];
}

/** Ends runs, of those that have not ended yet, and returns how many. */
export function cancelRuns(tables: ShardTables, runIds: string[], reason: string, now: number): number {
  let cancelled = 0;
  for (const run_id of new Set(runIds)) {
    const run = findRun(tables, run_id);
    if (!run || !isOpen(run.status)) continue;
    run.progress = ENDED_PROGRESS;
    endByHand(tables, run, reason, now);
    keepRun(tables, run);
    cancelled++;
  }
  return cancelled;
}

/** Ends a run as cancelled, by a person. */
export function endByHand(tables: ShardTables, run: HeldRun, reason: string, now: number): void {
  leave(tables, run);
  run.status = "cancelled";
  run.detail.reason = reason;
  run.detail.ended_at = now;
  close(tables, run, now);
  noteState(run, now, reason);
}
