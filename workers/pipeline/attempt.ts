// Attempts at many jobs: takes all fences at once, keeps one object's jobs one after another, and turns
// each outcome into a report and what happens next. Free of where the jobs came from.
import { type Failure, verdictOf } from "../../src/shapes/failure.ts";
import type { Job } from "../../src/shapes/job.ts";
import type { Report } from "../../src/shapes/run.ts";
import { type Outcome, ourFailure, type RunDeps, runJob, setOf } from "./run.ts";

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

export interface AttemptDeps extends RunDeps {
  random(): number;
}

/** How much later than planned a run may be heard of before it counts as lost. */
export const GRACE_MS = 900_000;

/** Tries every job once, at most `config.concurrency` at a time, and hands over each as soon as it is done. */
export async function attemptAll<T extends Try>(
  tries: readonly T[],
  deps: AttemptDeps,
  done: (attempted: Attempted, from: T) => Promise<void>,
): Promise<void> {
  const withObject = tries.filter(({ job }) => job.event.key !== "");
  const started = await deps.collection.begin(withObject.map(({ job }) => setOf(job))).then(
    (fences) => new Map(withObject.map((one, at) => [one, fences[at]])),
    (error: unknown) => ourFailure(error),
  );
  // Jobs of one object run one after another, so that their results are stored in order.
  const groups = Object.values(
    Object.groupBy(tries, ({ job }) => JSON.stringify([job.event.bucket, job.event.key])),
  );
  const lane = async (): Promise<void> => {
    for (let group = groups.shift(); group; group = groups.shift()) {
      for (const one of group) {
        const startedAt = deps.now();
        const outcome: Outcome =
          started instanceof Map
            ? await runJob(one.job, started.get(one), deps)
            : { status: "failed", failure: started, log: [] };
        await done(concludeAttempt(one, outcome, startedAt, deps), one);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(deps.config.concurrency, groups.length) }, lane));
}

function concludeAttempt(one: Try, outcome: Outcome, startedAt: number, deps: AttemptDeps): Attempted {
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
  };
  if (outcome.status !== "failed") {
    if (outcome.reason !== undefined) report.reason = outcome.reason;
    if (outcome.items !== undefined) report.items = outcome.items;
    if (outcome.size !== undefined) report.size = outcome.size;
    const models = new Set(
      (outcome.stored ?? []).flatMap(({ vectors }) => vectors.map(({ model }) => model)),
    );
    report.models = [...models].filter((model) => model !== undefined).sort();
    return { job, attempt, outcome, report, next: "done", delaySeconds: 0 };
  }
  report.failure = outcome.failure;
  const next = nextOf(outcome.failure, attempt - (job.forgiven ?? 0), deps);
  if (next === "dead") report.status = "dead";
  if (next === "done") {
    report.status = "skipped";
    report.reason = outcome.failure.detail;
  }
  const delaySeconds = delayOf(outcome.failure, attempt, deps);
  if (report.status === "failed") report.due_at = deps.now() + delaySeconds * 1000 + GRACE_MS;
  return { job, attempt, outcome, report, next, delaySeconds };
}

function nextOf(failure: Failure, attempt: number, { config }: AttemptDeps): Attempted["next"] {
  const verdict = verdictOf(failure.kind);
  if (verdict === "drop") return "done";
  if (verdict === "retry") return attempt < config.retry.max_attempts ? "retry" : "dead";
  return verdict;
}

/** Exponential with full jitter, at least what the other side asked for, at most 12 hours (Queues' own cap). */
function delayOf(failure: Failure, attempt: number, { config, random }: AttemptDeps): number {
  const ceiling = config.retry.base_seconds * 2 ** Math.min(attempt, 20);
  return Math.min(43_200, Math.max(failure.retry_after_seconds ?? 0, Math.ceil(ceiling * random())));
}
