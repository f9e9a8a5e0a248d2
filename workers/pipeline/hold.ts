// Decides what the collection should hold of an object: its items, nothing, or whatever it holds already. The object as
// it is now decides; the event is only a hint. run.ts carries the decision out.
import {
  evaluate,
  explain,
  type Filter,
  namesEvent,
  reasonOf,
  stateView,
  viewOfPresent,
} from "../../src/match/index.ts";
import type { PipelineConfig } from "../../src/shapes/config.ts";
import type { Event } from "../../src/shapes/event.ts";
import { sha256Hex } from "../../src/shapes/hash.ts";
import type { Job } from "../../src/shapes/job.ts";
import type { Observed, Source } from "../../src/source/contract.ts";
import type { HeldBy } from "../../src/store/collections/contract.ts";
import type { Hops } from "../../src/store/collections/hops.ts";
import { HOPS, MAX_HOPS } from "../../src/store/collections/written.ts";

export type Decision = { hold: "items" } | { hold: "nothing" | "as it is"; reason: string };

export interface HoldDeps {
  config: PipelineConfig;
  filter: Filter;
  source: Source;
  version: string;
  hops: Hops;
}

/**
 * Decides by the object as `seen` and by what is `held` of it.
 *
 * - Gone: nothing, unless the pipeline keeps. Failing the filter whatever the event: nothing.
 * - Passing: its items, unless it is known that a handler would be shown what it was shown before.
 * - Refused for the event's sake alone: an object that has items is followed, so that they are always of the bytes
 *   that are there; one without items waits for an event that the filter takes.
 */
export async function decide(
  job: Job,
  seen: Observed | null,
  held: HeldBy | undefined,
  deps: HoldDeps,
): Promise<Decision> {
  if (!seen) {
    return deps.config.on_delete === "remove"
      ? { hold: "nothing", reason: "the object is gone" }
      : { hold: "as it is", reason: 'the object is gone; its items stay (on_delete is "keep")' };
  }
  if (job.cause === "invoked") return { hold: "items" };
  let view = viewOfPresent(job.event, seen);
  let verdict = evaluate(deps.filter, view);
  if (verdict === "unknown") {
    view = viewOfPresent(job.event, {
      ...seen,
      tags: await deps.source.tags(job.event.bucket, job.event.key),
    });
    verdict = evaluate(deps.filter, view);
  }
  const fits = verdict === true || evaluate(deps.filter, stateView(view)) !== false;
  // A replay is about the object, and has no event of its own that a filter could look at.
  if (job.cause === "replayed" && fits) verdict = true;
  // An object that a removal brought up was created by an event that does not come again: its operation is not known.
  if (job.event.type === "removed" && verdict === "unknown") verdict = true;
  const why = () => reasonOf(explain(deps.filter, view));
  if (!fits) return { hold: "nothing", reason: `the object does not pass the filter: ${why()}` };
  const isHeld = await holds(held, job.event, seen);
  const isFollowed = held !== undefined && held.items > 0 && !isHeld;
  if (verdict !== true && !isFollowed)
    return { hold: "as it is", reason: `the event does not pass the filter: ${why()}` };
  const isDue =
    !isHeld || held?.version !== deps.version || isRequested(job) || namesEvent(deps.filter, view);
  if (!isDue) return { hold: "as it is", reason: UNCHANGED };
  const hops = hopsOf(job.event, seen, deps.hops);
  return hops < MAX_HOPS ? { hold: "items" } : { hold: "as it is", reason: loopReason(hops) };
}

const UNCHANGED =
  "nothing changed that a handler sees: the items held are of these bytes and metadata, by this version of the pipeline";

/** Whether the job runs its handler whatever is held: for a write, a replay and a redrive. */
const isRequested = ({ event, cause, forgiven = 0 }: Job) =>
  event.type === "created" || cause === "replayed" || forgiven > 0;

/** Whether a handler run now would be shown exactly what the run that stored the set was shown. */
async function holds(held: HeldBy | undefined, event: Event, seen: Observed): Promise<boolean> {
  if (held?.view === undefined || !isOf(held, seen) || mayBeTorn(held, event)) return false;
  return held.view === (await shownOf(event, seen));
}

/** Most that the clocks of a store and of ours are apart; EventBridge also cuts its times to the second. */
const CLOCKS_APART_MS = 5_000;

/**
 * Whether the event changed the bytes before the set was stored. The run that stored it may have read what was there
 * only for a moment: it looked at A, read B, and looked at A again, which a write or the removal of a version brought
 * back. What comes later cannot have been read by it.
 */
const mayBeTorn = ({ stored_at }: HeldBy, { type, time }: Event): boolean =>
  (type === "created" || type === "removed") && Date.parse(time) < Date.parse(stored_at) + CLOCKS_APART_MS;

/** Whether the set is of the very bytes that the object has now. */
export const isOf = (held: HeldBy, seen: Observed): boolean =>
  held.etag === seen.etag && (seen.version_id === null || held.version_id === seen.version_id);

/** The version of the object that the event names; null for a removal, which names the version that went. */
export const versionNamed = ({ type, version_id }: Event): string | null =>
  type === "removed" ? null : (version_id ?? null);

/** Hash of what a handler is shown of an object beside its bytes; tags count only as the event has them. */
export async function shownOf(event: Event, { content_type, metadata }: Observed): Promise<string> {
  const sorted = (pairs: Record<string, string> | undefined) => pairs && Object.entries(pairs).sort();
  const tags = event.type === "removed" ? undefined : event.tags;
  const shown = [content_type, sorted(metadata), sorted(tags) ?? null];
  return sha256Hex(JSON.stringify(shown)).slice(0, 16);
}

/** The event as a handler is shown it: with the object's facts of now, not those of the event's time. */
export function shownEvent(event: Event, { etag, size, metadata, version_id }: Observed): Event {
  const now = { ...event, etag, size, metadata };
  if (event.type !== "removed") return now;
  // A removal brought up the object that is there now; the event's version and tags are not that object's.
  const { version_id: _, tags: __, ...rest } = now;
  return { ...rest, type: "created", ...(version_id !== null && { version_id }) };
}

/** Number of pipelines that the object has come through. */
export const hopsOf = (event: Event, seen: Observed | null, hops: Hops) =>
  Math.max(event.hops, hops.proven(event, seen?.metadata ?? {}));

const loopReason = (hops: number) =>
  `loop: the object has come through ${hops} pipelines (its metadata ${HOPS}), and ${MAX_HOPS} are the most; ` +
  "`weir validate` names the loop, docs/filters.md says how to break it";
