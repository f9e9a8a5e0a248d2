// Reasons for which a replay pauses itself and waits for a person: a repair that would remove much of a collection, and
// a store that refuses to be read. Nothing was changed, the reason is in the plan, and resuming is consent.
import { type Failure, FailureError, verdictOf } from "../shapes/failure.ts";
import { MAX_REMOVED_PERCENT, type ReplayPlan, type ReplayRequest } from "../shapes/replay.ts";
import type { EventStores } from "../store/stores.ts";

/** The reason why a planned repair must not begin by itself; undefined where it may. */
export async function tooManyRemovals(
  plan: ReplayPlan,
  { select, dry_run, force }: ReplayRequest,
  { shards }: Pick<EventStores, "shards">,
): Promise<Failure | undefined> {
  if (select.kind !== "drift" || dry_run || force) return undefined;
  for (const [alias, { objects, handled }] of Object.entries(plan.pipelines)) {
    const orphaned = objects - handled;
    if (orphaned === 0) continue;
    // Never less than what is orphaned: the ledger may have forgotten what the collection still holds.
    const held = Math.max(orphaned, await heldObjects(shards, alias));
    if (orphaned * 100 <= held * MAX_REMOVED_PERCENT) continue;
    return {
      kind: "conflict",
      detail: `The repair would remove the items of ${orphaned} of ${held} objects of ${alias}.`,
      where: "force",
      expected: `at most ${MAX_REMOVED_PERCENT} % of a collection's objects`,
      next: "Look at the sample. If the objects are gone or no longer wanted, resume the replay or give `force`.",
    };
  }
  return undefined;
}

/** Number of a pipeline's objects that have items. */
async function heldObjects(shards: EventStores["shards"], alias: string): Promise<number> {
  return (await shards.produced(alias)).reduce((sum, { objects }) => sum + objects, 0);
}

/** The failure that trying again will not mend: the store's credentials, address or bucket. Others are thrown on. */
export function refusedBy(error: unknown): Failure {
  if (error instanceof FailureError && verdictOf(error.failure.kind) === "dead") return error.failure;
  throw error;
}
