// One attempt at one job, the spine of a pipeline Worker:
//   observe the object → decide what the collection should hold (hold.ts) → handle → check that the object is still the
//   one observed → replace the set under the fence → check once more.
// An event is only a hint: the object as it is now counts. Free of queues and RPC, which doors.ts has.
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
import type { SearchIndex } from "../../src/store/index/contract.ts";
import { withinRun } from "./context.ts";
import { asFailure } from "./failure.ts";
import type { Hide } from "./hidden.ts";
import { type Decision, decide, hopsOf, isOf, shownEvent, shownOf, versionNamed } from "./hold.ts";
import { bringAgain, bringStored, storeItems } from "./indexing.ts";
import { collectItems } from "./items.ts";
import { addLine } from "./log-lines.ts";
import { step } from "./meter.ts";
import type { RunOutcome } from "./outcome.ts";
import { withPayload } from "./payload.ts";
import type { Handler, Pipeline } from "./sdk.ts";
import { openWeir, type WeirDeps } from "./weir.ts";

export interface RunDeps extends WeirDeps {
  pipeline: Pipeline;
  filter: Filter;
  collection: Collection;
  /** The collection's search index; undefined where it has none. */
  index?: SearchIndex | undefined;
  /** Proof of the number of pipelines that an object has come through. */
  hops: Hops;
  version: string;
  commit: string;
  /** Masks secrets in a run's log and failure. */
  hide: Hide;
  /** Hears of each handler before it is called; in local work only. */
  begins?: ((job: Job) => void) | undefined;
  /** Time of a batch, ms; default 13 minutes. */
  batchMs?: number;
  /** Aborted when the batch of the run has no time left. */
  batchOver?: AbortSignal;
}

/** Most looks at the object within one attempt, when it changes under the run. */
const MAX_ROUNDS = 3;
/** Interval of looks at whether a running handler's run was cancelled. */
export const CANCEL_MS = 5_000;

/** Compiles a pipeline's filter, once per Worker; `weir validate` has refused an invalid one. */
export const compiledFilter = (config: PipelineConfig) => compileFilter(config.source.filters);

export const setOf = ({ alias, event }: Pick<Job, "alias" | "event">): SetKey => {
  const { connection, bucket, key } = event;
  return { alias, connection, bucket, key };
};

/** Tries a job once. Never throws for an expected failure; `first` is the fence taken for the whole batch. */
export async function runJob(job: Job, first: Fence, deps: RunDeps): Promise<RunOutcome> {
  const embeddings = { asked: 0, known: 0 };
  const outcome = await attemptJob(job, first, { ...deps, embeddings });
  return embeddings.asked > 0 ? { ...outcome, embeddings } : outcome;
}

/** Dependencies with the counts of embeddings that the handler called for. */
type Counting = RunDeps & { embeddings: EmbeddingCounts };

