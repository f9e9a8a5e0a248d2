// Each minute, where the ledger was given more shards: sees to it that what is theirs moves to the new ones
// (store/ledger/shard-count.ts).
import type { RouteDeps } from "../routing/route.ts";
import { logInfo } from "../shapes/log.ts";
import { moveToShards } from "../store/ledger/shard-count.ts";
import { openStores } from "../store/stores.ts";

export async function growLedger(deps: RouteDeps): Promise<void> {
  const state = await moveToShards(openStores(deps), deps.now());
  if (state !== "nothing to move") logInfo("ledger.shards", { state });
}
