// The request of a replay (which objects, of which pipelines, whether only to plan it), and its plan.
import { z } from "zod";
import { filtersSchema } from "./config.ts";
import type { CostEstimate } from "./cost.ts";
import type { Failure } from "./failure.ts";
import { RUN_STATUSES } from "./run.ts";

export const selectionSchema = z.discriminatedUnion("kind", [
  /** Objects of recorded events: each object once, by its newest event of the time. */
  z.strictObject({
    kind: z.literal("events"),
    since: z.iso.datetime({ offset: true }).optional(),
    until: z.iso.datetime({ offset: true }).optional(),
    /** Only events whose run for the pipeline is in this state. */
    status: z.enum(RUN_STATUSES).optional(),
  }),
  /** Objects that are in the bucket now: what was there before Weir, or before the pipeline. */
  z.strictObject({ kind: z.literal("listing"), prefix: z.string().max(1024).optional() }),
  /** Objects whose items were made by another version of the pipeline than the deployed one. */
  z.strictObject({ kind: z.literal("stale") }),
  /** Objects whose items were made by this version, commit or model. */
  z
    .strictObject({
      kind: z.literal("produced_by"),
      version: z.string().max(100).optional(),
      commit: z.string().max(100).optional(),
      model: z.string().max(200).optional(),
    })
    .refine(({ version, commit, model }) => version ?? commit ?? model, {
      error: "expected a version, a commit or a model",
    }),
  /** Objects whose items are missing, out of date, or left behind: what an audit finds. */
  z.strictObject({ kind: z.literal("drift"), prefix: z.string().max(1024).optional() }),
]);

/** Dollars that may be spent. */
export const budgetSchema = z.number().positive().max(1e6);

export const replaySchema = z.strictObject({
  select: selectionSchema,
  /** Which pipelines; all when absent. */
  aliases: z.array(z.string().max(100)).min(1).max(1000).optional(),
  /** A filter in the usual language, beside the pipeline's own. */
  filter: filtersSchema.optional(),
  /** Counts what would be done, and does nothing. */
  dry_run: z.boolean().default(false),
  /** Removes items without asking, however many: see {@link MAX_REMOVED_PERCENT}. */
  force: z.boolean().optional(),
  /** What its runs may cost by list prices, dollars: then it pauses, until it is resumed with more. */
  budget_usd: budgetSchema.optional(),
});

/** A repair that would remove the items of more of a collection's objects waits for a person. */
export const MAX_REMOVED_PERCENT = 20;

export type Selection = z.infer<typeof selectionSchema>;
export type ReplayRequest = z.infer<typeof replaySchema> & { aliases: string[] };

/** Why an object is taken: for an audit, what is wrong with it. */
export type CandidateReason = "selected" | "missing" | "out_of_date" | "orphaned";

/** One object to be run again for one pipeline. */
export interface Candidate {
  connection: string;
  bucket: string;
  key: string;
  size?: number;
  etag?: string;
  why: CandidateReason;
  /** Id of the recorded event that is replayed, where there is one. */
  replay_of?: string;
}

/** Plan of a replay, as counted so far. Complete once the replay's phase is no longer `planning`. */
export interface ReplayPlan {
  objects: number;
  bytes: number;
  by_why: Partial<Record<CandidateReason, number>>;
  /** Objects that were looked at and need nothing. */
  passed_over: number;
  sample: { alias: string; bucket: string; key: string; why: CandidateReason }[];
  /** Reason why the replay paused itself, where it did. */
  stopped?: Failure | undefined;
  /** By alias. */
  pipelines: Record<string, PipelinePlan>;
}

/** A plan's part for one pipeline. */
export interface PipelinePlan {
  objects: number;
  /** Of those, how many its handler would run for. */
  handled: number;
  bytes: number;
  /** Objects that have items now, and those items: they would be replaced, or removed. */
  replaces: { objects: number; items: number };
  /** Seconds that its runs are likely to take, one after the other; null where nothing is known, as `basis` says. */
  seconds: number | null;
  basis: string;
  /** What its runs are likely to use and to cost; null where no run of the last days was measured. */
  cost: CostEstimate | null;
}

export const emptyPlan = (): ReplayPlan => ({
  ...{ objects: 0, bytes: 0, by_why: {}, passed_over: 0, sample: [], pipelines: {} },
});
