// The shapes of answers, as documented at /openapi.json and checked by the compiler against what is sent.
import { z } from "@hono/zod-openapi";
import { pipelineConfigSchema } from "../shapes/config.ts";
import { eventSchema } from "../shapes/event.ts";
import { runStatusSchema } from "../shapes/run.ts";

const failureSchema = z.object({
  kind: z.string(),
  detail: z.string(),
  where: z.string().optional(),
  expected: z.string().optional(),
  next: z.string().optional(),
  retry_after_seconds: z.number().optional(),
});
const moment = z.string().nullable().openapi({ format: "date-time" });
const objectSchema = z.object({ connection: z.string(), bucket: z.string(), key: z.string() });

export const pageOf = <T extends z.ZodType>(data: T) =>
  z.object({ data: z.array(data), next: z.string().optional() });

export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  detail: z.string(),
  where: z.string().optional(),
  expected: z.string().optional(),
  next: z.string().optional(),
});

export const pipelineSchema = z.object({
  alias: z.string(),
  version: z.string(),
  config: pipelineConfigSchema,
});

export const eventAnswerSchema = eventSchema.omit({ identities: true }).extend({
  outcome: z.object({
    matched: z.array(z.string()),
    refused: z.array(z.object({ alias: z.string(), reason: z.string() })),
    refused_count: z.number(),
  }),
});

export const runSchema = z.object({
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
  failure: failureSchema.nullable(),
  log: z.array(z.string()),
  created_at: moment,
  queued_at: moment,
  started_at: moment,
  ended_at: moment,
});

const vectorSchema = z.object({
  path: z.string(),
  dims: z.number(),
  model: z.string().nullable(),
  span: z.object({ start: z.number(), end: z.number() }).nullable(),
  values: z.array(z.number()).optional(),
});

export const itemSchema = z.object({
  id: z.string(),
  object: z.object({ bucket: z.string(), key: z.string() }),
  pipeline: z.string(),
  position: z.number(),
  data: z.record(z.string(), z.any()),
  vectors: z.array(vectorSchema),
});

export const lineageSchema = z.object({
  item_id: z.string(),
  object: objectSchema.extend({
    etag: z.string().nullable(),
    version_id: z.string().nullable(),
    size: z.number().nullable(),
  }),
  event: z.object({ id: z.string(), time: z.string() }),
  run: z.object({ id: z.string(), stored_at: z.string() }),
  pipeline: z.object({ alias: z.string(), version: z.string(), commit: z.string() }),
  vectors: z.array(vectorSchema),
});

export const deadLetterSchema = z.object({
  run_id: z.string(),
  alias: z.string(),
  event_id: z.string(),
  object: objectSchema,
  failure: failureSchema,
  attempts: z.number(),
  at: moment,
});

export const rejectionSchema = z.object({
  connection: z.string(),
  scheme: z.string(),
  failure: failureSchema,
  raw: z.string().optional(),
  count: z.number(),
  at: moment,
});

export const invocationSchema = z.object({
  status: z.string(),
  run_id: z.string(),
  processed_data: z.array(z.any()),
  error_details: failureSchema.nullable(),
});
