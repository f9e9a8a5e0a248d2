// The doors of a pipeline Worker: jobs come by RPC or by its queue, are tried once (attempt.ts), reported, and passed on
// where they must be tried again. Each message is settled by itself: whatever becomes of one, its neighbours are done
// once. worker.ts binds the doors to the runtime; this file is free of it.
import type { Message } from "@cloudflare/workers-types";
import type { Job } from "../../src/shapes/job.ts";
import { logError, logWarning } from "../../src/shapes/log.ts";
import type { Report } from "../../src/shapes/run.ts";
import { type Attempted, attemptAll, type Try } from "./attempt.ts";
import { batchLog } from "./batch-log.ts";
import type { PipelineDeps } from "./deps.ts";

/** Age from which on a message is sent anew instead of tried again: a queue keeps it for four days. */
const MAX_AGE_MS = 3 * 86_400_000;
/** Retry delay when the report could not be sent. */
const UNREPORTED_RETRY_SECONDS = 30;

/** Tries each job of a batch once, and reports each. Jobs to be tried again go to the pipeline's own queue. */
export async function runJobs(jobs: Job[], deps: PipelineDeps): Promise<void> {
  if (!(await deps.mayBegin(jobs))) return;
  const tries = jobs.map((job) => ({ job, attempt: job.attempts_before + 1 }));
  const batch = openBatch(deps);
  await announcing(tries, deps, (begin) =>
    attemptAll(tries, deps, async (done, entry) => {
      begin.end(entry);
      batch.add(done);
      const passedOn = await passOn(done, deps);
      // A job that could not be passed on is due at once: its shard's alarm brings it.
      const isLeft = !passedOn && done.next !== "dead";
      await deps
        .report([isLeft ? { ...done.report, due_at: deps.now() } : done.report])
        .catch(logLost("report", done));
    }),
  );
  await batch.end();
}

/** Tries one job once, for a caller that waits: without retries, and with the items' data beside the report. */
export async function invokeJob(job: Job, deps: PipelineDeps): Promise<{ report: Report; data: string[] }> {
  let result: Attempted | undefined;
  const batch = openBatch(deps);
  const tries = [{ job, attempt: job.attempts_before + 1 }];
  await announcing(tries, deps, (begin) =>
    attemptAll(tries, deps, async (done, entry) => {
      begin.end(entry);
      batch.add(done);
      result = done;
    }),
  );
  await batch.end();
  if (!result) throw new Error("The attempt ended without a result.");
  const { report, outcome } = result;
  const data = outcome.status === "succeeded" ? (outcome.stored ?? []).map(withVectors) : [];
  if (report.status !== "failed") return { report, data };
  const { due_at: _, ...ended } = report;
  return { report: { ...ended, status: "dead" }, data };
}

/** Takes a batch of the pipeline's queue. Never throws for the sake of one job: that would deliver all again. */
export async function consumeJobs(messages: readonly Message<Job>[], deps: PipelineDeps): Promise<void> {
  const own = messages.filter(isJob);
  if (!(await deps.mayBegin(own.map(({ body }) => body)))) {
    for (const message of own) message.ack();
    return;
  }
  const tries = own.map((message) => ({
    job: message.body,
    attempt: message.body.attempts_before + message.attempts,
    message,
  }));
  const batch = openBatch(deps);
  await announcing(tries, deps, (begin) =>
    attemptAll(tries, deps, async (done, entry) => {
      begin.end(entry);
      batch.add(done);
      await settle(done, entry.message, deps);
    }),
  );
  await batch.end();
}

/** What a batch leaves behind: one line of the log, and what its attempts have cost. */
function openBatch(deps: PipelineDeps) {
  const line = batchLog(deps.config.alias, deps.begins !== undefined);
  const attempts: Attempted[] = [];
  return {
    add(done: Attempted): void {
      line.add(done);
      attempts.push(done);
    },
    async end(): Promise<void> {
      line.write();
      await deps.spend(attempts);
    },
  };
}

