// Shapes of the answers about API keys and about what was changed with them, as /openapi.json documents them.
import { z } from "@hono/zod-openapi";
import { scopeSchema } from "../../shapes/key.ts";
import { moment } from "../read/answers.ts";

export const callerSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    scopes: z.array(scopeSchema),
    expires_at: moment,
  })
  .openapi("Caller");

export const keySchema = callerSchema
  .extend({
    prefix: z.string().openapi({ description: "The key's first characters" }),
    status: z.enum(["live", "replaced", "expired", "revoked"]).openapi({
      description: "`replaced`: by a rotation, and valid until it expires",
    }),
    created_at: moment,
    created_by: z.string().openapi({ description: "The id of the key that made it" }),
    revoked_at: moment,
    replaced_by: z.string().nullable(),
    last_used_at: moment.openapi({ description: "To the minute" }),
  })
  .openapi("ApiKey");

export const newKeySchema = keySchema
  .extend({
    key: z.string().openapi({ description: "The key. It is kept as a hash, so this is the only time" }),
  })
  .openapi("NewApiKey");

export const changeSchema = z
  .object({
    id: z.string(),
    at: moment,
    key: z.object({ id: z.string(), name: z.string() }),
    action: z.string(),
    target: z.string().nullable(),
    detail: z.record(z.string(), z.any()),
    outcome: z.enum(["done", "repeated", "refused", "failed"]).nullable().openapi({
      description: "null: it began, and how it ended is not known",
    }),
    status: z.number().nullable(),
    request_id: z.string(),
    ended_at: moment,
  })
  .openapi("Change");
