// A shard's own upkeep, by its alarm: sends what is due, packs what has ended and hands it to the log, drops what is old,
// and makes room when the shard is nearly full. Every step may be cut off anywhere and is then done again.

import { hexOfId } from "../../../shapes/event-id.ts";
import { FailureError } from "../../../shapes/failure.ts";
import type { RunMessage } from "../../../shapes/run-message.ts";
import type { EventLog } from "../../log/contract.ts";
import { dropActivity, latencyOf } from "./activity.ts";
import { countPacked, HOUR_MS } from "./counters.ts";
import { findDue, noteSent } from "./due.ts";
import { dueOf, eventOf, type HeldRun, OPEN, recordOf, selectRuns } from "./held-runs.ts";
import { dropIdentities, IDENTITY_DAYS } from "./identities.ts";
import { dropPacks, keepPack, PACK_DAYS, PACK_RUNS, type Pack, type PackedRun, packRuns } from "./packs.ts";
import { dropSpending } from "./spending.ts";
import type { ShardTables } from "./tables.ts";

const DAY_MS = 86_400_000;
/** Time for which a run that has ended stays as it is, ms: late reports of its object find it. */
export const SETTLE_MS = 30_000;
/** Ended runs that wait for company are packed after this, ms. */
export const PACK_WAIT_MS = 600_000;
/**
 * Ended runs that are packed at once. The more they are, the fewer are left beside them, which have to move to the next
 * table: at 8 runs a second it is one in 15.
 */
export const PACK_DUE_RUNS = 4_000;
/** Most runs of one pass. */
const MAX_PACKED = 10_000;
/** Rows that a new table costs. */
const TABLE_ROWS = 4;
/** Days for which successes are counted by the hour. */
const SUCCESS_DAYS = 400;
/** Largest message, bytes: a queue takes 128,000. */
const MAX_MESSAGE_BYTES = 120_000;

/** Sends runs that are due. Returns how many. */
export async function sendDue(
  tables: ShardTables,
  now: number,
  paused: string[],
  send: (messages: RunMessage[]) => Promise<void>,
): Promise<number> {
  const due = findDue(tables, now, paused);
  if (due.length === 0) return 0;
  await send(messagesOf(due));
  tables.database.transaction(() => noteSent(tables, due, now));
  return due.length;
}

function messagesOf(due: HeldRun[]): RunMessage[] {
  const messages: Extract<RunMessage, { kind: "due" }>[] = [];
  let room = 0;
  for (const run of due) {
    const bytes = new TextEncoder().encode(run.event).byteLength + 500;
    const last = messages.at(-1);
    if (last && bytes <= room) last.runs.push(dueOf(run));
    else {
      messages.push({ kind: "due", runs: [dueOf(run)] });
      room = MAX_MESSAGE_BYTES;
    }
    room -= bytes;
  }
  return messages;
}

const CLOSED = `status NOT IN ${OPEN} AND closed_at <= ?`;

/** When runs that have ended are to be packed, ms: soon where they are many. Undefined where none has ended. */
export function nextPack(tables: ShardTables, now: number): number | undefined {
  const row = tables.database.first<{ runs: number; oldest: number | null }>(
    `SELECT count(*) AS runs, min(closed_at) AS oldest FROM ${tables.runs} WHERE status NOT IN ${OPEN}`,
  );
  if (row?.oldest == null) return undefined;
  const settled = row.runs < PACK_DUE_RUNS ? 0 : countSettled(tables, now - SETTLE_MS);
  return row.oldest + (settled >= PACK_DUE_RUNS ? SETTLE_MS : PACK_WAIT_MS);
}

const countSettled = (tables: ShardTables, closedBy: number) =>
  tables.database.first<{ runs: number }>(
    `SELECT count(*) AS runs FROM ${tables.runs} WHERE ${CLOSED}`,
    closedBy,
  )?.runs ?? 0;

/**
 * Packs runs that have ended: first they are written to the log, then, in one transaction, become packs and counts. Cut
 * off between the two, they are written to the log once more, where twice is once. Returns how many.
 */
