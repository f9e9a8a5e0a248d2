// Shapes of the answers of how things are: where an object is.
import { z } from "@hono/zod-openapi";
import { LOCATED_STATES } from "../../query/located.ts";
import { EVENT_TYPES, SENDERS } from "../../shapes/event.ts";
import { clausesSchema, moment, objectSchema, orNull, runSchema, verdictSchema } from "../read/answers.ts";

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
