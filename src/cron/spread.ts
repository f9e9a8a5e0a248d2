// Spreads sets, each minute: where a D1 connection was given more databases, those sets move that live in another one
// now. Each step is a page and may be cut off anywhere; the next minute goes on.
import type { Env } from "../env.ts";
import type { Connections } from "../shapes/connection.ts";
import { spreadPage } from "../store/collections/moving.ts";
import { openDatabases } from "../store/collections/open.ts";
import { isSettled, openShards, type SetShard } from "../store/collections/shards.ts";

/** Part of each minute that spreading may take, ms. */
const BUDGET_MS = 20_000;

interface SpreadDeps {
  env: Pick<Env, "database">;
  connections: Connections;
  now(): number;
}

/** What one minute did for one connection: sets that moved, and databases whose sets are not all there yet. */
interface SpreadResult {
  connection: string;
  sets: number;
  unsettled: number;
}

/** Moves as many sets as there is time for, a page to each database in turn. Connections without any are left out. */
export async function spreadSets({ env, connections, now }: SpreadDeps): Promise<SpreadResult[]> {
  const until = now() + BUDGET_MS;
  const went: SpreadResult[] = [];
  for (const [connection, settings] of Object.entries(connections.connections)) {
    if (settings.kind !== "d1" || (settings.shards ?? 1) === 1) continue;
    let waiting = await unsettledOf(openShards(openDatabases(settings, env)));
    if (waiting.length === 0) continue;
    let sets = 0;
    while (waiting.length > 0 && now() < until) {
      const steps = await Promise.all(waiting.map(spreadPage));
      sets += steps.reduce((sum, { moved }) => sum + moved, 0);
      waiting = waiting.filter((_, index) => steps[index]?.settled !== true);
    }
    went.push({ connection, sets, unsettled: waiting.length });
  }
  return went;
}

async function unsettledOf(shards: SetShard[]): Promise<SetShard[]> {
  const states = await Promise.all(shards.map(isSettled));
  return shards.filter((_, index) => !states[index]);
}
