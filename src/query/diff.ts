// Compares a changed filter with the deployed one: each object's newest recorded event is judged by both, with what was
// known of the object then. Nothing runs.
import { z } from "zod";
import type { RegisteredPipeline } from "../dispatch/pipelines.ts";
import {
  compileFilter,
  evaluate,
  explain,
  type Filter,
  type FilterSize,
  type FilterVerdict,
  maxSteps,
  reasonOf,
  sizeOf,
  viewOf,
  viewOfPresent,
} from "../match/index.ts";
import { filtersSchema } from "../shapes/config.ts";
import { FailureError } from "../shapes/failure.ts";
import { sha256Hex } from "../shapes/hash.ts";
import type { SetKey } from "../shapes/item.ts";
import { SPAN_EXPECTED, spanMs } from "../shapes/time-span.ts";
import type { Collection } from "../store/collections/open.ts";
import type { LogEntry } from "../store/log/contract.ts";
import type { EventStores } from "../store/stores.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import { compileRequested } from "./filters.ts";

export const diffSchema = z.strictObject({
  alias: z.string().max(300),
  /** The changed `source.filters`. */
  filters: filtersSchema,
  /** How far back: a time, or a span before now (`7d`, `12h`, `30m`). */
  since: z.string().max(40).default("7d"),
  cursor: z.string().max(4000).optional(),
});
export type DiffBody = z.infer<typeof diffSchema>;

export interface Sample {
  bucket: string;
  key: string;
  event_id: string;
  /** Why the changed filter does not pass it, or is not decided. */
  reason: string;
}
export type FilterChange = "gained" | "lost" | "undecided";

const BATCH_OBJECTS = 1000;
/** Batches of one answer at most: 5,000 objects are judged well within a Worker's time; a cursor leads to the rest. */
const MAX_BATCHES = 5;
/** Steps of one answer, about, of a few nanoseconds each: a costly filter judges fewer objects per answer. */
const MAX_STEPS = 60_000_000;
/** Length of most events as JSON, characters: it sizes the first batch. */
const EVENT_CHARS = 1_000;
const MIN_BATCH_OBJECTS = 10;
const MAX_SAMPLES = 10;

export interface DiffDeps {
  pipeline: RegisteredPipeline;
  collection: Collection;
  stores: EventStores;
  now: number;
}

/**
 * Counts of one stretch of objects, each by its newest event; `next` is the cursor of the stretch after it.
 *
 * @throws FailureError `invalid` for a filter, a time or a cursor that is not one
 */
export async function diffFilters(request: DiffBody, { pipeline, collection, stores, now }: DiffDeps) {
  const { alias, config, version } = pipeline;
  const filters = { before: compileFilter(config.source.filters), after: compileRequested(request.filters) };
  const list = `diff ${alias} ${version} ${sha256Hex(JSON.stringify(request.filters)).slice(0, 16)}`;
  const from = decodeCursor(list, request.cursor, 2);
  // Up to the moment of the first page, so that events which come later move no page.
  const period = from
    ? periodOf(String(from[1]))
    : { since: sinceOf(request.since, now), until: iso(now + 1) };
  let at = from && String(from[0]);
  const tally = new Tally(alias, filters);
  const affordable = Math.floor(MAX_STEPS / tally.stepsFor(EVENT_CHARS));
  const limit = Math.min(BATCH_OBJECTS, Math.max(MIN_BATCH_OBJECTS, affordable));
  for (
    let batch = 0;
    batch < MAX_BATCHES && (batch === 0 || at !== undefined) && tally.steps < MAX_STEPS;
    batch++
  ) {
    const range = { since: Date.parse(period.since), until: Date.parse(period.until) };
    const connection = config.source.connection_id;
    const page = await stores.log.walkObjects({ connection, without: "invoke", ...range }, at, limit);
    for (const entry of page.entries) tally.add(entry);
    at = page.next;
  }
  const held = await collection.describe(tally.lost);
  const next = at === undefined ? undefined : encodeCursor(list, [at, `${period.since}/${period.until}`]);
  return {
    alias,
    version,
    since: period.since,
    ...tally.counts,
    samples: tally.samples,
    items_of_lost: held.reduce((sum, set) => sum + (set?.items ?? 0), 0),
    ...(next !== undefined && { next }),
  };
}

class Tally {
  readonly counts = { objects: 0, gained: 0, lost: 0, unchanged: 0, undecided: 0, passing: 0 };
  readonly samples: Record<FilterChange, Sample[]> = { gained: [], lost: [], undecided: [] };
  readonly lost: SetKey[] = [];
  readonly #alias: string;
  readonly #filters: { before: Filter; after: Filter };
  readonly #sizes: FilterSize[];
  /** Steps that judging has taken at most. */
  steps = 0;

  constructor(alias: string, filters: { before: Filter; after: Filter }) {
    this.#alias = alias;
    this.#filters = filters;
    this.#sizes = [sizeOf(filters.before), sizeOf(filters.after)];
  }

  /** Steps that an event of so many characters takes at most. */
  stepsFor(chars: number): number {
    return this.#sizes.reduce((sum, size) => sum + maxSteps(size, chars), 1);
  }

  add({ event, outcome }: LogEntry) {
    this.steps += this.stepsFor(JSON.stringify([event, outcome.object]).length);
    const view = outcome.object ? viewOfPresent(event, outcome.object) : viewOf(event);
    // A removed object passes no filter, neither before nor after, unless one was there again.
    const isThere = event.type !== "removed" || outcome.object !== undefined;
    const before = isThere && evaluate(this.#filters.before, view);
    const after = isThere && evaluate(this.#filters.after, view);
    this.counts.objects++;
    if (after === true) this.counts.passing++;
    const change = changeOf(before, after);
    this.counts[change]++;
    if (change === "unchanged") return;
    const { connection, bucket, key } = event;
    if (change === "lost") this.lost.push({ alias: this.#alias, connection, bucket, key });
    if (this.samples[change].length >= MAX_SAMPLES) return;
    const unclear = before === "unknown" ? this.#filters.before : this.#filters.after;
    const reason = reasonOf(explain(unclear, view));
    this.samples[change].push({ bucket, key, event_id: event.id, reason });
  }
}

function changeOf(before: FilterVerdict, after: FilterVerdict): FilterChange | "unchanged" {
  if (before === "unknown" || after === "unknown") return "undecided";
  if (before === after) return "unchanged";
  return after ? "gained" : "lost";
}

const iso = (ms: number) => new Date(ms).toISOString();

function sinceOf(text: string, now: number): string {
  const span = spanMs(text);
  const ms = span === undefined ? Date.parse(text) : now - span;
  if (Number.isFinite(ms) && ms >= 0) return iso(ms);
  throw new FailureError({
    kind: "invalid",
    detail: `"${text}" is neither a time nor a span`,
    where: "since",
    expected: `${SPAN_EXPECTED}, or a time such as 2026-11-23T00:00:00Z`,
  });
}

function periodOf(text: string): { since: string; until: string } {
  const [since = "", until = ""] = text.split("/");
  return { since, until };
}
