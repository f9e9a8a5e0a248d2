// The work of each minute: a ledger of before is moved, replays go on, paused pipelines are probed, the log is kept in
// order, sets spread over databases that were added, indexes get what they lack, what is past its time goes, and so does
// what is being erased. What is due is the shards' own affair.
import { sweepErasures } from "../erasure/advance.ts";
import { sweepReplays } from "../replay/advance.ts";
import type { RouterDeps } from "../routing/deps.ts";
import { logError, logInfo } from "../shapes/log.ts";
import { renewBudgets } from "./budgets.ts";
import { checkBreaker } from "./circuit-breaker.ts";
import { growLedger } from "./grow-ledger.ts";
import { sweepIndexes } from "./index-sweep.ts";
import { moveLedger } from "./move-ledger.ts";
import { deleteExpiredPayloads, retain } from "./retention.ts";
import { spreadSets } from "./spread.ts";

/** Does the minute's work, each part by itself: a failure of one must not stop the others. */
export async function runScheduled(deps: RouterDeps): Promise<void> {
  const parts = {
    ...{ growLedger, moveLedger, sweepReplays, checkBreaker, renewBudgets, retain, spread, indexes },
    ...{ deleteExpiredPayloads, sweepErasures },
  };
  for (const [name, work] of Object.entries(parts)) {
    await work(deps).catch((error: unknown) => logError("scheduled.failed", { name, error: String(error) }));
  }
}

async function spread(deps: RouterDeps): Promise<void> {
  for (const went of await spreadSets(deps)) logInfo("collections.spread", { ...went });
}

async function indexes(deps: RouterDeps): Promise<void> {
  for (const went of await sweepIndexes(deps)) logInfo("index", { ...went });
}
