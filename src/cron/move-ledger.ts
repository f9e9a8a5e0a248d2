// Moves a ledger of the release before the shards, each minute as much as there is time for. A ledger that never was
// anything else loses its empty tables, and that is all. Another release deletes this file with src/store/moving.
import type { Env } from "../env.ts";
import type { RouterDeps } from "../routing/deps.ts";
import { type Connections, retentionOf } from "../shapes/connection.ts";
import { confirmShards } from "../store/ledger/shard-count.ts";
import { moveOn } from "../store/moving/move.ts";
import { areEventsHeld } from "../store/moving/state.ts";
import { openStores } from "../store/stores.ts";

/** Part of each minute that the move may take, ms: nearly all of it while events wait. */
const HELD_BUDGET_MS = 50_000;
const BUDGET_MS = 20_000;
/** Calls of one minute at most: an invocation has a limited number of them. */
const MAX_CALLS = 5_000;
const DAY_MS = 86_400_000;
/** The least time for which old ids are kept, ms: jobs stay in queues for some weeks. */
const MIN_KEEP_MS = 60 * DAY_MS;

interface MovingDeps {
  env: Env;
  connections: Connections;
  pipelines: Pick<RouterDeps["pipelines"], "all">;
  now(): number;
  /** Rows of a page at most, where that is less than a page would have. */
  pageRows?: number;
}

/** Takes the move on, until it is over or has to wait. */
export async function moveLedger({ env, connections, pipelines, now, pageRows }: MovingDeps): Promise<void> {
  const stores = openStores({ env, connections });
  const { ledger, shards, log } = stores;
  const from = now();
  // Under a number of shards that is not the ledger's, nothing would be found again.
  await confirmShards(stores, from);
  const deps = {
    stores: { ledger, shards, log },
    archive: env.archive(),
    binding: pipelines.all.flatMap(({ alias, config }) => (config.dispatch === "binding" ? [alias] : [])),
    keepMs: keepMsOf(connections),
    pageRows,
  };
  for (let calls = 0; calls < MAX_CALLS; ) {
    const spent = await moveOn({ ...deps, now: now() });
    if (spent === 0) return;
    calls += spent;
    const budget = (await areEventsHeld(ledger)) ? HELD_BUDGET_MS : BUDGET_MS;
    if (now() >= from + budget) return;
  }
}

/** The longest time for which any connection's events are kept. */
function keepMsOf(connections: Connections): number {
  const days = Object.keys(connections.connections).map((id) => {
    const { hot_days, archive_days } = retentionOf(connections, id);
    return hot_days + archive_days;
  });
  return Math.max(MIN_KEEP_MS, ...days.map((count) => count * DAY_MS));
}
