// A shard of the ledger in this process, over Node's own SQLite: for tests of what is kept there, with a clock of their
// own, and for tests of what calls it. The Durable Object around it is tested in test/store/ledger/worker.test.ts.
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import type { RunMessage } from "../../src/shapes/run-message.ts";
import type { ShardStorage, SqlRow } from "../../src/store/ledger/shard/database.ts";
import { type SplittableDeps, SplittableShard } from "../../src/store/ledger/shard/splittable.ts";
import { openShards, type Shards } from "../../src/store/ledger/shards.ts";
import type { RunOnRecord } from "../../src/store/log/contract.ts";
import { refuseWideScans } from "./plans.ts";

/** A Durable Object's storage, as far as a shard uses it. */
export function storageInNode(
  beforeEach: (query: string) => void = () => undefined,
): ShardStorage & { database: DatabaseSync } {
  const database = new DatabaseSync(":memory:");
  const statements = new Map<string, StatementSync>();
  const prepare = (query: string) => {
    const known = statements.get(query);
    if (known) return known;
    refuseWideScans(database, query);
    const statement = database.prepare(query);
    statements.set(query, statement);
    return statement;
  };
  const number = (query: string) => Number(Object.values(prepare(query).get() ?? {})[0]);
  return {
    database,
    sql: {
      exec(query, ...bindings) {
        beforeEach(query);
        const before = number("SELECT total_changes()");
        const rows = prepare(query).all(...(bindings as SQLInputValue[]));
        const written = number("SELECT total_changes()") - before;
        return {
          rowsWritten: written,
          toArray: () =>
            rows.map((row) =>
              Object.fromEntries(
                Object.entries(row).map(([name, value]) => [
                  name,
                  value instanceof Uint8Array ? value.slice().buffer : value,
                ]),
              ),
            ) as SqlRow[],
        };
      },
      get databaseSize() {
        const pages = number("PRAGMA page_count") - number("PRAGMA freelist_count");
        return pages * number("PRAGMA page_size");
      },
    },
    transactionSync(closure) {
      database.exec("BEGIN");
      try {
        const result = closure();
        database.exec("COMMIT");
        return result;
      } catch (error) {
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      }
    },
  };
}

/** A shard, what it has handed to the log and sent to the router, and when its alarm is to ring. */
export interface ShardInNode {
  shard: SplittableShard;
  storage: ReturnType<typeof storageInNode>;
  /** Runs in the log: by id, the furthest. */
  logged: Map<string, RunOnRecord>;
  messages: RunMessage[];
  paused: Set<string>;
  /** When the alarm is to ring, ms. */
  alarm(): number | null;
  /** Rings the alarm at a time. */
  ring(at: number): Promise<void>;
  /** Starts the shard anew over what it has stored. */
  restart(): void;
}

export type ShardOptions = Partial<
  Pick<SplittableDeps, "log" | "send" | "limitBytes" | "now" | "number" | "peer">
> & {
  /** What another one has stored. */
  storage?: ReturnType<typeof storageInNode>;
  /** Called before every statement: what it throws, the shard meets. */
  before?: (query: string) => void;
};

/** Opens a shard. Unless the options say otherwise it keeps what it hands out, in memory. */
export function openShard(options: ShardOptions = {}): ShardInNode {
  let clock = options.now ?? Date.now;
  let alarmAt: number | null = null;
  const storage = options.storage ?? storageInNode(options.before);
  const open = () => new SplittableShard(deps, alarmAt);
  const logged: ShardInNode["logged"] = new Map();
  const deps: SplittableDeps = {
    storage,
    log: options.log ?? {
      async appendRuns(runs) {
        for (const run of runs)
          if ((logged.get(run.id)?.progress ?? -1) <= run.progress) logged.set(run.id, structuredClone(run));
      },
    },
    paused: async () => [...self.paused],
    send:
      options.send ??
      (async (messages) => {
        self.messages.push(...structuredClone(messages));
      }),
    async setAlarm(at) {
      alarmAt = at;
    },
    limitBytes: options.limitBytes ?? 10_000_000_000,
    now: () => clock(),
    number: options.number ?? 0,
    peer:
      options.peer ??
      (() => {
        throw new Error("a shard that stands alone has no other");
      }),
  };
  const self: ShardInNode = {
    shard: undefined as unknown as SplittableShard,
    ...{ storage, logged, messages: [], paused: new Set(), alarm: () => alarmAt },
    async ring(at) {
      clock = () => at;
      alarmAt = null;
      await self.shard.alarm();
    },
    restart() {
      self.shard = open();
    },
  };
  self.restart();
  return self;
}

/** A ledger of several shards in this process; `inNode` are its shards by number. */
export function shardsInNode(count: number, options: ShardOptions = {}): Shards & { inNode: ShardInNode[] } {
  const inNode: ShardInNode[] = [];
  const namespace = {
    getByName(name: string) {
      const number = Number(name.slice("shard-".length));
      inNode[number] ??= openShard({
        peer: (peer) => namespace.getByName(`shard-${peer}`),
        ...options,
        number,
      });
      return inNode[number].shard;
    },
  };
  for (let number = 0; number < count; number++) namespace.getByName(`shard-${number}`);
  return { ...openShards(namespace, count), inNode };
}
