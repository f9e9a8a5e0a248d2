// Tries a filter on an event that the caller brings, or on a recorded one. Nothing runs, nothing is looked up. `weir
// filter test` uses the same functions without a network.
import { z } from "zod";
import { type Pipelines, pipelineByAlias } from "../dispatch/pipelines.ts";
import {
  compileFilter,
  type Explanation,
  explain,
  type Filter,
  FilterError,
  lintFilter,
  maxSteps,
  type ObjectAttributes,
  reasonOf,
  sizeOf,
  viewOf,
  type Warning,
} from "../match/index.ts";
import { filtersSchema } from "../shapes/config.ts";
import { type Event, eventSchema } from "../shapes/event.ts";
import { type Failure, FailureError, notFound } from "../shapes/failure.ts";
import type { EventStores } from "../store/stores.ts";
import { getEvent } from "./ledger.ts";

/** The parts of an event that a caller may bring. Attributes left out are unknown, as for a real event. */
export const broughtSchema = eventSchema
  .omit({ id: true, identities: true, hops: true, received_at: true })
  .partial()
  .strict();

/** One of `filter` and `alias`, and an event or a recorded event's id. */
export const testSchema = z
  .strictObject({
    filter: filtersSchema.optional(),
    alias: z.string().max(300).optional(),
    event: z.union([z.string().max(300), broughtSchema]),
  })
  .refine((body) => (body.filter === undefined) !== (body.alias === undefined), {
    error: "expected either `filter` or `alias`",
  });

/** Steps that trying a filter may take, of a few nanoseconds each. */
const MAX_STEPS = 20_000_000;

export type FilterTrial = Explanation & { reason: string; warnings: Warning[] };

/** A filter's verdict on an event, explained, with warnings about the filter. @throws FilterError */
export function testFilter(written: unknown, event: Event, object?: ObjectAttributes): FilterTrial {
  const explanation = explain(compileFilter(written), viewOf(event, object));
  return { ...explanation, reason: reasonOf(explanation), warnings: lintFilter(written) };
}

/** A whole event from the parts that the caller brought. */
export const broughtEvent = (part: z.infer<typeof broughtSchema>, connection: string): Event =>
  eventSchema.parse({
    id: "evt_brought",
    connection,
    sender: "invoke",
    type: "created",
    operation: "ObjectCreated:Put",
    bucket: "",
    key: "",
    time: EPOCH,
    received_at: EPOCH,
    ...part,
  });

const EPOCH = "1970-01-01T00:00:00.000Z";

/**
 * Answers `POST /v1/filters/test`: an alias means the deployed filter; a recorded event comes with what was
 * looked up for it then.
 *
 * @throws FailureError `not_found`, or `invalid` for a filter that does not compile
 */
export async function answerFilterTest(
  { filter, alias, event }: z.infer<typeof testSchema>,
  pipelines: Pipelines,
  stores: EventStores,
): Promise<FilterTrial> {
  const source = alias === undefined ? undefined : pipelineByAlias(alias, pipelines).config.source;
  const written = source ? source.filters : filter;
  const size = sizeOf(compileRequested(written));
  const test = (event: Event, object?: ObjectAttributes) => {
    if (maxSteps(size, JSON.stringify([event, object]).length) > MAX_STEPS) throw new FailureError(TOO_MUCH);
    return withProblems(() => testFilter(written, event, object));
  };
  if (typeof event !== "string") return test(broughtEvent(event, source?.connection_id ?? "none"));
  const recorded = await getEvent(stores, event);
  if (recorded) return test({ ...recorded, identities: [] }, recorded.outcome.object);
  throw notFound(`event ${event.slice(0, 120)}`);
}

const TOO_MUCH: Failure = {
  kind: "invalid",
  detail: "The filter and the event together are more than can be tried in one request.",
  where: "event",
  expected: "fewer globs, wildcards and conditions on the payload, or an event with less in it",
  next: "weir filter test tries them on your machine; bounds are in docs/filters.md",
};

/** Compiles a filter that came over HTTP. @throws FailureError `invalid`, with the place and a guess */
export const compileRequested = (written: unknown): Filter => withProblems(() => compileFilter(written));

function withProblems<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof FilterError) throw new FailureError(problemOf(error));
    throw error;
  }
}

function problemOf({ message, path, expected, suggestion }: FilterError): Failure {
  return {
    kind: "invalid",
    detail: message,
    where: path === "" ? "filter" : `filter.${path}`,
    expected,
    next: suggestion === undefined ? "the language is docs/filters.md" : `did you mean ${suggestion}?`,
  };
}
