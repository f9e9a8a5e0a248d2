// One attempt at each of many jobs: takes all fences at once, keeps one object's jobs one after another, and turns
// each outcome (run.ts) into a report and the job's next step. doors.ts brings the jobs and carries out that step.
import { delayCeiling, MAX_DELAY_SECONDS } from "../../src/shapes/config.ts";
import { type Failure, shortFailure, verdictOf } from "../../src/shapes/failure.ts";
import type { Job } from "../../src/shapes/job.ts";
import { addMeasures, type RunMeasures } from "../../src/shapes/measures.ts";
import type { Report } from "../../src/shapes/run.ts";
import { storeFailure } from "../../src/store/failure.ts";
import { hidden } from "./hidden.ts";
import { Meter, withMeter } from "./meter.ts";
import type { RunOutcome } from "./outcome.ts";
import { BATCH_OVER, type RunDeps, runJob, setOf } from "./run.ts";

/** A job that is to be tried. */
export interface Try {
  job: Job;
  /** Number of this attempt; 1 for the first. */
  attempt: number;
}

/** A job that was tried, with its outcome, its report and its next step. */
export interface Attempted extends Try {
  outcome: RunOutcome;
  report: Report;
  /** Next step of the job; `wait` is a retry that does not count as an attempt. */
  next: "done" | "retry" | "wait" | "dead";
  /** Delay before a `retry` or a `wait`. */
  delaySeconds: number;
}

/** Time that a report may come later than planned before its run counts as lost. */
export const GRACE_MS = 900_000;
/** Time of a batch, inside the 15 minutes after which the platform ends it. */
const BATCH_MS = 13 * 60_000;
/** Longest delay of a `wait`, unless the other side asks for more. */
const MAX_WAIT_SECONDS = 900;
/** Longest time that a run may spend on waits; after that, a busy other side counts as failing. */
const MAX_WAITING_MS = 86_400_000;

/**
 * Tries every job once, at most `config.concurrency` at a time, and hands over each as soon as it is done. A job that
 * cannot end within the batch's time is put back, which is no attempt: another batch takes it.
 * `done` answers for its own job alone and must not throw.
 */
export async function attemptAll<T extends Try>(
  tries: readonly T[],
  deps: RunDeps,
  done: (attempted: Attempted, from: T) => Promise<void>,
): Promise<void> {
  const batchOver = AbortSignal.timeout(deps.batchMs ?? BATCH_MS);
  const requests = tries.map(({ job }) => ({ ...setOf(job), run_id: job.run_id }));
  const begun = new Meter();
  const started = await withMeter(begun, () => deps.collection.begin(requests)).then(
    (fences) => new Map(tries.map((entry, index) => [entry, fences[index]])),
    (error: unknown) => storeFailure(error),
  );
  // Jobs of one object run one after another, so that their results are stored in order.
  const groups = Object.values(
    Object.groupBy(tries, ({ job }) => JSON.stringify([job.event.bucket, job.event.key])),
  );
  const lane = async (): Promise<void> => {
    for (let group = groups.shift(); group; group = groups.shift()) {
      for (const entry of group) {
        const startedAt = deps.now();
        const meter = new Meter();
        const fence = started instanceof Map ? started.get(entry) : undefined;
        const outcome: RunOutcome = batchOver.aborted
          ? { status: "failed", failure: BATCH_OVER, log: [] }
          : fence
            ? await withMeter(meter, () => runJob(entry.job, fence, { ...deps, batchOver }))
            : { status: "failed", failure: started instanceof Map ? NO_FENCE : started, log: [] };
        const measures = addMeasures(begun.read(tries.length), meter.read());
        const attempted = concludeAttempt(
          entry,
          hidden(outcome, deps.hide),
          { startedAt, measures, meter },
          deps,
        );
        await done(attempted, entry);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(deps.config.concurrency, groups.length) }, lane));
}

function concludeAttempt(
  entry: Try,
  outcome: RunOutcome,
  { startedAt, measures, meter }: { startedAt: number; measures: RunMeasures; meter: Meter },
  deps: RunDeps,
): Attempted {
  const { job, attempt } = entry;
  const report: Report = {
    run_id: job.run_id,
    attempt,
    status: outcome.status,
    version: deps.version,
    commit: deps.commit,
    started_at: startedAt,
    ended_at: deps.now(),
    ...(outcome.etag !== undefined && { etag: outcome.etag }),
    ...(outcome.log.length > 0 && { log: outcome.log, log_at: meter.lines }),
    steps: meter.steps.read(),
    ...(outcome.embeddings && { embeddings: outcome.embeddings }),
    measures,
  };
  if (outcome.status !== "failed") {
    const { reason, items, size, storedAt, models } = outcome;
    if (reason !== undefined) report.reason = reason;
    if (items !== undefined) report.items = items;
    if (size !== undefined) report.size = size;
    if (storedAt !== undefined) report.stored_at = storedAt;
    if (models !== undefined) report.models = models;
    return { job, attempt, outcome, report, next: "done", delaySeconds: 0 };
  }
  const failure = shortFailure(outcome.failure);
  report.failure = failure;
  const next = nextOf(failure, entry, deps);
  if (next === "dead") report.status = "dead";
  if (next === "done") {
    report.status = failure.kind === "cancelled" ? "cancelled" : "skipped";
    report.reason = failure.detail;
  }
  const delaySeconds = delayOf(failure, next, entry, deps);
  if (report.status === "failed") report.due_at = deps.now() + delaySeconds * 1000 + GRACE_MS;
  return { job, attempt, outcome, report, next, delaySeconds };
}

const NO_FENCE: Failure = {
  kind: "internal",
  detail: "The collection gave no fence for the object.",
};

/** Next step after a failure, by its verdict and the attempts that count. */
function nextOf(failure: Failure, { job, attempt }: Try, { config, now }: RunDeps): Attempted["next"] {
  const verdict = verdictOf(failure.kind);
  if (verdict === "drop") return "done";
  const waited = job.waits ? now() - job.waits.since : 0;
  if (verdict === "wait" && waited < MAX_WAITING_MS) return "wait";
  if (verdict === "dead") return "dead";
  return attempt - (job.forgiven ?? 0) < config.retry.max_attempts ? "retry" : "dead";
}

/**
 * Delay before the next attempt, seconds: exponential with full jitter, at least as long as the other side asked for,
 * at most 12 hours (Queues' own cap). A `wait` grows with the number of waits, from a base of at least a second, lest
 * a busy store be stormed.
 */
function delayOf(
  failure: Failure,
  next: Attempted["next"],
  { job, attempt }: Try,
  { config, random }: RunDeps,
): number {
  const { base_seconds } = config.retry;
  const ceiling =
    next === "wait"
      ? Math.min(MAX_WAIT_SECONDS, delayCeiling(Math.max(1, base_seconds), (job.waits?.count ?? 0) + 1))
      : delayCeiling(base_seconds, attempt - (job.forgiven ?? 0));
  return Math.min(
    MAX_DELAY_SECONDS,
    Math.max(failure.retry_after_seconds ?? 0, Math.ceil(ceiling * random())),
  );
}
