// Attempts at many jobs: takes all fences at once, keeps one object's jobs one after another, and turns
// each outcome into a report and what happens next. Free of where the jobs came from.
import { delayCeiling, MAX_DELAY_SECONDS } from "../../src/shapes/config.ts";
import { type Failure, shortFailure, verdictOf } from "../../src/shapes/failure.ts";
import type { Job } from "../../src/shapes/job.ts";
import type { Report } from "../../src/shapes/run.ts";
import { storeFailure } from "../../src/store/failure.ts";
import { hidden } from "./hidden.ts";
import type { Outcome } from "./outcome.ts";
import { type RunDeps, runJob, setOf } from "./run.ts";

export interface Try {
  job: Job;
  /** 1 for the first. */
  attempt: number;
}

export interface Attempted extends Try {
  outcome: Outcome;
  report: Report;
  /** `wait` is a retry that does not count as an attempt. */
  next: "done" | "retry" | "wait" | "dead";
  delaySeconds: number;
}

/** How much later than planned a run may be heard of before it counts as lost. */
export const GRACE_MS = 900_000;
/** Delay of a `wait` at most, unless the other side asks for more, seconds. */
const MAX_WAIT_SECONDS = 900;
/** From then on, what is busy counts as failing: a run does not wait for ever. */
const MAX_WAITING_MS = 86_400_000;

/**
 * Tries every job once, at most `config.concurrency` at a time, and hands over each as soon as it is done.
 * `done` answers for its own job alone and must not throw.
 */
export async function attemptAll<T extends Try>(
  tries: readonly T[],
  deps: RunDeps,
  done: (attempted: Attempted, from: T) => Promise<void>,
): Promise<void> {
  const wanted = tries.map(({ job }) => ({ ...setOf(job), run_id: job.run_id }));
  const started = await deps.collection.begin(wanted).then(
    (fences) => new Map(tries.map((one, at) => [one, fences[at]])),
    (error: unknown) => storeFailure(error),
  );
  // Jobs of one object run one after another, so that their results are stored in order.
  const groups = Object.values(
    Object.groupBy(tries, ({ job }) => JSON.stringify([job.event.bucket, job.event.key])),
  );
  const lane = async (): Promise<void> => {
    for (let group = groups.shift(); group; group = groups.shift()) {
      for (const one of group) {
        const startedAt = deps.now();
        const fence = started instanceof Map ? started.get(one) : undefined;
        const outcome: Outcome = fence
          ? await runJob(one.job, fence, deps)
          : { status: "failed", failure: started instanceof Map ? NO_FENCE : started, log: [] };
        await done(concludeAttempt(one, hidden(outcome, deps.hide), startedAt, deps), one);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(deps.config.concurrency, groups.length) }, lane));
}

function concludeAttempt(one: Try, outcome: Outcome, startedAt: number, deps: RunDeps): Attempted {
  const { job, attempt } = one;
  const report: Report = {
    run_id: job.run_id,
    attempt,
    status: outcome.status,
    version: deps.version,
    commit: deps.commit,
    started_at: startedAt,
    ended_at: deps.now(),
    ...(outcome.etag !== undefined && { etag: outcome.etag }),
    ...(outcome.log.length > 0 && { log: outcome.log }),
    ...(outcome.embeddings && { embeddings: outcome.embeddings }),
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
  const next = nextOf(failure, one, deps);
  if (next === "dead") report.status = "dead";
  if (next === "done") {
    report.status = failure.kind === "cancelled" ? "cancelled" : "skipped";
    report.reason = failure.detail;
  }
  const delaySeconds = delayOf(failure, next, one, deps);
  if (report.status === "failed") report.due_at = deps.now() + delaySeconds * 1000 + GRACE_MS;
  return { job, attempt, outcome, report, next, delaySeconds };
}

const NO_FENCE: Failure = { kind: "internal", detail: "the collection gave no fence for the object" };
function nextOf(failure: Failure, { job, attempt }: Try, { config, now }: RunDeps): Attempted["next"] {
  const verdict = verdictOf(failure.kind);
  if (verdict === "drop") return "done";
  const waited = job.waits ? now() - job.waits.since : 0;
  if (verdict === "wait" && waited < MAX_WAITING_MS) return "wait";
  if (verdict === "dead") return "dead";
  return attempt - (job.forgiven ?? 0) < config.retry.max_attempts ? "retry" : "dead";
}

/**
 * Exponential with full jitter, at least what the other side asked for, at most 12 hours (Queues' own cap).
 * What waits grows with its waits and is never sooner than jitter of a second, lest a busy store be stormed.
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
