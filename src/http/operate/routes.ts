// Routes that operate Weir: replays and audits, dead letters, pauses, the archive.
import { createRoute, z } from "@hono/zod-openapi";
import { MAX_LEDGER_SHARDS } from "../../shapes/connection.ts";
import { budgetSchema, MAX_REMOVED_PERCENT, replaySchema } from "../../shapes/replay.ts";
import { operationOf, type PathOf } from "../gate/scopes.ts";
import * as answers from "../read/answers.ts";
import { idempotencyHeader, json, paging, problems } from "../schemas.ts";
import * as operate from "./answers.ts";

const byId = z.object({ id: z.string().max(100) });
const byName = z.object({ name: z.string().max(300) });
const byAlias = z.object({ alias: z.string().max(300) });

const none = z.object({});

/** A change: POST with a JSON body, one answer, the shared problems. */
function change<
  P extends PathOf<"POST">,
  Params extends z.ZodObject,
  Body extends z.ZodType,
  S extends 200 | 202,
  Answer extends z.ZodType,
>(
  path: P,
  summary: string,
  params: Params,
  body: Body,
  status: S,
  answer: Answer,
  headers: z.ZodObject = none,
) {
  return createRoute({
    method: "post",
    path,
    summary,
    ...operationOf("POST", path),
    request: { params, headers, body: { content: { "application/json": { schema: body } }, required: true } },
    responses: { [status]: json(answer, summary), ...problems } as {
      [K in S]: ReturnType<typeof json<Answer>>;
    } & typeof problems,
  });
}

const nothing = z.strictObject({}).default({});
const reason = z.strictObject({ reason: z.string().min(1).max(500) });
const letters = z
  .strictObject({
    run_ids: z.array(z.string().max(200)).min(1).max(1000).optional(),
    alias: z.string().max(100).optional(),
    kind: z.string().max(100).optional(),
    all: z.literal(true).optional(),
  })
  .refine(({ run_ids, alias, kind, all }) => run_ids ?? alias ?? kind ?? all, {
    error: "expected `run_ids`, `alias`, `kind`, or `all: true`",
  });

export const createReplay = change(
  "/v1/replays",
  "Replay objects through pipelines, or plan it",
  none,
  replaySchema,
  202,
  operate.replayAnswerSchema,
  idempotencyHeader,
);
export const audit = change(
  "/v1/audits",
  "Compare a pipeline's bucket with its collection; with repair, run what differs",
  none,
  z.strictObject({
    alias: z.string().max(100),
    prefix: z.string().max(1024).optional(),
    repair: z.boolean().default(false),
    force: z
      .boolean()
      .default(false)
      .openapi({
        description: `Removes the items of more than ${MAX_REMOVED_PERCENT} % of the collection's objects without asking`,
      }),
  }),
  202,
  operate.replayAnswerSchema,
  idempotencyHeader,
);
export const replays = createRoute({
  method: "get",
  path: "/v1/replays",
  summary: "Replays, newest first",
  ...operationOf("GET", "/v1/replays"),
  request: { query: z.object(paging) },
  responses: { 200: json(answers.pageOf(operate.replayAnswerSchema), "Replays"), ...problems },
});
export const replay = createRoute({
  method: "get",
  path: "/v1/replays/{id}",
  summary: "One replay: its plan and progress",
  ...operationOf("GET", "/v1/replays/{id}"),
  request: { params: byId },
  responses: { 200: json(operate.replayAnswerSchema, "The replay"), ...problems },
});
export const moveReplay = change(
  "/v1/replays/{id}/{move}",
  "Pause, resume or cancel a replay; resume it with another budget",
  byId.extend({ move: z.enum(["pause", "resume", "cancel"]) }),
  z.strictObject({ budget_usd: budgetSchema.optional() }).prefault({}),
  200,
  operate.replayAnswerSchema,
);
export const cancelRun = change(
  "/v1/runs/{id}/cancel",
  "End a run for good: one that waits never begins, one that runs stores nothing any more",
  z.object({ id: z.string().max(300) }),
  reason,
  200,
  answers.runWithHistorySchema,
);
export const redrive = change(
  "/v1/dead-letters/redrive",
  "Run dead letters again, with all their attempts; at most 1,000 at once",
  none,
  letters,
  200,
  z.object({
    redriven: z.number(),
    waiting: z.number().openapi({ description: "Of these, how many wait because their pipeline is paused" }),
    run_ids: z.array(z.string()),
  }),
  idempotencyHeader,
);
export const drop = change(
  "/v1/dead-letters/drop",
  "End dead letters for good",
  none,
  z.intersection(letters, z.looseObject({ reason: z.string().min(1).max(500) })),
  200,
  z.object({ dropped: z.number() }),
);
export const pause = change(
  "/v1/pipelines/{alias}/pause",
  "Pause a pipeline: its events wait",
  byAlias,
  reason,
  200,
  operate.pausedSchema,
);
export const resume = change(
  "/v1/pipelines/{alias}/resume",
  "Resume a pipeline: what waited runs",
  byAlias,
  nothing,
  200,
  operate.pausedSchema,
);
export const ledger = createRoute({
  method: "get",
  path: "/v1/ledger",
  summary: "How many shards the ledger has, and how full they are",
  ...operationOf("GET", "/v1/ledger"),
  responses: { 200: json(operate.ledgerSchema, "The ledger"), ...problems },
});
export const growLedger = change(
  "/v1/ledger/shards",
  "Announce a higher number of shards to the ledger, before it is deployed",
  none,
  z.strictObject({ shards: z.int().min(2).max(MAX_LEDGER_SHARDS) }),
  200,
  operate.ledgerSchema,
);
export const archive = createRoute({
  method: "get",
  path: "/v1/archive",
  summary: "What is kept of each connection's events, where, and for how long",
  ...operationOf("GET", "/v1/archive"),
  responses: { 200: json(operate.archiveSchema, "Connections"), ...problems },
});
export const expired = createRoute({
  method: "get",
  path: "/v1/archive/expired",
  summary: "What was deleted because its time was over, by day, newest first",
  ...operationOf("GET", "/v1/archive/expired"),
  request: { query: z.object(paging) },
  responses: { 200: json(answers.pageOf(operate.expirySchema), "What expired"), ...problems },
});
export const compareIndex = createRoute({
  method: "get",
  path: "/v1/collections/{name}/index",
  summary: "How far a collection's index has come, and which sets it has otherwise, page by page",
  ...operationOf("GET", "/v1/collections/{name}/index"),
  request: { params: byName, query: z.object({ cursor: z.string().max(4_000).optional() }) },
  responses: { 200: json(operate.indexComparisonSchema, "One page of the comparison"), ...problems },
});
export const reindex = change(
  "/v1/collections/{name}/reindex",
  "Build a collection's index anew from the collection, or go on with it, while the old one answers",
  byName,
  z
    .strictObject({
      begin: z
        .boolean()
        .default(true)
        .openapi({ description: "false: only go on with one that is under way" }),
    })
    .prefault({}),
  200,
  operate.reindexAnswerSchema,
);
