// Each minute: pipelines that were paused because their budget was spent go on, once a new day has begun or there is more
// to spend. What they may not do any more is store/ledger/budgets.ts.
import type { RouteDeps } from "../routing/route.ts";
import { logInfo } from "../shapes/log.ts";
import { forgetSpent, resumeWithin } from "../store/ledger/budgets.ts";
import { openStores } from "../store/stores.ts";

export async function renewBudgets(deps: RouteDeps): Promise<void> {
  const stores = openStores(deps);
  const budgetOf = (alias: string) => deps.pipelines.get(alias)?.config.budget?.usd_per_day;
  for (const alias of await resumeWithin(stores, budgetOf, deps.now())) logInfo("budget.renewed", { alias });
  await forgetSpent(stores.ledger, deps.now());
}
