// One attempt at one job, the spine of a pipeline Worker:
//   observe the object → decide what the collection should hold → compute it → check that what was read is
//   still there → store it under the fence.
// An event is only a hint: what counts is what is there now. Free of queues and RPC; worker.ts has those.
import { Buffer } from "node:buffer";
import {
  compileFilter,
  evaluate,
  explain,
  type Filter,
  reasonOf,
  stateView,
  viewOf,
} from "../../src/match/index.ts";
import type { PipelineConfig } from "../../src/shapes/config.ts";
import type { Event } from "../../src/shapes/event.ts";
import { type Failure, FailureError } from "../../src/shapes/failure.ts";
import type { NewItem, SetKey, SetLineage } from "../../src/shapes/item.ts";
import type { Job } from "../../src/shapes/job.ts";
import type { Embeddings as Counts } from "../../src/shapes/run.ts";
import type { Observed } from "../../src/source/contract.ts";
import type { Collection, Fence } from "../../src/store/collections/contract.ts";
import { HOPS, hopsIn, MAX_HOPS } from "../../src/store/collections/written.ts";
import { storeFailure } from "../../src/store/failure.ts";
import { withinRun } from "./context.ts";
import type { Hide } from "./hidden.ts";
import { collectItems } from "./items.ts";
import type { Outcome } from "./outcome.ts";
import { withPayload } from "./payload.ts";
import type { Pipeline } from "./sdk.ts";
import { openWeir, type WeirDeps } from "./weir.ts";

export interface RunDeps extends WeirDeps {
  pipeline: Pipeline;
  filter: Filter;
  collection: Collection;
  version: string;
  commit: string;
  /** Strikes secrets out of what is told of a run. */
  hide: Hide;
}

/** How often a run looks again, within one attempt, when the object changes under it. */
const MAX_ROUNDS = 3;
const MAX_LOG_LINES = 100;
const MAX_LOG_LINE = 1000;
/** The log travels in a report, which is a message of a queue: 128 KB in all. */
const MAX_LOG_BYTES = 64_000;
/** How soon a running handler hears that its run was cancelled. */
export const CANCEL_MS = 5_000;

/** The filter, compiled once per Worker: an invalid one was refused by `weir validate`. */
export const compiledFilter = (config: PipelineConfig) => compileFilter(config.source.filters);

export const setOf = ({ alias, event }: Pick<Job, "alias" | "event">): SetKey => {
  const { connection, bucket, key } = event;
  return { alias, connection, bucket, key };
};

/** Tries a job once. Never throws for an expected failure; `first` is the fence taken for the whole batch. */
export async function runJob(job: Job, first: Fence, deps: RunDeps): Promise<Outcome> {
  const embeddings = { asked: 0, known: 0 };
  const outcome = await attemptIt(job, first, { ...deps, embeddings });
  return embeddings.asked > 0 ? { ...outcome, embeddings } : outcome;
}

/** With the counts of what its handler asked of models. */
type Counting = RunDeps & { embeddings: Counts };

