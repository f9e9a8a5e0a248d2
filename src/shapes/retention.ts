// How long what is known of a connection's events is kept: hot in the ledger, then in the archive.
import { z } from "zod";

export const retentionSchema = z.strictObject({
  /** Days in the ledger, from arrival. An event with a run or a dead letter still open stays longer. */
  hot_days: z.number().int().min(1).max(3650).default(30),
  /** Days in the archive after that; 0 keeps nothing there. */
  archive_days: z.number().int().min(0).max(36_500).default(365),
});

export type Retention = z.infer<typeof retentionSchema>;

/** What holds for a connection that says nothing, or is no longer there. */
export const DEFAULT_RETENTION: Retention = retentionSchema.parse({});
