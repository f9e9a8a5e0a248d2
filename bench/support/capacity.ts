// What an event costs and how much a ledger holds: what bench/ledger.ts has counted, and the arithmetic from there to
// dollars, by the prices of src/shapes/prices.ts. Pure: the benchmark prints it, test/store/capacity.test.ts holds the
// figures of docs/operations.md to it and counts the constants anew.
import { PRICES, type PriceName } from "../../src/shapes/prices.ts";

/** Dollars for a GB that is stored for a month. */
const SHARD_GB_MONTH_USD = 0.2;
const R2_GB_MONTH_USD = 0.015;

/** How many of each an event costs over its life. */
export type EventCounts = Record<(typeof COUNTED)[number], number>;
const COUNTED = [
  "rows_written",
  "rows_read",
  "object_calls",
  "object_gb_seconds",
  "queue_operations",
  "r2_writes",
  "r2_reads",
  "worker_requests",
  "worker_cpu_ms",
  "log_lines",
] as const satisfies PriceName[];

/** What was counted in workerd of one event, or of one run where the name says so. */
export interface CountedLife {
  /** Rows written of a run's shard: when it is committed, when it ends, when it is packed (alarms in each). */
  commit_rows: number;
  finish_rows: number;
  pack_rows: number;
  /** Calls of the shard's alarm, and objects of the log that its packs write, for a run. */
  run_alarms: number;
  run_puts: number;
  /** Bytes in the shard: of an event's identities, of a packed run, of an object that has items. */
  identity_bytes: number;
  packed_bytes: number;
  tracked_bytes: number;
}

/** What was counted of the log: calls to R2 for an event from its batch to its day, and what a run adds to them. */
export interface CountedLog {
  event_writes: number;
  event_reads: number;
  run_writes: number;
  run_reads: number;
  /** Bytes of an event and of a run in R2, both copies. */
  event_bytes: number;
  run_bytes: number;
}

/** A load: events a second, of which this share runs one pipeline, over so many shards. */
export interface LedgerLoad {
  events_per_s: number;
  matched_share: number;
  shards: number;
}

/** Counted by bench/ledger.ts at 1,000 events a second over 128 shards, a tenth matched; keys of 38 characters. */
export const COUNTED_LIFE: CountedLife = {
  ...{ commit_rows: 2, finish_rows: 2, pack_rows: 0.26, run_alarms: 0.005, run_puts: 0.046 },
  ...{ identity_bytes: 60, packed_bytes: 85, tracked_bytes: 284 },
};
export const COUNTED_LOG: CountedLog = {
  ...{ event_writes: 0.013, event_reads: 0.012, run_writes: 0.007, run_reads: 0.009 },
  ...{ event_bytes: 195, run_bytes: 170 },
};

/** Events of a batch of the router, and jobs of a batch of a pipeline's queue. */
const EVENTS_A_BATCH = 100;
const JOBS_A_BATCH = 10;
/** Not counted but assumed, and on the high side: time in which a shard answers, s; its memory, GB; rows it reads. */
const CALL_SECONDS = 0.01;
const SHARD_GB = 0.128;
const ROWS_READ = 30;
/** Assumed: processor time of the router for an event, and of the pipeline's Worker for a run beside its handler, ms. */
const EVENT_CPU_MS = 2;
const RUN_CPU_MS = 3;
/** Lines of the logs for a batch of events: two that name 50 each, and the platform's own of the invocation. */
const LINES_A_BATCH = 3;
/** The same for a batch of jobs. The ledger's Worker has no lines of invocations, and one of its own for each pack. */
const LINES_A_JOB_BATCH = 2;
/** A message is written, read and deleted. */
const OPERATIONS_A_MESSAGE = 3;

/** Shards that a batch calls, on average: those on which none of its events falls are left out. */
export const shardsOfBatch = (events: number, shards: number) => shards * (1 - (1 - 1 / shards) ** events);

/** What an event costs that every filter refuses. Its shard is asked whether its object has items. */
export function countRefused(log: CountedLog, { shards }: LedgerLoad): EventCounts {
  const shard_calls = shardsOfBatch(EVENTS_A_BATCH, shards) / EVENTS_A_BATCH;
  return {
    rows_written: 0,
    rows_read: ROWS_READ,
    object_calls: shard_calls,
    object_gb_seconds: shard_calls * CALL_SECONDS * SHARD_GB,
    queue_operations: OPERATIONS_A_MESSAGE,
    r2_writes: log.event_writes,
    r2_reads: log.event_reads,
    worker_requests: 1 / EVENTS_A_BATCH,
    worker_cpu_ms: EVENT_CPU_MS,
    // The lines of the batch, and that of its invocation.
    log_lines: LINES_A_BATCH / EVENTS_A_BATCH,
  };
}