async function attemptIt(job: Job, first: Fence, deps: Counting): Promise<Outcome> {
  const log: string[] = [];
  let etag: string | undefined;
  const again = async (fence: Fence) =>
    (await deps.collection.begin([{ ...setOf(job), run_id: job.run_id }]))[0] ?? fence;
  try {
    let fence = first;
    if (isCancelled(fence, job)) return { status: "failed", failure: CANCELLED, log };
    if (job.event.key === "") {
      const stored = await handle(job, undefined, log, deps).catch(asFailure);
      return Array.isArray(stored)
        ? { status: "succeeded", stored, models: modelsOf(stored), log }
        : { status: "failed", failure: stored, log };
    }
    for (let round = 1; round <= MAX_ROUNDS; round++) {
      if (isCancelled(fence, job)) return { status: "failed", failure: CANCELLED, log };
      const seen = await deps.source.observe(job.event.bucket, job.event.key);
      etag = seen?.etag;
      const known = seen ? { etag: seen.etag } : {};
      if (seen && holdsOwn(fence, job, seen)) {
        return {
          status: "succeeded",
          reason: TWICE,
          items: fence.held.items,
          storedAt: Date.parse(fence.held.stored_at),
          size: seen.size,
          ...known,
          log,
        };
      }
      const decision = await decide(job, seen, deps);
      if (decision.hold === "as it is") return { status: "skipped", reason: decision.reason, ...known, log };
      const items = decision.hold === "nothing" ? [] : await handle(job, seen, log, deps).catch(asFailure);
      if (seen && !(await isCurrent(job, seen, deps))) {
        fence = await again(fence);
        continue;
      }
      if (!Array.isArray(items)) return { status: "failed", failure: items, ...known, log };
      const lineage = lineageOf(job, seen, deps);
      const replaced = await deps.collection.replace(fence, lineage, items);
      if (replaced === "cancelled") return { status: "failed", failure: CANCELLED, log };
      if (replaced === "stored") {
        const storedAt = Date.parse(lineage.stored_at);
        return {
          ...conclude(job, decision, items),
          ...known,
          ...(seen && { size: seen.size }),
          storedAt,
          log,
        };
      }
      fence = await again(fence);
      // Another delivery of this very run may have been the faster one: the next round sees it.
      if (replaced === "superseded" && fence.held?.run_id !== job.run_id)
        return { status: "skipped", reason: SUPERSEDED, ...known, log };
    }
    const detail = `${job.event.bucket}/${job.event.key} kept changing during the run`;
    return { status: "failed", failure: { kind: "conflict", detail }, log };
  } catch (error) {
    return { status: "failed", failure: storeFailure(error), ...(etag !== undefined && { etag }), log };
  }
}

const SUPERSEDED = "a run that began later has already stored what it saw";
const TWICE = "delivered twice: the run had stored this already";
const CANCELLED: Failure = { kind: "cancelled", detail: "the run was cancelled" };

const isCancelled = ({ cancelled }: Fence, job: Job) => cancelled?.includes(job.run_id) ?? false;

/** Whether the set is this run's own, of the object as it is now: a message that came twice has nothing to do. */
function holdsOwn(
  fence: Fence,
  job: Job,
  seen: Observed,
): fence is Fence & { held: NonNullable<Fence["held"]> } {
  const { held } = fence;
  if (held?.run_id !== job.run_id || held.etag !== seen.etag) return false;
  return (seen.version_id ?? job.event.version_id ?? null) === held.version_id;
}

const modelsOf = (items: NewItem[]): string[] =>
  [...new Set(items.flatMap(({ vectors }) => vectors.map(({ model }) => model)))]
    .filter((model) => model !== undefined)
    .sort();

/** What the collection should hold of the object, by what is there now. */
type Decision = { hold: "items" } | { hold: "nothing" | "as it is"; reason: string };

async function decide(job: Job, seen: Observed | null, deps: RunDeps): Promise<Decision> {
  if (!seen) {
    return deps.config.on_delete === "remove"
      ? { hold: "nothing", reason: "the object is gone" }
      : { hold: "as it is", reason: 'the object is gone; its items stay (on_delete is "keep")' };
  }
  if (job.cause === "invoked") return { hold: "items" };
  let view = viewOf(job.event, seen);
  let verdict = evaluate(deps.filter, view);
  if (verdict === "unknown") {
    view = viewOf(job.event, { ...seen, tags: await deps.source.tags(job.event.bucket, job.event.key) });
    verdict = evaluate(deps.filter, view);
  }
  // A replay tells of the object, and has no event of its own that a filter could ask of.
  if (job.cause === "replayed" && evaluate(deps.filter, stateView(view)) !== false) verdict = true;
  const hops = hopsOf(job.event, seen);
  if (verdict === true && hops >= MAX_HOPS) return { hold: "as it is", reason: loopReason(hops) };
  if (verdict === true) return { hold: "items" };
  const why = reasonOf(explain(deps.filter, view));
  return evaluate(deps.filter, stateView(view)) === false
    ? { hold: "nothing", reason: `the object does not pass the filter: ${why}` }
    : { hold: "as it is", reason: `the event does not pass the filter: ${why}` };
}

/** Through how many pipelines the object has come. */
const hopsOf = (event: Event, seen: Observed | null) => Math.max(event.hops, hopsIn(seen?.metadata ?? {}));

