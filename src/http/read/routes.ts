// Routes that only read, and invoke, each with the schemas by which it is validated, typed and documented.
import { createRoute, z } from "@hono/zod-openapi";
import { diffSchema } from "../../query/diff.ts";
import { testSchema } from "../../query/filters.ts";
import { lookSchema } from "../../query/object-now.ts";
import { invokeSchema } from "../../routing/invoke.ts";
import { runStatusSchema } from "../../shapes/run.ts";
import { operationOf, type PathOf } from "../gate/scopes.ts";
import { read } from "../read-route.ts";
import { idempotencyHeader, json, paging, problemContent, problems } from "../schemas.ts";
import * as answers from "./answers.ts";
import * as itemAnswers from "./item-answers.ts";
import * as versionAnswers from "./version-answers.ts";

const vectors = z
  .enum(["true", "false"])
  .default("false")
  .openapi({ description: "Whether vectors come with their numbers" });

const none = z.object({});
const byId = z.object({ id: z.string().max(300) });
const named = z.object({ name: z.string().max(300) });
const namedItem = named.extend({ id: z.string().max(300) });

/** An invocation fails with its run's answer, or, where there is no run yet, with a problem. */
const failed = (description: string) => ({
  description,
  content: {
    "application/json": { schema: answers.invocationSchema },
    "application/problem+json": { schema: answers.problemSchema },
  },
});

export const invoke = createRoute({
  method: "post",
  path: "/v1/pipelines/{alias}/invoke",
  summary: "Run a pipeline by its alias",
  ...operationOf("POST", "/v1/pipelines/{alias}/invoke"),
  request: {
    params: z.object({ alias: z.string().max(300) }),
    headers: idempotencyHeader,
    query: z.object({ async: z.enum(["true", "false"]).default("false") }),
    body: { content: { "application/json": { schema: invokeSchema } }, required: true },
  },
  responses: {
    200: json(answers.invocationSchema, "The run succeeded"),
    202: json(answers.invocationSchema, "The run is queued"),
    400: failed("The body is not what is expected"),
    401: failed("No API key, or not a valid one"),
    403: failed("The API key lacks the scope, or the handler asked for what is not the pipeline's"),
    404: failed("No such pipeline, or the object is gone"),
    409: failed("The object kept changing, the pipeline is paused, or the same request is in progress"),
    413: failed("The body is too large"),
    415: failed("The body is not JSON"),
    422: failed("The object or the result cannot be processed, or the Idempotency-Key was used for another"),
    429: failed("Too many API keys that are not known came from the address"),
    500: failed("The handler failed"),
    503: failed("Ours to fix, or too busy; try again after Retry-After"),
    504: failed("The handler took too long"),
  },
});

export const pipelines = read(
  "/v1/pipelines",
  "Pipelines of this deployment",
  none,
  none,
  answers.pageOf(answers.pipelineSchema),
);
export const versions = read(
  "/v1/pipelines/{alias}/versions",
  "Versions that a pipeline has had, newest first, and what each has made that is still there",
  z.object({ alias: z.string().max(300) }),
  none,
  answers.pageOf(versionAnswers.versionSchema),
);
const yes = z.enum(["true", "false"]).default("false");
const makers = {
  version: z.string().max(100).optional(),
  commit: z.string().max(100).optional(),
  stale: yes.openapi({ description: "Only what another version than the deployed one has made" }),
};
export const objects = read(
  "/v1/pipelines/{alias}/objects",
  "Objects that a pipeline keeps items of, by key, and what made them",
  z.object({ alias: z.string().max(300) }),
  z.object({ ...paging, ...makers, prefix: z.string().max(1024).optional() }),
  answers.pageOf(versionAnswers.producedObjectSchema),
);
export const events = read(
  "/v1/events",
  "Recorded events, newest first by their own time; a page may be short and have a `next`",
  none,
  z.object({ ...paging, connection: z.string().optional(), key: z.string().optional() }),
  answers.pageOf(answers.eventAnswerSchema),
);
export const event = read(
  "/v1/events/{id}",
  "One event, and what was decided about it",
  byId,
  none,
  answers.eventAnswerSchema,
);
export const why = read(
  "/v1/events/{id}/why/{alias}",
  "Why a pipeline ran or did not run for an event, by the filter as it stood then",
  byId.extend({ alias: z.string().max(300) }),
  none,
  answers.whySchema,
);

