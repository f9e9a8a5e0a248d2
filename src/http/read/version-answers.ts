// Answers about which code made the stored items: a pipeline's versions, the objects that it keeps items of, and an
// object as it is now.
import { z } from "@hono/zod-openapi";
import { pipelineConfigSchema } from "../../shapes/config.ts";
import { costSchema, moment, objectSchema } from "./answers.ts";

export const versionSchema = z
  .object({
    version: z.string(),
    deployed: z.boolean(),
    /** Time of the first event that the version decided; null before that. */
    first_seen: moment.nullable(),
    /** Null where the version is known only by its items. */
    config: pipelineConfigSchema.nullable(),
    /** Objects that have items of this version, and how many items. */
    objects: z.number(),
    items: z.number(),
    commits: z.array(z.string()),
    /** What it would cost to replay those objects. */
    replay_cost: costSchema,
  })
  .openapi("Version");

/** An object that a pipeline keeps items of, and what made them. */
export const producedObjectSchema = z
  .object({
    object: objectSchema.extend({ etag: z.string().nullable(), size: z.number().nullable() }),
    items: z.number(),
    version: z.string().nullable(),
    commit: z.string().nullable(),
    models: z.array(z.string()),
    /** Whether another version than the deployed one made the items. */
    stale: z.boolean(),
    stored_at: moment.nullable(),
  })
  .openapi("ProducedObject");

/** An object as it is now; all null where it is not there. */
export const objectNowSchema = z
  .object({
    seen: z
      .object({
        etag: z.string(),
        size: z.number(),
        version_id: z.string().nullable(),
        content_type: z.string().nullable(),
        metadata: z.record(z.string(), z.string()),
      })
      .nullable(),
    /** Null unless the request asks for tags. */
    tags: z.record(z.string(), z.string()).nullable(),
    /** URL that reads the object, in ranges, until `expires_at`, by whoever holds it. */
    url: z.string().nullable(),
    expires_at: moment.nullable(),
  })
  .openapi("ObjectNow");
