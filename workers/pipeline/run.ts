// One attempt at one job, the spine of a pipeline Worker:
//   observe the object → decide what the collection should hold → compute it → check that what was read is
//   still there → store it under the fence.
// An event is only a hint: what counts is what is there now. Free of queues and RPC; worker.ts has those.
import { Buffer } from "node:buffer";
import { compileFilter, type Filter } from "../../src/match/index.ts";
import type { PipelineConfig } from "../../src/shapes/config.ts";
import { type Failure, FailureError, type FailureKind } from "../../src/shapes/failure.ts";
import type { NewItem, SetKey, SetLineage } from "../../src/shapes/item.ts";
import type { Job } from "../../src/shapes/job.ts";
import type { EmbeddingCounts } from "../../src/shapes/run.ts";
import type { Observed } from "../../src/source/contract.ts";
import type { Collection, Fence } from "../../src/store/collections/contract.ts";
import type { Hops } from "../../src/store/collections/hops.ts";
import { storeFailure } from "../../src/store/failure.ts";
import { withinRun } from "./context.ts";
import { asFailure } from "./failure.ts";
import type { Hide } from "./hidden.ts";
import { type Decision, decide, hopsOf, isOf, shownEvent, shownOf, versionTold } from "./hold.ts";
import { collectItems } from "./items.ts";
import type { Outcome } from "./outcome.ts";
import { withPayload } from "./payload.ts";
import type { Handler, Pipeline } from "./sdk.ts";
import { openWeir, type WeirDeps } from "./weir.ts";

export interface RunDeps extends WeirDeps {
  pipeline: Pipeline;
  filter: Filter;
  collection: Collection;
  /** How many pipelines an object has come through, as Weir proves it. */
  hops: Hops;
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
type Counting = RunDeps & { embeddings: EmbeddingCounts };

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
      let decision = await decide(job, seen, fence.held, deps);
      if (decision.hold === "as it is") return { status: "skipped", reason: decision.reason, ...known, log };
      let items = decision.hold === "nothing" ? [] : await handle(job, seen, log, deps).catch(asFailure);
      if (seen && !(await isStill(seen, job, deps))) {
        fence = await again(fence);
        continue;
      }
      if (!Array.isArray(items)) {
        const failure = seen ? await orArchived(items, job, deps) : items;
        const isStale = seen && fence.held && fence.held.items > 0 && !isOf(fence.held, seen);
        if (failure.kind !== "object_archived" || !isStale)
          return { status: "failed", failure, ...known, log };
        decision = { hold: "nothing", reason: failure.detail };
        items = [];
      }
      const lineage = await lineageOf(job, seen, decision, deps);
      const replaced = await deps.collection.replace(fence, lineage, items);
      if (replaced === "cancelled") return { status: "failed", failure: CANCELLED, log };
      if (replaced === "stored") {
        // Whoever saw the object change since then may have found nothing to do, as this was not stored yet.
        if (!(await isStill(seen, job, deps))) {
          fence = await again(fence);
          continue;
        }
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
        return { status: "failed", failure: SUPERSEDED, ...known, log };
    }
    const detail = `${job.event.bucket}/${job.event.key} kept changing during the run`;
    return { status: "failed", failure: { kind: "conflict", detail }, log };
  } catch (error) {
    return { status: "failed", failure: storeFailure(error), ...(etag !== undefined && { etag }), log };
  }
}

const SUPERSEDED: Failure = { kind: "superseded", detail: "a run that began later has stored what it saw" };
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
  return (seen.version_id ?? versionTold(job.event)) === held.version_id;
}

const modelsOf = (items: NewItem[]): string[] =>
  [...new Set(items.flatMap(({ vectors }) => vectors.map(({ model }) => model)))]
    .filter((model) => model !== undefined)
    .sort();

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
  const current = seen ? shownEvent(event, seen) : event;
  const work = withinRun({ compute, signal }, async () => {
    const whole = await withPayload(current, job, signal);
    return weirCallsHandler(deps.pipeline, job, whole, { weir, signal, log: note });
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

/** Calls the handler, also for each item of a generator: stacks are cut at this name (failure.ts). */
async function weirCallsHandler(
  pipeline: Pipeline,
  { cause }: Job,
  ...given: Parameters<Handler>
): Promise<NewItem[]> {
  return collectItems(await pipeline.handler(...given), cause === "invoked");
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

/** Whether the object, or its absence, is still what was seen. */
async function isStill(seen: Observed | null, { event }: Job, { source }: RunDeps): Promise<boolean> {
  const now = await source.observe(event.bucket, event.key);
  return now?.etag === seen?.etag && now?.version_id === seen?.version_id;
}

/** Failures that may come of bytes that the store keeps out of reach. */
const UNREAD: readonly FailureKind[] = ["source_refused", "handler_failed", "bad_media"];

/** The failure, or that the object is archived, where a handler could not read its bytes for that. */
async function orArchived(failure: Failure, { event }: Job, { source }: RunDeps): Promise<Failure> {
  if (!UNREAD.includes(failure.kind)) return failure;
  // What failed is said all the same where the store does not answer.
  const place = await source.archivedIn(event.bucket, event.key).catch(() => null);
  if (place === null) return failure;
  return {
    kind: "object_archived",
    detail: `${event.bucket}/${event.key} is archived (${place}): its bytes cannot be read`,
    next: "restore it; the event of its restoration runs again what takes events of type restored",
  };
}

/** By what the set is held: of what a handler was shown, where one ran. */
async function lineageOf(
  job: Job,
  seen: Observed | null,
  { hold }: Decision,
  deps: RunDeps,
): Promise<SetLineage> {
  const { event } = job;
  return {
    event_id: event.id,
    run_id: job.run_id,
    version: deps.version,
    commit: deps.commit,
    etag: seen?.etag ?? null,
    version_id: seen?.version_id ?? versionTold(event),
    size: seen?.size ?? null,
    event_time: event.time,
    stored_at: new Date(deps.now()).toISOString(),
    ...(seen && hold === "items" && { view: await shownOf(event, seen) }),
    hops: hopsOf(event, seen, deps.hops) + 1,
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
