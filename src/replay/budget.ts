// The budget of a replay: what its runs have cost so far, and those under way as if each cost what the others did. A page
// is not begun once that is as much as it may be, so it is overshot by one page at most, which is what runs at once.
import type { RouteDeps } from "../routing/route.ts";
import { costOf } from "../shapes/cost.ts";
import type { Failure } from "../shapes/failure.ts";
import type { ReplayRecord } from "../store/ledger/replays.ts";
import { openStores } from "../store/stores.ts";

/** The reason why a replay must not go on; undefined where it has no budget, or some is left. */
export async function spentBudget(
  { id, request: { budget_usd } }: ReplayRecord,
  open: number,
  deps: RouteDeps,
): Promise<Failure | undefined> {
  if (budget_usd === undefined) return undefined;
  const { runs, measures } = await openStores(deps).shards.replaySpending(id);
  const spent = costOf(measures, runs, deps.pipelines.prices);
  const committed = runs === 0 ? 0 : spent + (spent / runs) * open;
  if (committed < budget_usd) return undefined;
  const dollars = (usd: number) => `$${Number(usd.toPrecision(3))}`;
  return {
    kind: "conflict",
    detail: `The replay has spent ${dollars(spent)} of its budget of ${dollars(budget_usd)}${open > 0 ? `, and ${open} of its runs are under way` : ""}.`,
    where: "budget_usd",
    next: `Resume it with a higher budget: \`weir replay resume ${id} --budget USD\`.`,
  };
}
