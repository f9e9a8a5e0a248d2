// Shape of the answer about one pipeline.
import { z } from "@hono/zod-openapi";
import { causeSchema, moment, orNull, pipelineSchema } from "../read/answers.ts";
import { versionSchema } from "../read/version-answers.ts";

export const pipelineInFullSchema = pipelineSchema
  .omit({ cost: true })
  .extend({
    source: orNull(
      z
        .object({
          file: z.string().openapi({ description: "In the repository" }),
          text: z.string(),
        })
        .openapi("PipelineSource"),
    ).openapi({
      description:
        "Its code as it is bundled, with what it imports, laid out and without comments; null where the registry has no room",
    }),
    open: z.object({ pending: z.number(), queued: z.number(), running: z.number(), failed: z.number() }),
    oldest_open_at: moment,
    dead_letters: z.number(),
    causes: z.array(causeSchema).openapi({ description: "Of its dead letters, most first, at most ten" }),
    versions: z.array(versionSchema),
    stale: z
      .object({ objects: z.number(), items: z.number() })
      .openapi({ description: "What other versions than the deployed one have stored" }),
    average: z
      .object({ runs: z.number(), seconds: z.number().nullable(), usd: z.number().nullable() })
      .openapi({
        description: "Of runs of the last 30 days whose handler returned; null where there are none",
      }),
  })
  .openapi("PipelineInFull");
