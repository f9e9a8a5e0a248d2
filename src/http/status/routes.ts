// Routes of how things are, each with the schemas by which it is validated, typed and documented.
import { z } from "@hono/zod-openapi";
import { read } from "../read-route.ts";
import * as answers from "./answers.ts";
import { connectionSchema } from "./connection-answers.ts";
import { pipelineInFullSchema } from "./pipeline-answers.ts";

export const locate = read(
  "/v1/locate",
  "Where an object is: by its key, the beginning of its key, or the id of an event, run, item or replay",
  z.object({}),
  z.object({ q: z.string().min(1).max(1024), limit: z.coerce.number().int().min(1).max(20).default(10) }),
  answers.locateSchema,
);
export const overview = read(
  "/v1/overview",
  "How things are now and how the last hours went, of all pipelines and of each",
  z.object({}),
  z.object({ hours: z.coerce.number().int().min(1).max(48).default(24) }),
  answers.overviewSchema,
);
export const connections = read(
  "/v1/connections",
  "Connections as they are set up, without secrets: what came last, and how to connect a sender",
  z.object({}),
  z.object({}),
  z.object({ data: z.array(connectionSchema) }),
);
export const pipeline = read(
  "/v1/pipelines/{alias}",
  "One pipeline: its code and config, its versions, what waits, what failed, what a run costs",
  z.object({ alias: z.string().max(300) }),
  z.object({}),
  pipelineInFullSchema,
);
