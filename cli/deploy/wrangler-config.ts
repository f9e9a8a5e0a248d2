// Reads a Worker's wrangler.toml, as far as a deploy needs it: the parts that name resources.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { z } from "zod";

export const queueSchema = z.looseObject({ queue: z.string(), dead_letter_queue: z.string().optional() });

export const wranglerConfigSchema = z.looseObject({
  name: z.string(),
  main: z.string(),
  workers_dev: z.boolean().optional(),
  preview_urls: z.boolean().optional(),
  alias: z.record(z.string(), z.string()).optional(),
  vars: z.record(z.string(), z.unknown()).optional(),
  secrets: z.object({ required: z.array(z.string()).default([]) }).optional(),
  assets: z.looseObject({ directory: z.string().optional() }).optional(),
  triggers: z.object({ crons: z.array(z.string()).optional() }).optional(),
  queues: z
    .object({ producers: z.array(queueSchema).default([]), consumers: z.array(queueSchema).default([]) })
    .optional(),
  r2_buckets: z.array(z.looseObject({ bucket_name: z.string() })).optional(),
  d1_databases: z
    .array(z.looseObject({ database_name: z.string(), migrations_dir: z.string().optional() }))
    .optional(),
});

/** Parts of a wrangler.toml that a deploy reads. */
export type WranglerConfig = z.infer<typeof wranglerConfigSchema>;

/**
 * What of a Worker would be public that need not be: previews, which are every version ever uploaded with its secrets,
 * and for all but the door an address. Both are open unless they are closed. Lines to add to its wrangler.toml.
 */
export const openDoorsOf = ({ workers_dev, preview_urls }: WranglerConfig, isDoor: boolean): string[] => [
  ...(preview_urls === false ? [] : ["preview_urls = false"]),
  ...(isDoor || workers_dev === false ? [] : ["workers_dev = false"]),
];

/** Reads the wrangler.toml at a path below the root. */
export const readConfig = (root: string, path: string): WranglerConfig =>
  wranglerConfigSchema.parse(parse(readFileSync(join(root, path), "utf8")));
