// Brings to the indexes, each minute, what runs could not: sets that were stored and not acknowledged, which D1
// collections know themselves; sets that differ between a collection and its index, compared a few pages a minute, which is
// how R2 collections and lost indexes are made good; and the next part of a rebuilding that is under way. Cut off
// anywhere, the next minute goes on.
import type { RouterDeps } from "../routing/deps.ts";
import { logError } from "../shapes/log.ts";
import { bringBacklog } from "../store/index/backlog.ts";
import { compareNext } from "../store/index/compare.ts";
import { openSearched, type SearchedCollection } from "../store/index/open.ts";
import { rebuildOn } from "../store/index/rebuild.ts";

/** Part of each minute that indexes may take, ms. */
const BUDGET_MS = 20_000;

type SweepDeps = Pick<RouterDeps, "env" | "connections" | "pipelines" | "now">;

/** What one minute brought to one index. */
export interface IndexSweep {
  collection: string;
  brought: number;
  /** Sets that a comparison found to differ. */
  differed: number;
  rebuilt: number;
}

/** Sweeps every collection that is searched, each by itself. Those with nothing to do are left out of the answer. */
export async function sweepIndexes({ env, connections, pipelines, now }: SweepDeps): Promise<IndexSweep[]> {
  const until = now() + BUDGET_MS;
  const isTime = () => now() < until;
  const went: IndexSweep[] = [];
  for (const searched of openSearched(pipelines.all, connections, env)) {
    const sweep = await sweepOne(searched, now, isTime).catch((error: unknown) => {
      logError("index.unswept", { collection: searched.name, error: String(error) });
      return undefined;
    });
    if (sweep && sweep.brought + sweep.differed + sweep.rebuilt > 0) went.push(sweep);
  }
  return went;
}

async function sweepOne(
  searched: SearchedCollection,
  now: () => number,
  isTime: () => boolean,
): Promise<IndexSweep> {
  const { name, collection, index } = searched;
  const brought = await bringBacklog(index, collection, now(), isTime);
  const differed = await compareNext(index, collection, isTime);
  const rebuilt = await rebuildOn(searched, isTime);
  return { collection: name, brought, differed, rebuilt: rebuilt.brought };
}