async function attemptJob(job: Job, first: Fence, deps: Counting): Promise<RunOutcome> {
  const log: string[] = [];
  let etag: string | undefined;
  const again = async (fence: Fence) =>
    (await deps.collection.begin([{ ...setOf(job), run_id: job.run_id }]))[0] ?? fence;
  try {
    let fence = first;
    if (isCancelled(fence, job)) return { status: "failed", failure: CANCELLED, log };
    if (job.event.key === "") return await handlePayload(job, log, deps);
    for (let round = 1; round <= MAX_ROUNDS; round++) {
      if (isCancelled(fence, job)) return { status: "failed", failure: CANCELLED, log };
      const seen = await step("observed", () => deps.source.observe(job.event.bucket, job.event.key));
      etag = seen?.etag;
      const etagNow = seen ? { etag: seen.etag } : {};
      if (seen && holdsOwn(fence, job, seen)) {
        const { items, stored_at } = fence.held;
        const stored = { items, storedAt: Date.parse(stored_at), size: seen.size };
        if (deps.index) await bringAgain(deps.index, deps.collection, fence.set);
        return { status: "succeeded", reason: TWICE, ...stored, ...etagNow, log };
      }
      let decision = await decide(job, seen, fence.held, deps);
      if (decision.hold === "as it is")
        return { status: "skipped", reason: decision.reason, ...etagNow, log };
      let items = decision.hold === "nothing" ? [] : await handled(job, seen, log, deps).catch(asFailure);
      if (seen && !(await isStill(seen, job, deps))) {
        fence = await again(fence);
        continue;
      }
      if (!Array.isArray(items)) {
        const failure = seen ? await orArchived(items, job, deps) : items;
        const isStale = seen && fence.held && fence.held.items > 0 && !isOf(fence.held, seen);
        if (failure.kind !== "object_archived" || !isStale)
          return { status: "failed", failure, ...etagNow, log };
        decision = { hold: "nothing", reason: failure.detail.replace(/\.$/, "") };
        items = [];
      }
      const lineage = await lineageOf(job, seen, decision, deps);
      const replaced = await storeItems(deps.collection, fence, lineage, items);
      if (replaced === "cancelled") return { status: "failed", failure: CANCELLED, log };
      if (replaced === "stored") {
        const { set, order } = fence;
        if (deps.index) await bringStored(deps.index, deps.collection, { set, order, lineage, items });
        // Another run that saw the object change meanwhile may have found nothing to do, as this was not stored yet.
        if (!(await isStill(seen, job, deps))) {
          fence = await again(fence);
          continue;
        }
        const stored = { storedAt: Date.parse(lineage.stored_at), ...(seen && { size: seen.size }) };
        return { ...conclude(job, decision, items), ...etagNow, ...stored, log };
      }
      fence = await again(fence);
      // Another delivery of this very run may have been the faster one: the next round sees it.
      if (replaced === "superseded" && fence.held?.run_id !== job.run_id)
        return { status: "failed", failure: SUPERSEDED, ...etagNow, log };
    }
    const detail = `${job.event.bucket}/${job.event.key} kept changing during the run.`;
    return { status: "failed", failure: { kind: "conflict", detail }, log };
  } catch (error) {
    return { status: "failed", failure: storeFailure(error), ...(etag !== undefined && { etag }), log };
  }
}

const SUPERSEDED: Failure = { kind: "superseded", detail: "A run that began later has stored its result." };
const TWICE = "delivered twice: the run had stored its result already";
const CANCELLED: Failure = { kind: "cancelled", detail: "The run was cancelled." };

/** Not the job's fault, so no attempt: in a batch of its own it has its full time. */
export const BATCH_OVER: Failure = {
  kind: "overloaded",
  detail: "The batch that the job came in had no time left for it.",
};
const NEVER = new AbortController().signal;

const isCancelled = ({ cancelled }: Fence, job: Job) => cancelled?.includes(job.run_id) ?? false;

/** Whether this very run stored the set, of the object as it is now: a message that came twice has nothing to do. */
function holdsOwn(
  fence: Fence,
  job: Job,
  seen: Observed,
): fence is Fence & { held: NonNullable<Fence["held"]> } {
  const { held } = fence;
  if (held?.run_id !== job.run_id || held.etag !== seen.etag) return false;
  return (seen.version_id ?? versionNamed(job.event)) === held.version_id;
}

const modelsOf = (items: NewItem[]): string[] =>
  [...new Set(items.flatMap(({ vectors }) => vectors.map(({ model }) => model)))]
    .filter((model) => model !== undefined)
    .sort();

/** Runs the handler of a job without an object: its items are answered, and no collection holds them. */
async function handlePayload(job: Job, log: string[], deps: Counting): Promise<RunOutcome> {
  const stored = await handled(job, undefined, log, deps).catch(asFailure);
  return Array.isArray(stored)
    ? { status: "succeeded", stored, models: modelsOf(stored), log }
    : { status: "failed", failure: stored, log };
}

