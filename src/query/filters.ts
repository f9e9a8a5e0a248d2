// Trying a filter: on an event that somebody brings, or on one that is on record. Nothing runs, nothing is
// looked up. `weir filter test` uses the same functions without a network.
import { z } from "zod";
import type { Pipelines } from "../dispatch/pipelines.ts";
import type { Books } from "../env.ts";
import {
  compileFilter,
  type Explanation,
  explain,
  type Filter,
  FilterError,
  lintFilter,
  type ObjectAttributes,
  reasonOf,
  viewOf,
  type Warning,
} from "../match/index.ts";
import { type Event, eventSchema } from "../shapes/event.ts";
import { type Failure, FailureError } from "../shapes/failure.ts";
import { getEvent } from "./ledger.ts";
import { named } from "./pipelines.ts";

/** The part of an event that matters here. What it does not say is not known, as for a real event. */
export const broughtSchema = eventSchema
  .omit({ id: true, identities: true, hops: true, received_at: true })
  .partial()
  .strict();

export const filtersSchema = z.record(z.string(), z.unknown());

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

export type Tested = Explanation & { reason: string; warnings: Warning[] };

/** What a filter says of an event, and what is doubtful about the filter. @throws FilterError */
export function testFilter(written: unknown, event: Event, object?: ObjectAttributes): Tested {
  const explanation = explain(compileFilter(written), viewOf(event, object));
  return { ...explanation, reason: reasonOf(explanation), warnings: lintFilter(written) };
}

/** A whole event around the part that was brought. */
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
export async function testAsked(
  { filter, alias, event }: z.infer<typeof testSchema>,
  pipelines: Pipelines,
  books: Books,
): Promise<Tested> {
  const source = alias === undefined ? undefined : named(alias, pipelines).config.source;
  const written = source ? source.filters : filter;
  compiled(written);
  if (typeof event !== "string")
    return testFilter(written, broughtEvent(event, source?.connection_id ?? "none"));
  const recorded = await getEvent(books, event);
  if (recorded) return testFilter(written, { ...recorded, identities: [] }, recorded.outcome.object);
  throw new FailureError({ kind: "not_found", detail: `there is no event ${event.slice(0, 120)}` });
}

/** Compiles a filter that came over HTTP. @throws FailureError `invalid`, with the place and a guess */
export function compiled(written: unknown): Filter {
  try {
    return compileFilter(written);
  } catch (error) {
    if (error instanceof FilterError) throw new FailureError(refusal(error));
    throw error;
  }
}

function refusal({ message, path, expected, suggestion }: FilterError): Failure {
  return {
    kind: "invalid",
    detail: message,
    where: path === "" ? "filter" : `filter.${path}`,
    expected,
    next: suggestion === undefined ? "the language is docs/filters.md" : `did you mean ${suggestion}?`,
  };
}
