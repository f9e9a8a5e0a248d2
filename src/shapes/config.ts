// The schema of pipelines/<alias>/config.json: alias, source with filters, destination, and optional settings.
import { z } from "zod";
import { searchSettingsSchema } from "./search.ts";

/** An alias names a folder, a Worker, a queue: lower case, digits and dashes, 2 to 40 characters. */
export const aliasSchema = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,38}[a-z0-9]$/, "2 to 40 of a-z, 0-9 and -, beginning with a letter");
/** A collection's name: what a person types in a URL. */
export const collectionSchema = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,62}$/, "1 to 63 of letters, digits, _ and -, beginning with a letter");

/** Names and conditions: the language is `docs/filters.md`. zod would drop a `__proto__`, and with it what it asks. */
export const filtersSchema = z.preprocess(
  (written, context) => {
    if (typeof written === "object" && written !== null && Object.hasOwn(written, "__proto__")) {
      const message = "nothing is ever named __proto__: leave it out";
      context.addIssue({ code: "custom", message, path: ["__proto__"], input: written });
    }
    return written;
  },
  z.record(z.string(), z.unknown()),
);

type Retry = { max_attempts: number; base_seconds: number };

/** Longest delay that Queues take, seconds: 12 hours. */
export const MAX_DELAY_SECONDS = 43_200;
/** Longest sum of all delays, seconds: a queue keeps messages for four days; one is left for the attempts. */
export const MAX_RETRY_SECONDS = 3 * 86_400;

/** The delay after an attempt at most, seconds; the real one is anything up to it. */
export const delayCeiling = (base_seconds: number, attempt: number) =>
  Math.min(MAX_DELAY_SECONDS, base_seconds * 2 ** Math.min(attempt, 20));

/** All delays of a run together at most, seconds. */
function longestRetries({ max_attempts, base_seconds }: Retry): number {
  let seconds = 0;
  for (let attempt = 1; attempt < max_attempts; attempt++) seconds += delayCeiling(base_seconds, attempt);
  return seconds;
}

export const pipelineConfigSchema = z.strictObject({
  $schema: z.string().optional(),
  /** `false`: the pipeline is off, as if its folder were not there; only its files are checked. */
  enabled: z.boolean().optional(),
  /** Unique name, used when invoking. */
  alias: aliasSchema,
  source: z.strictObject({
    connection_id: z.string().min(1),
    /** Conditions an event must meet; `{}` or none takes every object. The language is `docs/filters.md`. */
    filters: filtersSchema.default({}),
  }),
  destination: z.strictObject({
    connection_id: z.string().min(1),
    collection: collectionSchema,
    /** How the collection is searched. Absent rather than filled in, so that a version from before it stays. */
    search: searchSettingsSchema.optional(),
  }),
  /** `binding`: one RPC per batch, lowest latency. `queue`: the pipeline's own queue, for long work. */
  dispatch: z.enum(["binding", "queue"]).default("queue"),
  /** What a removed object does to its items. */
  on_delete: z.enum(["remove", "keep"]).default("remove"),
  /** Runs in flight at once, 1 to 100. */
  concurrency: z.int().min(1).max(100).default(10),
  /** Wall time of a handler, seconds. A batch has 13 minutes, of the 15 that the platform gives it. */
  timeout_seconds: z.int().min(1).max(720).default(600),
  retry: z
    .strictObject({
      max_attempts: z.int().min(1).max(100).default(5),
      /** Mean delay before the second attempt, seconds; it doubles with each, fully jittered, up to 12 h. */
      base_seconds: z.int().min(0).max(3600).default(5),
    })
    .refine((retry) => longestRetries(retry) <= MAX_RETRY_SECONDS, {
      error: ({ input }) => {
        const days = (longestRetries(input as Retry) / 86_400).toFixed(1);
        return `these attempts may take ${days} days, and ${MAX_RETRY_SECONDS / 86_400} are the most: a queue keeps messages for 4; lower max_attempts or base_seconds`;
      },
    })
    .prefault({}),
  /**
   * Names of secrets that the handler may see, each as `process.env.NAME`; their values are given at deploy.
   * Absent rather than empty where there are none, so that a version from before there were any stays.
   */
  secrets: z
    .array(
      z.string().regex(/^[A-Z][A-Z0-9_]*$/, "the NAME of a secret, like API_KEY (never the value itself)"),
    )
    .max(32)
    .optional(),
  /**
   * Models that the handler may use, by their names in models.json; all that need no secret when absent. Its
   * Worker gets their secrets, and only their definitions are part of its version.
   */
  models: z.array(z.string().min(1).max(200)).max(100).optional(),
  /** What its runs may cost by list prices on a day (UTC), dollars; then they wait for the next. No part of its version. */
  budget: z.strictObject({ usd_per_day: z.number().positive().max(1e6) }).optional(),
});

/** One pipeline's configuration, defaults filled in. */
export type PipelineConfig = z.infer<typeof pipelineConfigSchema>;