const handled = (...given: Parameters<typeof handle>) =>
  step(
    "handled",
    () => handle(...given),
    ({ length }) => ({ detail: length === 1 ? "1 item" : `${length} items` }),
  );

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
  const batchOver = deps.batchOver ?? NEVER;
  const signal = AbortSignal.any([time, cancel.signal, batchOver]);
  const counts = deps.embeddings;
  const { weir, compute, settled } = openWeir(deps, setOf(job), seen, signal, counts);
  const note = (...parts: unknown[]) => addLine(log, parts.map(String).join(" "));
  const current = seen ? shownEvent(event, seen) : event;
  deps.begins?.(job);
  const work = withinRun({ compute, signal }, async () => {
    const whole = await withPayload(current, job, signal);
    return weirCallsHandler(deps.pipeline, job, whole, { weir, signal, log: note });
  }).finally(async () => {
    await settled();
    if (counts.known > 0) note(`${counts.known} of ${counts.asked} embeddings were known from before`);
  });
  // An error that the handler throws because it had to stop is no failure of its own.
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => {
      const detail = `The handler did not finish in ${deps.config.timeout_seconds} s.`;
      const late: Failure = {
        kind: "timeout",
        detail,
        next: "Raise timeout_seconds, or do less in one run.",
      };
      const why = cancel.signal.aborted ? CANCELLED : time.aborted ? late : BATCH_OVER;
      reject(new FailureError(why));
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
      // The next look comes soon, and the fence is looked at in the end.
      () => undefined,
    );
  }, CANCEL_MS);
}

/** Whether the object, or its absence, is still as it was observed. */
async function isStill(seen: Observed | null, { event }: Job, { source }: RunDeps): Promise<boolean> {
  const now = await step("observed again", () => source.observe(event.bucket, event.key));
  return now?.etag === seen?.etag && now?.version_id === seen?.version_id;
}

/** Failures that may have their cause in bytes that the store keeps out of reach. */
const UNREAD: readonly FailureKind[] = ["source_refused", "handler_failed", "bad_media"];

/** The failure; or `object_archived`, where the handler could not read the bytes because the object is archived. */
async function orArchived(failure: Failure, { event }: Job, { source }: RunDeps): Promise<Failure> {
  if (!UNREAD.includes(failure.kind)) return failure;
  // Where the store does not answer, the failure stays as it is.
  const place = await source.archivedIn(event.bucket, event.key).catch(() => null);
  if (place === null) return failure;
  return {
    kind: "object_archived",
    detail: `${event.bucket}/${event.key} is archived (${place}): its bytes cannot be read.`,
    next: "Restore it; the event of its restoration runs the pipelines again that take events of type restored.",
  };
}

/** Lineage of the set: object version, event, run, code, and a hash of what the handler was shown, where one ran. */
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
    version_id: seen?.version_id ?? versionNamed(event),
    size: seen?.size ?? null,
    event_time: event.time,
    stored_at: new Date(deps.now()).toISOString(),
    ...(seen && hold === "items" && { view: await shownOf(event, seen) }),
    hops: hopsOf(event, seen, deps.hops) + 1,
    ...(typeof seen?.content_type === "string" && { content_type: seen.content_type }),
    ...(seen && Object.keys(seen.metadata).length > 0 && { metadata: seen.metadata }),
  };
}

/** Outcome of an attempt whose set was replaced: by items, or by nothing. */
function conclude(
  job: Job,
  decision: Decision,
  stored: NewItem[],
): Omit<Extract<RunOutcome, { stored?: NewItem[] }>, "log"> {
  if (decision.hold === "items")
    return { status: "succeeded", items: stored.length, stored, models: modelsOf(stored) };
  const status = job.event.type === "removed" || job.cause === "tracked" ? "succeeded" : "skipped";
  return { status, reason: `${decision.reason}; no items are kept`, items: 0, models: [] };
}