const loopReason = (hops: number) =>
  `loop: the object has come through ${hops} pipelines (its metadata ${HOPS}), and ${MAX_HOPS} are the most; ` +
  "`weir validate` names the loop, docs/filters.md says how to break it";

/** Runs the handler within its time, and turns what it returns into items. */
async function handle(
  job: Job,
  seen: Observed | null | undefined,
  log: string[],
  deps: Counting,
): Promise<NewItem[]> {
  const { event } = job;
  const time = AbortSignal.timeout(deps.config.timeout_seconds * 1000);
  const cancel = new AbortController();
  const watch = watchForCancel(job, deps, cancel);
  const signal = AbortSignal.any([time, cancel.signal]);
  const counts = deps.embeddings;
  const { weir, compute, settled } = openWeir(deps, setOf(job), seen, signal, counts);
  let room = MAX_LOG_BYTES - Buffer.byteLength(JSON.stringify(log));
  const note = (...parts: unknown[]) => {
    const line = parts.map(String).join(" ").slice(0, MAX_LOG_LINE);
    room -= Buffer.byteLength(JSON.stringify(line));
    if (log.length < MAX_LOG_LINES && room >= 0) log.push(line);
  };
  // The handler is told what is there now, not what the event remembers.
  const current = seen ? { ...event, etag: seen.etag, size: seen.size, metadata: seen.metadata } : event;
  const work = withinRun({ compute, signal }, async () => {
    const whole = await withPayload(current, job, signal);
    return collectItems(await deps.pipeline.handler(whole, { weir, signal, log: note }));
  }).finally(async () => {
    await settled();
    const { asked, known } = counts;
    if (known > 0) note(`${known} of ${asked} embeddings were known from before`);
  });
  // What the handler throws because it was told to stop is no failure of its own.
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => {
      const detail = `the handler did not finish in ${deps.config.timeout_seconds} s`;
      const late = { kind: "timeout", detail, next: "raise timeout_seconds, or do less in one run" } as const;
      reject(new FailureError(cancel.signal.aborted ? CANCELLED : late));
    });
  });
  return Promise.race([stopped, work]).finally(() => clearInterval(watch));
}

/** Looks now and then, while a handler runs, whether somebody has cancelled its run. */
function watchForCancel(job: Job, deps: RunDeps, cancel: AbortController) {
  return setInterval(() => {
    deps.collection.isCancelled({ ...setOf(job), run_id: job.run_id }).then(
      (cancelled) => cancelled && cancel.abort(),
      // It will be asked again, and the fence is asked at the end.
      () => undefined,
    );
  }, CANCEL_MS);
}

async function isCurrent(job: Job, seen: Observed, deps: RunDeps): Promise<boolean> {
  const now = await deps.source.observe(job.event.bucket, job.event.key);
  return now?.etag === seen.etag && now.version_id === seen.version_id;
}

function lineageOf(job: Job, seen: Observed | null, deps: RunDeps): SetLineage {
  return {
    event_id: job.event.id,
    run_id: job.run_id,
    version: deps.version,
    commit: deps.commit,
    etag: seen?.etag ?? null,
    version_id: seen?.version_id ?? job.event.version_id ?? null,
    size: seen?.size ?? null,
    event_time: job.event.time,
    stored_at: new Date(deps.now()).toISOString(),
    hops: hopsOf(job.event, seen) + 1,
  };
}

function conclude(
  job: Job,
  decision: Decision,
  stored: NewItem[],
): Omit<Extract<Outcome, { stored?: NewItem[] }>, "log"> {
  if (decision.hold === "items")
    return { status: "succeeded", items: stored.length, stored, models: modelsOf(stored) };
  const status = job.event.type === "removed" || job.cause === "tracked" ? "succeeded" : "skipped";
  return {
    status,
    reason: `${decision.hold === "nothing" ? `${decision.reason}; no items are kept` : decision.reason}`,
    items: 0,
    models: [],
  };
}

/** An expected failure as it is; anything a handler throws otherwise is the handler's. */
export function asFailure(error: unknown): Failure {
  if (error instanceof FailureError) return error.failure;
  const detail = error instanceof Error ? `${error.name}: ${error.message}` : `thrown: ${String(error)}`;
  return { kind: "handler_failed", detail: detail.slice(0, MAX_LOG_LINE) };
}
