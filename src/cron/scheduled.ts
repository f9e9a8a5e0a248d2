// The work of each minute: what is due is dispatched, replays go on, paused pipelines are probed, what is no longer hot
// is archived, sets spread over databases that were added, indexes get what they lack, and expired payloads go.
import { sweepReplays } from "../replay/advance.ts";
import type { RouterDeps } from "../routing/deps.ts";
import { sweep } from "../routing/route.ts";
import { logError, logInfo } from "../shapes/log.ts";
import { checkBreaker } from "./circuit-breaker.ts";
import { sweepIndexes } from "./index-sweep.ts";
import { deleteExpiredPayloads, retain } from "./retention.ts";
import { spreadSets } from "./spread.ts";

/** Does the minute's work, each part by itself: a failure of one must not stop the others. */
export async function runScheduled(deps: RouterDeps): Promise<void> {
  const parts = { sweep, sweepReplays, checkBreaker, archive, spread, indexes, deleteExpiredPayloads };
  for (const [name, work] of Object.entries(parts)) {
    await work(deps).catch((error: unknown) => logError("scheduled.failed", { name, error: String(error) }));
  }
}

async function archive(deps: RouterDeps): Promise<void> {
  for (const went of await retain(deps)) logInfo("archive", went);
}

async function spread(deps: RouterDeps): Promise<void> {
  for (const went of await spreadSets(deps)) logInfo("collections.spread", { ...went });
}

async function indexes(deps: RouterDeps): Promise<void> {
  for (const went of await sweepIndexes(deps)) logInfo("index", { ...went });
}
