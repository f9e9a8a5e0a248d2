// Shape of the answer about connections.
import { z } from "@hono/zod-openapi";
import { failureSchema, moment, orNull } from "../read/answers.ts";

const secretSchema = z.object({ name: z.string(), is_set: z.boolean() }).openapi("SecretState");

export const connectionSchema = z
  .object({
    id: z.string(),
    kind: z.enum(["r2", "s3", "d1"]),
    buckets: z.array(z.string()),
    database: z.string().nullable(),
    region: z.string().nullable(),
    endpoint: z.string().nullable(),
    retention: z
      .record(z.string(), z.any())
      .nullable()
      .openapi({ description: "For how many days its events are kept; null for a database" }),
    door: z
      .string()
      .nullable()
      .openapi({ description: "Where senders deliver; null where none does by HTTP" }),
    schemes: z
      .array(
        z.object({
          scheme: z.string(),
          asks: z.array(z.string()).openapi({ description: "What it asks of a sender beside its secret" }),
          secrets: z.array(secretSchema.extend({ expires: moment })),
        }),
      )
      .openapi({ description: "Ways in which its events are proven" }),
    secrets: z
      .array(secretSchema)
      .openapi({ description: "All that it needs, by name; never what they are" }),
    read_by: z.array(z.string()),
    written_by: z.array(z.string()),
    recipes: z
      .array(z.object({ sender: z.string(), scheme: z.string(), commands: z.string() }))
      .openapi({ description: "What to type to set a sender up; secrets are variables of a shell" }),
    last_event: orNull(
      z.object({
        at: moment,
        id: z.string().nullable().openapi({ description: "null where it is older than a day" }),
        sender: z.string().optional(),
        operation: z.string().optional(),
        bucket: z.string().optional(),
        key: z.string().optional(),
      }),
    ),
    last_rejection: orNull(
      z.object({ at: moment, scheme: z.string(), failure: failureSchema, count: z.number() }),
    ),
  })
  .openapi("Connection");
