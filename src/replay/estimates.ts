// Figures of a plan from the ledger's shards: how long a pipeline's runs have taken, and what they have used.
import { PAST_DAYS } from "../shapes/cost.ts";
import type { MeasuredRuns } from "../shapes/measures.ts";
import type { EventStores } from "../store/stores.ts";

/** Mean wall time of the runs that succeeded, waiting for compute included; null where none has. */
export async function pastRuns(
  { shards }: Pick<EventStores, "shards">,
  alias: string,
  now: number,
): Promise<{ runs: number; ms: number } | null> {
  const { runs, ms } = await shards.successes(alias, now - PAST_DAYS * 86_400_000);
  return ms === null ? null : { runs, ms };
}

/** What runs have used whose handler returned. */
export const pastUse = (
  { shards }: Pick<EventStores, "shards">,
  alias: string,
  now: number,
): Promise<MeasuredRuns> => shards.handled(alias, now - PAST_DAYS * 86_400_000);
