// What the collection should hold of an object: its items, nothing, or what is there. By what the object is now;
// the event that told of it is only a hint. run.ts asks and carries it out.
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
import type { Job } from "../../src/shapes/job.ts";
import type { Observed, Source } from "../../src/source/contract.ts";
import type { HeldBy } from "../../src/store/collections/contract.ts";
import type { Hops } from "../../src/store/collections/hops.ts";
import { HOPS, MAX_HOPS } from "../../src/store/collections/written.ts";
import { sha256Hex } from "../../src/store/hash.ts";

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
  // A replay tells of the object, and has no event of its own that a filter could ask of.
  if (job.cause === "replayed" && fits) verdict = true;
  // What a removal brought up was created by an event that nobody told again: its operation cannot be asked of.
  if (job.event.type === "removed" && verdict === "unknown") verdict = true;
  const why = () => reasonOf(explain(deps.filter, view));
  if (!fits) return { hold: "nothing", reason: `the object does not pass the filter: ${why()}` };
  const isHeld = await holds(held, job.event, seen);
  const isFollowed = held !== undefined && held.items > 0 && !isHeld;
  if (verdict !== true && !isFollowed)
    return { hold: "as it is", reason: `the event does not pass the filter: ${why()}` };
  const isDue = !isHeld || held?.version !== deps.version || isAsked(job) || namesEvent(deps.filter, view);
  if (!isDue) return { hold: "as it is", reason: UNCHANGED };
  const hops = hopsOf(job.event, seen, deps.hops);
  return hops < MAX_HOPS ? { hold: "items" } : { hold: "as it is", reason: loopReason(hops) };
}

const UNCHANGED =
  "nothing changed that a handler sees: the items held are of these bytes and metadata, by this version of the pipeline";

/** Whether the job runs its handler whatever is held: a write is news, and so is what a person asks for. */
const isAsked = ({ event, cause, forgiven = 0 }: Job) =>
  event.type === "created" || cause === "replayed" || forgiven > 0;

/** Whether the set was made by a handler that was shown what it would be shown now. */
async function holds(held: HeldBy | undefined, event: Event, seen: Observed): Promise<boolean> {
  return held?.view !== undefined && isOf(held, seen) && held.view === (await shownOf(event, seen));
}

/** Whether the set is of the very bytes that are there. */
export const isOf = (held: HeldBy, seen: Observed): boolean =>
  held.etag === seen.etag && (seen.version_id === null || held.version_id === seen.version_id);

/** The version that the event names of its object; a removal names what went. */
export const versionTold = ({ type, version_id }: Event): string | null =>
  type === "removed" ? null : (version_id ?? null);

/** A hash of what a handler is shown of an object beside its bytes; of tags, only what the event says. */
export async function shownOf(event: Event, { content_type, metadata }: Observed): Promise<string> {
  const sorted = (pairs: Record<string, string> | undefined) => pairs && Object.entries(pairs).sort();
  const tags = event.type === "removed" ? undefined : event.tags;
  const shown = [content_type, sorted(metadata), sorted(tags) ?? null];
  return (await sha256Hex(JSON.stringify(shown))).slice(0, 16);
}

/** The event as a handler is shown it: of the object, what is there now, not what the event remembers. */
export function shownEvent(event: Event, { etag, size, metadata, version_id }: Observed): Event {
  const now = { ...event, etag, size, metadata };
  if (event.type !== "removed") return now;
  // What went has told of what is there; its version and tags are not the object's.
  const { version_id: _, tags: __, ...rest } = now;
  return { ...rest, type: "created", ...(version_id !== null && { version_id }) };
}

/** Through how many pipelines the object has come. */
export const hopsOf = (event: Event, seen: Observed | null, hops: Hops) =>
  Math.max(event.hops, hops.proven(event, seen?.metadata ?? {}));

const loopReason = (hops: number) =>
  `loop: the object has come through ${hops} pipelines (its metadata ${HOPS}), and ${MAX_HOPS} are the most; ` +
  "`weir validate` names the loop, docs/filters.md says how to break it";