/** A question with a body: POST, one 200 answer, nothing changes. */
function ask<P extends PathOf<"POST">, Query extends z.ZodType, Body extends z.ZodType>(
  path: P,
  summary: string,
  query: Query,
  body: Body,
) {
  return createRoute({
    method: "post",
    path,
    summary,
    ...operationOf("POST", path),
    request: { body: { content: { "application/json": { schema: query } }, required: true } },
    responses: {
      200: json(body, summary),
      ...problems,
      413: problemContent("The body is too large"),
      415: problemContent("The body is not JSON"),
    },
  });
}

export const filterTest = ask(
  "/v1/filters/test",
  "Explain what a filter says of an event; nothing runs",
  testSchema,
  answers.testedSchema,
);
export const filterDiff = ask(
  "/v1/filters/diff",
  "What a changed filter would gain and lose of the recorded objects; nothing runs",
  diffSchema,
  answers.diffAnswerSchema,
);
export const look = ask(
  "/v1/objects",
  "What an object of a connection is now, and a signed URL to read it by; nothing runs",
  lookSchema,
  versionAnswers.objectNowSchema,
);
export const runs = read(
  "/v1/runs",
  "Runs, newest first; of a key by its newest event, and a page may be short and have a `next`",
  none,
  z.object({
    ...paging,
    event_id: z.string().optional(),
    alias: z.string().optional(),
    status: runStatusSchema.optional(),
    key: z.string().max(1024).optional().openapi({ description: "Runs of all events of this key" }),
    connection: z.string().max(300).optional().openapi({ description: "With a key" }),
    bucket: z.string().max(300).optional().openapi({ description: "With a key" }),
  }),
  answers.runsSchema,
);
export const run = read("/v1/runs/{id}", "One run", byId, none, answers.runWithHistorySchema);
export const items = read(
  "/v1/collections/{name}/items",
  "Items of a collection",
  named,
  z.object({
    ...{ ...paging, ...makers },
    key: z.string().optional(),
    filter: z.string().max(8_000).optional().openapi({ description: "Conditions on the item, as JSON" }),
    sort: z
      .string()
      .max(600)
      .optional()
      .openapi({ description: "A name of the item, as in a filter; `-` before it sorts the other way" }),
    vectors,
  }),
  answers.pageOf(itemAnswers.itemSchema),
);
export const item = read(
  "/v1/collections/{name}/items/{id}",
  "One item",
  namedItem,
  z.object({ vectors }),
  itemAnswers.itemSchema,
);
export const itemLineage = read(
  "/v1/collections/{name}/items/{id}/lineage",
  "Where an item came from: object version, event, run, code, models",
  namedItem,
  none,
  itemAnswers.lineageSchema,
);
export const deadLetters = read(
  "/v1/dead-letters",
  "Runs that ended dead, with their cause",
  none,
  z.object({ ...paging, alias: z.string().optional() }),
  answers.pageOf(answers.deadLetterSchema),
);
export const deadLetterCauses = read(
  "/v1/dead-letters/causes",
  "Dead letters counted by pipeline and cause, most first, at most 200",
  none,
  z.object({ alias: z.string().optional() }),
  z.object({ data: z.array(answers.causeSchema) }),
);
export const deadLetter = read(
  "/v1/dead-letters/{id}",
  "One dead letter, by its run: payload, cause, attempts, history",
  byId,
  none,
  answers.deadLetterInFullSchema,
);
export const rejections = read(
  "/v1/rejections",
  "Refused requests and quarantined records",
  none,
  z.object({ ...paging, connection: z.string().optional() }),
  answers.pageOf(answers.rejectionSchema),
);

export const metrics = createRoute({
  method: "get",
  path: "/metrics",
  summary: "Counts for a monitor, in Prometheus's text format",
  ...operationOf("GET", "/metrics"),
  responses: {
    200: { description: "One line for each sample", content: { "text/plain": { schema: z.string() } } },
    401: problems[401],
    403: problems[403],
    503: problems[503],
  },
});