/** What an event costs that runs one pipeline by its queue: as one that is refused, its job, and its run. */
export function countMatched(life: CountedLife, log: CountedLog, load: LedgerLoad): EventCounts {
  const event = countRefused(log, load);
  // Each run reports its end by itself.
  const shard_calls = event.object_calls + 1 + life.run_alarms;
  return {
    rows_written: life.commit_rows + life.finish_rows + life.pack_rows,
    rows_read: event.rows_read + 4 * ROWS_READ,
    object_calls: shard_calls,
    object_gb_seconds: shard_calls * CALL_SECONDS * SHARD_GB,
    queue_operations: event.queue_operations + OPERATIONS_A_MESSAGE,
    r2_writes: event.r2_writes + life.run_puts + log.run_writes,
    // What a pack writes is read again when its minute is merged.
    r2_reads: event.r2_reads + life.run_puts + log.run_reads,
    worker_requests: event.worker_requests + 1 / JOBS_A_BATCH,
    worker_cpu_ms: event.worker_cpu_ms + RUN_CPU_MS,
    log_lines: event.log_lines + LINES_A_JOB_BATCH / JOBS_A_BATCH + life.run_alarms,
  };
}

/** Dollars for a million events, item by item, and their sum. */
export function priceMillion(counts: EventCounts): Record<keyof EventCounts | "sum", number> {
  const items = Object.fromEntries(COUNTED.map((name) => [name, counts[name] * PRICES[name]])) as EventCounts;
  return { ...items, sum: COUNTED.reduce((sum, name) => sum + items[name], 0) };
}

const DAY_S = 86_400;
const GB = 1e9;
/** Identities go by whole weeks, once the last of a week is 45 days old. */
const IDENTITY_DAYS = 45 + 7;
const PACK_DAYS = 30;
const LOG_DAYS = 30 + 365;
const DAYS_A_MONTH = 30.4;

/** A ledger after a number of days. Bytes are of one shard; `dollars_a_month` are for what is stored. */
export interface LedgerAge {
  identities_bytes: number;
  packs_bytes: number;
  tracked_bytes: number;
  shard_bytes: number;
  log_bytes: number;
  dollars_a_month: number;
}

/**
 * What a ledger holds after so many days of a load, of which nothing but `tracked` grows with the objects that have items
 * and everything else has its days.
 *
 * @param new_share share of the matched events whose object is new and keeps its items; 1: nothing is ever overwritten
 */
export function simulateLedger(
  load: LedgerLoad,
  days: number,
  new_share: number,
  life: CountedLife,
  log: CountedLog,
): LedgerAge {
  const events_a_day = load.events_per_s * DAY_S;
  const runs_a_day = events_a_day * load.matched_share;
  const runs_a_shard = runs_a_day / load.shards;
  const identities_bytes = runs_a_shard * Math.min(days, IDENTITY_DAYS) * life.identity_bytes;
  const packs_bytes = runs_a_shard * Math.min(days, PACK_DAYS) * life.packed_bytes;
  const tracked_bytes = runs_a_shard * days * new_share * life.tracked_bytes;
  const shard_bytes = identities_bytes + packs_bytes + tracked_bytes;
  const log_days = Math.min(days, LOG_DAYS);
  const log_bytes = log_days * (events_a_day * log.event_bytes + runs_a_day * log.run_bytes);
  return {
    ...{ identities_bytes, packs_bytes, tracked_bytes, shard_bytes, log_bytes },
    dollars_a_month:
      (shard_bytes * load.shards * SHARD_GB_MONTH_USD) / GB + (log_bytes * R2_GB_MONTH_USD) / GB,
  };
}

/** Dollars that the events of a month cost at a load. */
export const priceMonth = (load: LedgerLoad, refused_usd: number, matched_usd: number) =>
  (load.events_per_s *
    DAY_S *
    DAYS_A_MONTH *
    (matched_usd * load.matched_share + refused_usd * (1 - load.matched_share))) /
  1e6;
