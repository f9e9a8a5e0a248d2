// The route of the stream of changes, with the schemas by which it is validated and documented.
import { createRoute, z } from "@hono/zod-openapi";
import { TOPICS } from "../../store/ledger/changes.ts";
import { operationOf } from "../gate/scopes.ts";
import { problems } from "../schemas.ts";

/** Longest stream, seconds: whoever listens longer connects again, and is asked for the key again. */
const MAX_SECONDS = 300;

const changeSchema = z
  .object({
    at: z.string().openapi({ format: "date-time" }),
    what: z.array(z.enum(TOPICS)).openapi({ description: "Lists that are no longer as they were" }),
  })
  .openapi("LiveChange");

export const live = createRoute({
  method: "get",
  path: "/v1/live",
  summary:
    "What changes, as it changes: server-sent events `changed` and `beat`, each with a LiveChange as data",
  ...operationOf("GET", "/v1/live"),
  request: {
    query: z.object({
      seconds: z.coerce
        .number()
        .int()
        .min(1)
        .max(MAX_SECONDS)
        .default(MAX_SECONDS)
        .openapi({ description: "After which the stream ends by itself" }),
    }),
    headers: z.object({
      "last-event-id": z.string().max(100).optional().openapi({
        description: "The id heard last: the stream then begins with a change of everything",
      }),
    }),
  },
  responses: {
    200: {
      description: "Events until the stream ends; then connect again with Last-Event-ID",
      content: { "text/event-stream": { schema: changeSchema } },
    },
    ...problems,
  },
});
