// The whole ledger for tests in Node: D1 and R2 of miniflare, shards on Node's own SQLite. `env` has their bindings.
import { type Env, openEnv } from "../../src/env.ts";
import { type EventStores, openStores } from "../../src/store/stores.ts";
import { openShard, type ShardInNode } from "./shard-in-node.ts";
import type { Stores } from "./stores.ts";

export interface LedgerInNode extends EventStores {
  env: Env;
  connections: Record<string, never>;
}

/** A ledger with no shard used before; D1 and R2 are those of `stores`, or stand-ins for them. */
export function openLedger(stores: Pick<Stores, "ledger" | "archive">): LedgerInNode {
  const bindings = { LEDGER: stores.ledger, ARCHIVE: stores.archive, LEDGER_SHARDS: namespaceInNode() };
  const env = openEnv(bindings);
  const connections = {};
  return { env, connections, ...all(openStores({ env, connections })) };
}

const all = ({ ledger, shards, log }: EventStores): EventStores => ({ ledger, shards, log });

/** Shards that are opened when they are named. */
function namespaceInNode() {
  const open = new Map<string, ShardInNode>();
  return {
    getByName(name: string) {
      const shard = open.get(name) ?? openShard();
      open.set(name, shard);
      return shard.shard;
    },
  };
}