export async function packEnded(
  tables: ShardTables,
  now: number,
  log: Pick<EventLog, "appendRuns">,
): Promise<number> {
  const closedBy = now - SETTLE_MS;
  const packs: Pack[] = [];
  const changes = tables.lateChanges;
  let packed = 0;
  for (let last: HeldRun | undefined; packed < MAX_PACKED; ) {
    const runs = endedPage(tables, closedBy, last);
    if (runs.length === 0) break;
    last = runs.at(-1);
    const all = runs.map(packedOf);
    await log.appendRuns(all.map(({ run }) => run));
    packs.push(...packRuns(all));
    packed += all.length;
  }
  if (packed === 0) return 0;
  // A late report of one of them: what was read is no longer so, and the next pass reads it anew.
  if (tables.lateChanges !== changes) return 0;
  const all = packs.flatMap((pack) => pack.packed);
  tables.database.transaction(() => {
    for (const pack of packs) keepPack(tables, pack);
    countPacked(tables, all);
    removePacked(tables, all, closedBy);
  });
  return packed;
}

/** Removes runs that were packed, in the way that writes fewer rows: one by one, or by moving those that are left. */
function removePacked(tables: ShardTables, packed: PackedRun[], closedBy: number): void {
  const { database, runs } = tables;
  const count = database.first<{ rows: number; closed: number }>(
    `SELECT count(*) AS rows, coalesce(sum(${CLOSED}), 0) AS closed FROM ${runs}`,
    closedBy,
  );
  const left = (count?.rows ?? 0) - packed.length;
  if (count?.closed === packed.length && left + TABLE_ROWS < packed.length) {
    tables.renewRuns(`NOT (${CLOSED})`, closedBy);
    return;
  }
  for (const { object, run } of packed)
    database.all(
      `DELETE FROM ${runs} WHERE object = unhex(?) AND id = unhex(?) AND alias = ?`,
      object,
      hexOfId(run.event_id),
      run.alias,
    );
}

/** A page of runs that have ended, by object. */
function endedPage(tables: ShardTables, closedBy: number, after: HeldRun | undefined): HeldRun[] {
  const [object, id, alias] = after ? [after.object, after.event_id.slice(4), after.alias] : ["", "", ""];
  return selectRuns(
    tables,
    `${CLOSED} AND (object, id, alias) > (unhex(?), unhex(?), ?) ORDER BY object, id, alias LIMIT ${PACK_RUNS}`,
    [closedBy, object, id, alias],
    ["runs"],
  );
}

/** A run as it is packed and counted. */
export const packedOf = (run: HeldRun): PackedRun => ({
  object: run.object,
  run: recordOf(run),
  closed_at: run.closed_at ?? 0,
  produced: run.detail.produced ?? [],
  latency: latencyOfRun(run),
});

function latencyOfRun(run: HeldRun): number | null {
  const { cause, items = 0, stored_at } = run.detail;
  const isOfSender = cause === "matched" || cause === "tracked";
  if (run.status !== "succeeded" || items === 0 || !isOfSender || stored_at === undefined) return null;
  return latencyOf(eventOf(run).time, stored_at);
}

/** Drops what is older than it is kept. */
export function dropOld(tables: ShardTables, now: number): void {
  dropIdentities(tables, now);
  dropPacks(tables, now - PACK_DAYS * DAY_MS);
  dropSpending(tables, now);
  dropActivity(tables, now);
  const hour = Math.floor((now - SUCCESS_DAYS * DAY_MS) / HOUR_MS);
  tables.database.all("DELETE FROM successes WHERE hour < ?", hour);
}

/** Share of the limit from which on a shard makes room. */
const SHED_SHARE = 0.95;
/** Packs that go at once. */
const SHED_PACKS = 20;

export const isNearlyFull = (tables: ShardTables, limitBytes: number): boolean =>
  tables.database.bytes >= limitBytes * SHED_SHARE;

/**
 * Makes room in a shard that is nearly full: packs go, oldest first, since the log has their runs; then identities, the
 * oldest weeks first, of which late duplicates would become events of their own. Nothing that is open goes.
 */
export function makeRoom(tables: ShardTables, now: number, limitBytes: number): void {
  const isShort = () => isNearlyFull(tables, limitBytes);
  while (isShort() && dropPacks(tables, Number.MAX_SAFE_INTEGER, SHED_PACKS) > 0);
  for (const days of SHED_IDENTITY_DAYS) if (isShort()) dropIdentities(tables, now, days);
}

/** Ages from which on identities go in a shard that is nearly full, days. */
const SHED_IDENTITY_DAYS = [IDENTITY_DAYS, 28, 15];

/** Seconds until a full shard is tried again. */
const FULL_RETRY_SECONDS = 300;

/** The failure of a shard that takes nothing new. */
export const fullShard = (detail: string): FailureError =>
  new FailureError({
    kind: "store_full",
    detail: `a shard of the ledger is full: database or disk is full: ${detail}`,
    next: "raise the number of shards, or drop letters and cancel runs that nobody needs",
    retry_after_seconds: FULL_RETRY_SECONDS,
  });
