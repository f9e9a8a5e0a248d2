// Shapes of the answers to reads, as /openapi.json documents them and the compiler checks them.
import { z } from "@hono/zod-openapi";
import { pipelineConfigSchema } from "../../shapes/config.ts";
import { eventSchema } from "../../shapes/event.ts";
import { measuresSchema } from "../../shapes/measures.ts";
import { runStatusSchema } from "../../shapes/run.ts";

export const failureSchema = z
  .object({
    kind: z.string(),
    detail: z.string(),
    where: z.string().optional(),
    expected: z.string().optional(),
    next: z.string().optional(),
    retry_after_seconds: z.number().optional(),
  })
  .openapi("Failure");
export const moment = z.string().nullable().openapi({ format: "date-time" });
export const objectSchema = z
  .object({ connection: z.string(), bucket: z.string(), key: z.string() })
  .openapi("ObjectName");

/** A named schema or null: `nullable` would describe it as one that is both. */
export const orNull = <T extends z.ZodType>(schema: T) => z.union([schema, z.null()]);

const figure = z.object({ mean: z.number(), low: z.number(), high: z.number() }).openapi("Estimated");
/** What runs are likely to use and to cost. */
export const costSchema = orNull(
  z
    .object({
      ...{ usd: figure, container_seconds: figure, rows_written: figure, rows_read: figure },
      ...{ requests: figure, tokens: figure },
    })
    .openapi("CostEstimate"),
).openapi({ description: "As runs of the last 30 days used and cost; null where none was measured" });

export const pageOf = <T extends z.ZodType>(data: T) =>
  z.object({ data: z.array(data), next: z.string().optional() });

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number(),
    detail: z.string(),
    where: z.string().optional(),
    expected: z.string().optional(),
    next: z.string().optional(),
  })
  .openapi("Problem");

const sourceProblemSchema = z
  .object({
    file: z.string(),
    line: z.number(),
    column: z.number(),
    problem: z.string(),
    next: z.string().optional(),
  })
  .openapi("SourceProblem");

export const pipelineSchema = z
  .object({
    alias: z.string(),
    version: z.string(),
    config: pipelineConfigSchema,
    problems: z.array(sourceProblemSchema).optional().openapi({
      description:
        "In local work: what keeps its files as they are now from running, while `version` runs on; absent where they run",
    }),
    paused: z
      .object({ reason: z.string(), at: z.string().openapi({ format: "date-time" }) })
      .nullable()
      .openapi({ description: "Since when its events wait, and why; null where it runs" }),
    cost: z
      .object({
        runs: z.number(),
        usd: z.number(),
        usd_today: z
          .number()
          .nullable()
          .openapi({ description: "Of a pipeline with a budget: spent today (UTC)" }),
        measures: measuresSchema,
      })
      .openapi({ description: "What was counted of its runs, ever, and what that costs by list prices" }),
  })
  .openapi("Pipeline");

export const eventAnswerSchema = eventSchema
  .omit({ identities: true })
  .extend({
    outcome: z.object({
      matched: z.array(z.string()),
      refused: z.array(z.object({ alias: z.string(), reason: z.string() })),
      refused_count: z.number(),
      object: z
        .object({
          size: z.number().optional(),
          etag: z.string().optional(),
          content_type: z.string().nullable().optional(),
          metadata: z.record(z.string(), z.string()).optional(),
          tags: z.record(z.string(), z.string()).optional(),
        })
        .optional()
        .openapi({ description: "What the look-up at the object found, where the outcome hung on one" }),
      unseen: z.string().optional(),
      deployment: z.string().optional(),
    }),
  })
  .openapi("Event");

export const runSchema = z
  .object({
    id: z.string(),
    event_id: z.string(),
    alias: z.string(),
    cause: z.string(),
    object: objectSchema.extend({ etag: z.string().nullable() }),
    status: runStatusSchema,
    attempt: z.number(),
    version: z.string().nullable(),
    commit: z.string().nullable(),
    items: z.number().nullable(),
    reason: z.string().nullable(),
    failure: orNull(failureSchema),
    log: z.array(z.string()),
    embeddings: z
      .object({ asked: z.number(), known: z.number() })
      .nullable()
      .openapi({ description: "Of the last attempt: what it asked for, and what was known from before" }),
    measures: measuresSchema
      .optional()
      .openapi({ description: "What all of its attempts have used; absent where nothing was counted" }),
    replay_id: z.string().nullable(),
    created_at: moment,
    started_at: moment,
    ended_at: moment,
  })
  .openapi("Run");

