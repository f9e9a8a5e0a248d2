// Where events and runs are on record: their state in the ledger's shards, their history in the log, and what is small
// (keys, pauses, replays, deployments) in D1. Opened from the bindings of the router.
import type { D1Database } from "@cloudflare/workers-types";
import type { Env } from "../env.ts";
import { type Connections, shardCountOf } from "../shapes/connection.ts";
import type { ShardNamespace } from "./ledger/shard-calls.ts";
import { openShards, type Shards } from "./ledger/shards.ts";
import type { EventLog } from "./log/contract.ts";
import { openLog } from "./log/open.ts";

export interface EventStores {
  ledger: D1Database;
  shards: Shards;
  log: EventLog;
}

interface StoreDeps {
  env: Env;
  connections: Pick<Connections, "ledger">;
}

/** Each is opened when something is asked of it. */
export function openStores({ env, connections }: StoreDeps): EventStores {
  return {
    get ledger() {
      return env.ledger();
    },
    get shards() {
      const namespace = env.durableObjects("LEDGER_SHARDS") as unknown as ShardNamespace;
      return openShards(namespace, shardCountOf(connections));
    },
    get log() {
      return openLog(env.archive());
    },
  };
}
