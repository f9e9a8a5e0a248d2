// Shapes of the answers to questions: what the index says, and what the router adds for whoever looks at it.
import { z } from "@hono/zod-openapi";
import { searchAnswerSchema, searchHitSchema, spaceSchema } from "../../shapes/search.ts";

const link = (description: string) => z.string().nullable().openapi({ description });

export const linkedHitSchema = searchHitSchema
  .extend({
    links: z.object({
      thumbnail: link("A JPEG of the matching second, or of the picture; a signed URL that expires"),
      clip: link(
        "An MP4 of the film from the matching second on, a WAV where there is sound alone; a signed URL that expires",
      ),
      url: link("The object from the matching second on; a signed URL that expires"),
      lineage: z.string().openapi({ description: "Where the item came from; needs a key" }),
    }),
  })
  .openapi("SearchHit");

export const collectionAnswerSchema = searchAnswerSchema
  .extend({
    hits: z.array(linkedHitSchema),
    left_out: z.object({ items: z.int(), spaces: z.array(spaceSchema.extend({ why: z.string() })) }).openapi({
      description:
        "Vectors that the question could not be compared with, why, and the items that have no others",
    }),
    notes: z.array(z.string()).openapi({ description: "Sentences for whoever reads the answer" }),
    explain: z
      .object({
        spaces: z.array(
          spaceSchema.extend({ vectors: z.int(), compared: z.boolean(), why: z.string().optional() }),
        ),
        ms: z.object({ vectors: z.number(), index: z.number() }),
      })
      .optional(),
  })
  .openapi("SearchAnswer");
