// Answers of the routes that operate Weir: replays with their plans, pauses, and what was archived and has expired.
import { z } from "@hono/zod-openapi";
import { selectionSchema } from "../../shapes/replay.ts";
import { retentionSchema } from "../../shapes/retention.ts";
import { indexStateSchema } from "../../shapes/search.ts";
import { costSchema, failureSchema, moment } from "../read/answers.ts";

const replacesSchema = z
  .object({ objects: z.number(), items: z.number() })
  .openapi({ description: "Objects that have items now, and those items: replaced, or removed" });
const secondsSchema = z
  .number()
  .nullable()
  .openapi({ description: "Wall time of the attempts, one after the other, as past runs took it" });
const takenAsSchema = z.enum(["selected", "missing", "out_of_date", "orphaned"]);

export const replayAnswerSchema = z
  .object({
    id: z.string(),
    status: z.enum(["active", "paused", "cancelled", "done"]),
    phase: z.enum(["planning", "running", "draining"]),
    request: z.object({
      select: selectionSchema,
      aliases: z.array(z.string()),
      filter: z.record(z.string(), z.any()).optional(),
      dry_run: z.boolean(),
      force: z.boolean().optional(),
      budget_usd: z.number().optional(),
    }),
    stopped: failureSchema
      .optional()
      .openapi({ description: "Why it was paused by itself: resume it once that is mended, or wanted" }),
    plan: z.object({
      objects: z.number(),
      bytes: z.number(),
      by_why: z.partialRecord(takenAsSchema, z.number()),
      passed_over: z.number(),
      sample: z.array(
        z.object({ alias: z.string(), bucket: z.string(), key: z.string(), why: takenAsSchema }),
      ),
      replaces: replacesSchema,
      seconds: secondsSchema,
      cost: costSchema,
      pipelines: z.record(
        z.string(),
        z.object({
          objects: z.number(),
          handled: z.number().openapi({ description: "Of those, how many its handler would run for" }),
          bytes: z.number(),
          replaces: replacesSchema,
          seconds: secondsSchema,
          basis: z.string().openapi({ description: "What `seconds` is taken from, or why it is null" }),
          cost: costSchema.optional(),
        }),
      ),
    }),
    spent_usd: z.number().openapi({ description: "What its runs have cost so far, by list prices" }),
    progress: z.object({
      planned: z.number().nullable(),
      enqueued: z.number(),
      open: z.number(),
      succeeded: z.number(),
      skipped: z.number(),
      dead: z.number(),
      cancelled: z.number(),
      per_second: z.number(),
      seconds_left: z.number().nullable(),
    }),
    created_at: moment,
    ended_at: moment,
  })
  .openapi("Replay");

export const pausedSchema = z
  .object({
    alias: z.string(),
    paused: z.boolean(),
    reason: z.string().nullable(),
  })
  .openapi("Paused");

export const ledgerSchema = z
  .object({
    shards: z.number().openapi({ description: "The number that this Worker was deployed for" }),
    announced: z.number().openapi({ description: "The number that the ledger has, or is to have" }),
    moving: z.boolean().openapi({ description: "Whether it is being raised" }),
    fullest_bytes: z.number(),
    limit_bytes: z.number().openapi({ description: "Most bytes that one shard may have" }),
  })
  .openapi("Ledger");

export const connectionLogSchema = z
  .object({
    connection: z.string(),
    ...retentionSchema.shape,
    log: z.object({
      events: z.number(),
      runs: z.number(),
      bytes: z.number().openapi({ description: "As stored, compressed" }),
      oldest: moment,
      newest: moment,
    }),
  })
  .openapi("ConnectionLog");

/** How far the move of a ledger of the release before has come. */
export const archiveSchema = z.object({
  data: z.array(connectionLogSchema),
  moving: z
    .object({
      step: z.string(),
      events: z.number(),
      of: z.number(),
      missing: z.number().openapi({ description: "Objects of the archive that its bucket has lost" }),
      held: z
        .boolean()
        .openapi({ description: "Whether events wait in their queues until it has come further" }),
    })
    .nullable()
    .openapi({ description: "The move of the ledger of the release before; null where none is under way" }),
});

/** Rows of one table and connection that expired on one day. */
export const expirySchema = z
  .object({
    day: z.string(),
    what: z.string(),
    connection: z.string().nullable(),
    count: z.number(),
    runs: z.number(),
    bytes: z.number(),
    oldest: moment,
    newest: moment,
    at: moment,
  })
  .openapi("Expiry");

const indexState = indexStateSchema.extend({ shards: z.int(), missing_shards: z.int() });

export const indexComparisonSchema = z
  .object({
    index: indexState,
    sets: z.int().openapi({ description: "Sets of the collection that this page compared" }),
    differing: z.object({ missing: z.int(), stale: z.int(), extra: z.int() }),
    named: z.array(z.object({ id: z.string(), how: z.enum(["missing", "stale", "extra"]) })),
    next: z.string().optional(),
  })
  .openapi("IndexComparison");

export const reindexAnswerSchema = z
  .object({
    brought: z.int().openapi({ description: "Sets that this call brought" }),
    failed: z.int().openapi({
      description: "Sets that could not be brought, of the whole rebuilding: each minute tries them",
    }),
    index: indexState.openapi({ description: "`building` is null once it is done" }),
  })
  .openapi("Reindexed");