export const runsSchema = pageOf(runSchema).openapi("Runs");

export const verdictSchema = z.union([z.boolean(), z.literal("unknown")]).openapi("Verdict");
export const clausesSchema = z
  .array(
    z.object({
      branch: z.number(),
      path: z.string(),
      expected: z.any(),
      actual: z.any().optional(),
      source: z.enum(["event", "object", "absent", "unknown"]),
      verdict: verdictSchema,
    }),
  )
  .openapi("Clauses");

export const whySchema = z
  .object({
    event_id: z.string(),
    alias: z.string(),
    version: z.string().nullable().openapi({ description: "The pipeline's version when the event came" }),
    filter: z.record(z.string(), z.any()).nullable(),
    verdict: orNull(verdictSchema).openapi({ description: "null where no filter was asked" }),
    reason: z.string(),
    clauses: clausesSchema,
    note: z.string().optional(),
    runs: z.array(runSchema),
  })
  .openapi("Why");

export const testedSchema = z
  .object({
    verdict: verdictSchema,
    reason: z.string(),
    clauses: clausesSchema,
    branches: z.array(verdictSchema),
    note: z.string().optional(),
    warnings: z.array(z.object({ path: z.string(), message: z.string(), suggestion: z.string().optional() })),
  })
  .openapi("Tested");

const samplesSchema = z
  .array(z.object({ bucket: z.string(), key: z.string(), event_id: z.string(), reason: z.string() }))
  .openapi("Samples");
export const diffAnswerSchema = z
  .object({
    alias: z.string(),
    version: z.string().openapi({ description: "The deployed version that is compared with" }),
    since: z.string().openapi({ format: "date-time" }),
    objects: z.number(),
    gained: z.number(),
    lost: z.number(),
    unchanged: z.number(),
    undecided: z.number().openapi({ description: "Hangs on what was not looked up when the event came" }),
    passing: z.number().openapi({ description: "Objects that the changed filter passes" }),
    samples: z.object({ gained: samplesSchema, lost: samplesSchema, undecided: samplesSchema }),
    items_of_lost: z.number(),
    next: z.string().optional(),
  })
  .openapi("FilterDiff");

const stepSchema = z
  .object({
    name: z.string(),
    at: z.string().openapi({ format: "date-time" }),
    seconds: z.number(),
    bytes: z.number().optional().openapi({ description: "That came of it" }),
    cached: z.number().optional().openapi({ description: "Results that were known from before" }),
    detail: z.string().optional(),
  })
  .openapi("RunStep");
const logLineSchema = z
  .object({ at: z.string(), level: z.enum(["info", "error"]), text: z.string() })
  .openapi("LogLine");

export const runWithHistorySchema = runSchema
  .extend({
    history: z.array(
      z.object({ at: moment, status: runStatusSchema, attempt: z.number(), cause: z.string().nullable() }),
    ),
    steps: z.array(stepSchema).openapi({
      description: "From the event to the index, of the last attempt; a step may lie within another",
    }),
    logs: z
      .array(logLineSchema)
      .openapi({ description: "The log's last lines with their times, then the failure" }),
  })
  .openapi("RunWithHistory");

export const deadLetterSchema = z
  .object({
    run_id: z.string(),
    alias: z.string(),
    event_id: z.string(),
    object: objectSchema,
    cause: z.string(),
    event: eventSchema.omit({ identities: true }).openapi({ description: "What the pipeline was given" }),
    failure: failureSchema,
    attempts: z.number(),
    at: moment,
  })
  .openapi("DeadLetter");
export const deadLetterInFullSchema = deadLetterSchema
  .extend({
    history: runWithHistorySchema.shape.history,
  })
  .openapi("DeadLetterInFull");
export const causeSchema = z
  .object({
    alias: z.string(),
    kind: z.string(),
    detail: z.string(),
    count: z.number(),
    newest: moment,
    run_id: z.string().openapi({ description: "The newest of them, to look at" }),
  })
  .openapi("Cause");

export const rejectionSchema = z
  .object({
    connection: z.string(),
    scheme: z.string(),
    failure: failureSchema,
    raw: z.string().optional(),
    count: z.number(),
    at: moment,
  })
  .openapi("Rejection");

export const invocationSchema = z
  .object({
    status: z.string(),
    run_id: z.string(),
    processed_data: z.array(z.any()),
    error_details: orNull(failureSchema),
  })
  .openapi("Invocation");