/** Whether a message is a job. Only Weir writes to the queue: a message of somebody else is dropped and logged. */
function isJob(message: Message<unknown>): message is Message<Job> {
  const { run_id, event } = (message.body ?? {}) as Partial<Job>;
  if (typeof run_id === "string" && typeof event?.key === "string") return true;
  logError("message.unreadable", { id: message.id });
  message.ack();
  return false;
}

/** Reports an attempt, then acknowledges its message, has it delivered again, or passes the job on. */
async function settle(done: Attempted, message: Message<Job>, deps: PipelineDeps): Promise<void> {
  const isReported = await deps.report([done.report]).then(() => true, logLost("report", done));
  const isOld = deps.now() + done.delaySeconds * 1000 - message.timestamp.getTime() > MAX_AGE_MS;
  if (done.next === "retry" && !isOld) return message.retry({ delaySeconds: done.delaySeconds });
  // A job that is done but not reported is tried once more under the same attempt: it finds its own items.
  const isUnreported = done.next === "done" && !isReported;
  const delaySeconds = isUnreported ? UNREPORTED_RETRY_SECONDS : done.delaySeconds;
  const passedOn = isUnreported ? await resend(done, delaySeconds, deps) : await passOn(done, deps);
  // Either writes the dead letter: the report of a dead run, or the job in the dead-letter queue.
  if (passedOn || (done.next === "dead" && isReported)) message.ack();
  else message.retry({ delaySeconds: Math.max(UNREPORTED_RETRY_SECONDS, delaySeconds) });
}

const resend = (done: Attempted, delaySeconds: number, deps: PipelineDeps) =>
  deps.retry({ ...done, delaySeconds }).then(() => true, logLost("again", done));

/** Sends a job where it belongs next. Returns whether it has surely arrived. */
async function passOn(done: Attempted, deps: PipelineDeps): Promise<boolean> {
  if (done.next === "done") return true;
  const sent = done.next === "dead" ? deps.bury(done) : deps.retry(done);
  return sent.then(() => true, logLost(done.next, done));
}

/** Time after which an attempt that goes on is reported as running, ms: a short one reports its end alone. */
export const LONG_RUN_MS = 5_000;

interface Begun {
  /** Says that an attempt is over: it needs no report that it has begun. */
  end(entry: Try): void;
}

/**
 * Does the work of attempts, and reports those that go on for long. A hint: where it fails, the shard's alarm looks
 * after the run a little earlier.
 */
async function announcing(
  tries: readonly Try[],
  deps: PipelineDeps,
  work: (begun: Begun) => Promise<void>,
): Promise<void> {
  const going = new Set(tries);
  const announce = async () => {
    const reports = [...going].map(({ job, attempt }) => deps.begun(job, attempt));
    await deps.report(reports).catch((error: unknown) => {
      logWarning("run.unannounced", { runs: reports.length, error: String(error) });
    });
  };
  let announced: Promise<void> | undefined;
  const timer = setTimeout(() => {
    announced = announce();
  }, LONG_RUN_MS);
  try {
    await work({ end: (entry) => going.delete(entry) });
  } finally {
    clearTimeout(timer);
    await announced;
  }
}

/** A handler of a failed send: logs it, and returns false. */
function logLost(what: string, { job }: Attempted) {
  return (error: unknown): false => {
    logWarning("run.unsent", { what, run_id: job.run_id, error: String(error) });
    return false;
  };
}

/** An item's JSON with its vectors back in their places, as arrays of numbers. */
function withVectors(item: { data: string; vectors: { path: string; values: Float32Array }[] }): string {
  const data: unknown = JSON.parse(item.data);
  for (const { path, values } of item.vectors) {
    const steps = path.split(".");
    const last = steps.pop() ?? "";
    let parent = data as Record<string, unknown>;
    for (const step of steps) parent = parent[step] as Record<string, unknown>;
    parent[last] = Array.from(values);
  }
  return JSON.stringify(data);
}
