// Shapes of the answers of how things are: where an object is, and the overview.
import { z } from "@hono/zod-openapi";
import { LOCATED_STATES } from "../../query/located.ts";
import { EVENT_TYPES, SENDERS } from "../../shapes/event.ts";
import {
  causeSchema,
  clausesSchema,
  moment,
  objectSchema,
  orNull,
  runSchema,
  verdictSchema,
} from "../read/answers.ts";

const pipelineStepSchema = z
  .object({
    alias: z.string(),
    matched: z
      .boolean()
      .openapi({ description: "Whether the event runs it; if not, a run is of what it had of the object" }),
    verdict: orNull(verdictSchema).openapi({ description: "null where its filter was not asked" }),
    reason: z.string(),
    clauses: clausesSchema,
    run: orNull(runSchema),
    findable_at: moment.openapi({ description: "Since when a search finds the items of this run" }),
  })
  .openapi("PipelineStep");

export const locatedObjectSchema = objectSchema
  .extend({
    state: z.enum(LOCATED_STATES).openapi({ description: "Of all its pipelines the most pressing" }),
    says: z.string().openapi({ description: "The state in a sentence" }),
    event: orNull(
      z
        .object({
          id: z.string(),
          sender: z.enum(SENDERS),
          type: z.enum(EVENT_TYPES),
          operation: z.string(),
          time: z.string().openapi({ format: "date-time" }),
          received_at: z.string().openapi({ format: "date-time" }),
          size: z.number().nullable(),
          etag: z.string().nullable(),
          matched: z.array(z.string()),
          refused_count: z.number(),
        })
        .openapi("LocatedEvent"),
    ).openapi({
      description: "Its newest event, or the one that was asked for; null where it was not looked up",
    }),
    pipelines: z.array(pipelineStepSchema),
    stored: z.array(
      z.object({
        alias: z.string(),
        items: z.number().nullable().openapi({ description: "null: a run ended without saying" }),
        version: z.string().nullable(),
        run_id: z.string(),
        stale: z.boolean(),
        stored_at: moment,
      }),
    ),
    timeline: z.array(z.object({ at: z.string(), step: z.string(), text: z.string() })),
  })
  .openapi("LocatedObject");

export const locateSchema = z
  .object({
    found: z
      .object({
        kind: z.enum(["key", "prefix", "event", "run", "item", "replay", "nothing"]),
        id: z.string().nullable(),
        collection: z.string().nullable(),
      })
      .openapi({ description: "What the words turned out to be" }),
    data: z.array(locatedObjectSchema),
    more: z.boolean().openapi({ description: "There are more objects than these" }),
  })
  .openapi("Located");

const perPoint = z.array(z.number());
const perPointOrNone = z.array(z.number().nullable());

const figures = {
  open: z
    .object({ pending: z.number(), queued: z.number(), running: z.number(), failed: z.number() })
    .openapi({
      description: "Runs that have not ended, now; failed ones will be tried again",
    }),
  oldest_open_at: moment,
  dead_letters: z.number().openapi({ description: "That wait for somebody, now" }),
  ended: z
    .object({ succeeded: z.number(), skipped: z.number(), dead: z.number(), cancelled: z.number() })
    .openapi({ description: "Runs that ended within the hours" }),
  latency: z.object({ p50_ms: z.number().nullable(), p95_ms: z.number().nullable() }).openapi({
    description:
      "From the event's own time to its items being stored, of runs of senders' events, to within a tenth; null where none stored any",
  }),
  cost_usd: z.number().openapi({ description: "Of runs that ended within the hours, by list prices" }),
};

export const overviewSchema = z
  .object({
    at: z.string().openapi({ format: "date-time" }),
    hours: z.number(),
    step_minutes: z.number(),
    now: z.object({
      events: z
        .number()
        .openapi({ description: "Of the hours, by their own time; about, where deliveries came twice" }),
      rejections: z.number(),
      paused: z.number(),
      ...figures,
    }),
    pipelines: z.array(
      z
        .object({
          ...{ alias: z.string(), version: z.string(), paused: z.boolean(), ...figures },
          ...{ objects: z.number(), items: z.number() },
        })
        .openapi("PipelineOverview"),
    ),
    series: z
      .object({
        at: z.array(z.string()).openapi({ description: "When each stretch begins" }),
        ...{ events: perPoint, rejections: perPoint, succeeded: perPoint, skipped: perPoint, dead: perPoint },
        ...{ cancelled: perPoint, p50_ms: perPointOrNone, p95_ms: perPointOrNone, cost_usd: perPoint },
      })
      .openapi("OverviewSeries"),
    failures: z
      .array(z.object({ kind: z.string(), runs: z.number() }))
      .openapi({ description: "Runs that ended dead within the hours, by kind of failure, most first" }),
    causes: z
      .array(causeSchema)
      .openapi({ description: "Dead letters that wait now, by cause, the ten most" }),
    index_lag: z.array(z.object({ collection: z.string(), seconds: z.number() })),
    storage: z.object({
      collections: z.array(z.object({ name: z.string(), objects: z.number(), items: z.number() })),
      databases: z
        .array(z.object({ connection: z.string(), bytes: z.number().nullable() }))
        .openapi({ description: "Databases of collections; null where one did not answer" }),
      ledger_bytes: z.number(),
      log_bytes: z.number().openapi({ description: "As of the log's last fold" }),
    }),
  })
  .openapi("Overview");
