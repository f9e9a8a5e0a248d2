// Opens a ledger in workerd for bench/ledger.ts and test/store/capacity.test.ts, and counts what one event costs there: the
// life of a shard by a clock of its own, and the log from batches to days.
import type { CountedLife, CountedLog, LedgerLoad } from "./capacity.ts";
import { openInWorkerd } from "./workerd.ts";

export const openLedgerBench = () =>
  openInWorkerd(
    "ledger",
    {
      ARCHIVE: { type: "r2", name: "archive" },
      REPORTS: { type: "queue", name: "weir-reports" },
      LEDGER_SHARDS: { type: "durable-object", worker: "ledger", exportName: "LedgerShard" },
    },
    { LedgerShard: { type: "durable-object", storage: "sqlite" } },
  );

interface LivedShard {
  rows: { commit: number; finish: number; pack: number };
  drop_rows: number;
  alarms: number;
  puts: number;
  left: number;
  bytes: { packs: number; identities: number; tracked: number };
}

/** Lets one shard live through so many runs of a load, each committed and ended by itself. Nothing may be left open. */
export async function countLife(load: LedgerLoad, runs: number): Promise<CountedLife> {
  const { ask, close } = await openLedgerBench();
  const rate = (load.events_per_s * load.matched_share) / load.shards;
  const { found } = await ask<{ found: LivedShard }>(`/life?rate=${rate}&runs=${runs}`);
  await close();
  if (found.left > 0) throw new Error(`${found.left} kinds of runs are still open`);
  const { rows, bytes } = found;
  return {
    commit_rows: rows.commit / runs,
    finish_rows: rows.finish / runs,
    pack_rows: (rows.pack + found.drop_rows) / runs,
    run_alarms: found.alarms / runs,
    run_puts: found.puts / runs,
    identity_bytes: bytes.identities / runs,
    packed_bytes: bytes.packs / runs,
    tracked_bytes: bytes.tracked / runs,
  };
}

interface LivedLog {
  writes: number;
  reads: number;
  bytes: number;
}

/** Minutes of the log that are lived through, and events of each: a hundred a second. */
const LOG_MINUTES = 3;
const EVENTS_A_MINUTE = 6_000;

/**
 * Lets the log live through some minutes, twice: once of events that are all refused, once with a tenth matched, whose runs
 * come ten minutes later from all shards. At a hundred events a second, where calls to R2 are more for an event than at a
 * thousand.
 */
export async function countLog({ matched_share, shards }: LedgerLoad): Promise<CountedLog> {
  const events = LOG_MINUTES * EVENTS_A_MINUTE;
  const runs = EVENTS_A_MINUTE * matched_share;
  const live = async (runs: number) => {
    const { ask, close } = await openLedgerBench();
    const path = `/log?minutes=${LOG_MINUTES}&events=${EVENTS_A_MINUTE}&runs=${runs}&shards=${shards}`;
    const { found } = await ask<{ found: LivedLog }>(path);
    await close();
    return found;
  };
  const [refused, mixed] = [await live(0), await live(runs)];
  // What packs write themselves is counted with the shard, and so is its one read.
  const packs = LOG_MINUTES * Math.min(shards, runs);
  const ofRun = (name: keyof LivedLog, own: number) =>
    (mixed[name] - refused[name] - own) / (LOG_MINUTES * runs);
  return {
    event_writes: refused.writes / events,
    event_reads: refused.reads / events,
    run_writes: Math.max(0, ofRun("writes", packs)),
    run_reads: Math.max(0, ofRun("reads", packs)),
    event_bytes: refused.bytes / events,
    run_bytes: ofRun("bytes", 0),
  };
}
