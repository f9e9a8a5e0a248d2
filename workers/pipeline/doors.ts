// What a pipeline Worker's doors do: jobs by RPC or by its queue, each tried once, reported, and passed on
// where it must be tried again. Each message is answered for by itself: whatever becomes of one, its
// neighbours are done once. worker.ts has the doors; free of the runtime, so that tests can call it as it is.
import type { Message } from "@cloudflare/workers-types";
import type { Job } from "../../src/shapes/job.ts";
import type { Report } from "../../src/shapes/run.ts";
import { type Attempted, attemptAll } from "./attempt.ts";
import type { PipelineDeps } from "./deps.ts";

/** A message that grows older than this is sent anew instead of tried again: a queue keeps it for four days. */
const MAX_AGE_MS = 3 * 86_400_000;
/** Until a message is delivered again of which the ledger could not be told, seconds. */
const UNTOLD_SECONDS = 30;

/** Tries a batch of jobs once. What must be tried again has gone to the pipeline's own queue. */
export async function runJobs(jobs: Job[], deps: PipelineDeps): Promise<Report[]> {
  const tries = jobs.map((job) => ({ job, attempt: job.attempts_before + 1 }));
  const reports: Report[] = [];
  await Promise.all([
    announce(tries, deps),
    attemptAll(tries, deps, async (done) => {
      tell(done);
      const passedOn = await passOn(done, deps);
      // What could not be passed on is due at once: the sweep sends it.
      reports.push(passedOn || done.next === "dead" ? done.report : { ...done.report, due_at: deps.now() });
    }),
  ]);
  return reports;
}

/** Tries one job once, for somebody who waits: no retries, and the data comes back with the report. */
export async function invokeJob(job: Job, deps: PipelineDeps): Promise<{ report: Report; data: string[] }> {
  let result: Attempted | undefined;
  const tries = [{ job, attempt: job.attempts_before + 1 }];
  await Promise.all([
    announce(tries, deps),
    attemptAll(tries, deps, async (done) => {
      tell(done);
      result = done;
    }),
  ]);
  if (!result) throw new Error("the attempt came to nothing");
  const { report, outcome } = result;
  const data = outcome.status === "succeeded" ? (outcome.stored ?? []).map(withVectors) : [];
  if (report.status !== "failed") return { report, data };
  const { due_at: _, ...ended } = report;
  return { report: { ...ended, status: "dead" }, data };
}

/** Takes a batch of the pipeline's queue. Never throws for one job's sake: that would deliver all again. */
export async function consumeJobs(messages: readonly Message<Job>[], deps: PipelineDeps): Promise<void> {
  const tries = messages.filter(isJob).map((message) => ({
    job: message.body,
    attempt: message.body.attempts_before + message.attempts,
    message,
  }));
  await Promise.all([
    announce(tries, deps),
    attemptAll(tries, deps, async (done, { message }) => {
      tell(done);
      await settle(done, message, deps);
    }),
  ]);
}

/** Only Weir writes to the queue; what somebody else put there is let go, and said. */
function isJob(message: Message<unknown>): message is Message<Job> {
  const { run_id, event } = (message.body ?? {}) as Partial<Job>;
  if (typeof run_id === "string" && typeof event?.key === "string") return true;
  console.error(JSON.stringify({ log: "message.unreadable", id: message.id }));
  message.ack();
  return false;
}

async function settle(done: Attempted, message: Message<Job>, deps: PipelineDeps): Promise<void> {
  const told = await deps.report([done.report]).then(() => true, lost("report", done));
  const old = deps.now() + done.delaySeconds * 1000 - message.timestamp.getTime() > MAX_AGE_MS;
  if (done.next === "retry" && !old) return message.retry({ delaySeconds: done.delaySeconds });
  // What is done and could not be told is tried once more, as the attempt that it was: it finds its own items.
  const untold = done.next === "done" && !told;
  const delaySeconds = untold ? UNTOLD_SECONDS : done.delaySeconds;
  const passedOn = untold ? await resend(done, delaySeconds, deps) : await passOn(done, deps);
  // A letter is written by either: the report of a dead run, or the job in the dead-letter queue.
  if (passedOn || (done.next === "dead" && told)) message.ack();
  else message.retry({ delaySeconds: Math.max(UNTOLD_SECONDS, delaySeconds) });
}

const resend = (done: Attempted, delaySeconds: number, deps: PipelineDeps) =>
  deps.retry({ ...done, delaySeconds }).then(() => true, lost("again", done));

/** Sends a job where it belongs next. Returns whether it is surely there. */
async function passOn(done: Attempted, deps: PipelineDeps): Promise<boolean> {
  if (done.next === "done") return true;
  const sent = done.next === "dead" ? deps.bury(done) : deps.retry(done);
  return sent.then(() => true, lost(done.next, done));
}

/** Tells that attempts have begun. A hint: where it fails, the run is looked after a little earlier. */
async function announce(tries: { job: Job; attempt: number }[], deps: PipelineDeps): Promise<void> {
  const reports = tries.map(({ job, attempt }) => deps.begun(job, attempt));
  await deps.report(reports).catch((error: unknown) => {
    console.warn(JSON.stringify({ log: "run.unannounced", runs: reports.length, error: String(error) }));
  });
}

function lost(what: string, { job }: Attempted) {
  return (error: unknown): false => {
    console.warn(JSON.stringify({ log: "run.unsent", what, run_id: job.run_id, error: String(error) }));
    return false;
  };
}

/** One line for each attempt, whatever came of it. */
function tell({ job, attempt, report, next }: Attempted): void {
  const { run_id, alias, event, cause } = job;
  const { id: event_id, bucket, key } = event;
  const { status, version, items, reason, failure, started_at, ended_at = started_at } = report;
  const of = { run_id, event_id, alias, attempt, cause, bucket, key };
  const came = { status, next, ms: ended_at - started_at, items, reason, failure: failure?.kind };
  console.log(JSON.stringify({ log: "attempt", ...of, ...came, version }));
}

/** An item's JSON with its vectors back in their places, as arrays of numbers. */
function withVectors(item: { data: string; vectors: { path: string; values: Float32Array }[] }): string {
  const data: unknown = JSON.parse(item.data);
  for (const { path, values } of item.vectors) {
    const steps = path.split(".");
    const last = steps.pop() ?? "";
    let at = data as Record<string, unknown>;
    for (const step of steps) at = at[step] as Record<string, unknown>;
    at[last] = Array.from(values);
  }
  return JSON.stringify(data);
}
