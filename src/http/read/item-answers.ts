// Shapes of the answers about items: an item, its vectors, its lineage.
import { z } from "@hono/zod-openapi";
import { objectSchema } from "./answers.ts";

const vectorSchema = z
  .object({
    path: z.string(),
    dims: z.number(),
    model: z.string().nullable(),
    span: z.object({ start: z.number(), end: z.number() }).nullable(),
    recipe: z
      .object({ definition: z.string(), pooling: z.string(), normalised: z.boolean() })
      .nullable()
      .openapi({ description: "By which definition of the model, and how its parts became one vector" }),
    values: z.array(z.number()).optional(),
  })
  .openapi("ItemVector");

export const itemSchema = z
  .object({
    id: z.string(),
    object: z.object({ bucket: z.string(), key: z.string() }),
    pipeline: z.string(),
    /** Version of the pipeline that made the item; the rest is in its lineage. */
    version: z.string(),
    commit: z.string(),
    position: z.number(),
    data: z.record(z.string(), z.any()),
    vectors: z.array(vectorSchema),
  })
  .openapi("Item");

export const lineageSchema = z
  .object({
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
  })
  .openapi("Lineage");
