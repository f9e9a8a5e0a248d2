// Deletes rows of the ledger that outlive their use, oldest first, a bounded number at a time, and records how many in
// the same transaction. Events and runs are not deleted here: they move to the archive (archive/).
import type { D1Database } from "@cloudflare/workers-types";
import { KEEP_MS } from "../access/idempotency.ts";

const DAY_MS = 86_400_000;

/**
 * Days for which an event's identities are kept, so that a late report of it adds nothing: 14 days in the events queue,
 * 14 more in its dead-letter queue, which is the most that Queues keep, and as long for a sender's retries.
 */
export const IDENTITY_DAYS = 45;
export const REJECTION_DAYS = 90;
/** Days that a replay is kept after its end. */
export const REPLAY_DAYS = 365;
export const EXPIRY_DAYS = 1095;

interface Lifetime {
  table: string;
  ms: number;
  /** When a row's life begins, ms. */
  at: string;
  /** Which rows are old, by an index: older than the time `?1`, ms, or than its day, `?2`. */
  old: string;
  /** What goes with its rows: a table and its column that names them. */
  parts?: { table: string; of: string }[];
}

const LIFETIMES: Lifetime[] = [
  {
    table: "event_identities",
    ms: IDENTITY_DAYS * DAY_MS,
    at: "day * 86400000",
    old: "day < ?2",
  },
  { table: "rejections", ms: REJECTION_DAYS * DAY_MS, at: "at", old: "at < ?1" },
  { table: "idempotency", ms: KEEP_MS, at: "at", old: "at < ?1" },
  {
    table: "replays",
    ms: REPLAY_DAYS * DAY_MS,
    at: "ended_at",
    parts: [{ table: "replay_counts", of: "replay_id" }],
    // Never one that goes on or is paused, nor one whose runs are still hot.
    old: `created_at < ?1 AND ended_at < ?1 AND status IN ('done', 'cancelled')
      AND NOT EXISTS (SELECT 1 FROM runs AS r WHERE r.replay_id = replays.id)`,
  },
  { table: "expiries", ms: EXPIRY_DAYS * DAY_MS, at: "at", old: "day < ?2" },
];

/** Rows of one table that go in one transaction. */
const PAGE_ROWS = 5000;

/** Deletes a page of what is old in every table. Returns whether more is waiting. */
export async function retireOld(db: D1Database, now: number): Promise<boolean> {
  const day = (time: number) => Math.floor(time / DAY_MS);
  const statements = LIFETIMES.flatMap(({ table, ms, at, old, parts = [] }) => {
    const age = [now - ms, day(now - ms), PAGE_ROWS] as const;
    return [
      db.prepare(reportSql(table, at, old)).bind(...age, now, day(now)),
      ...parts.map((part) => db.prepare(retirePart(part, table, old)).bind(...age)),
      db.prepare(retire(table, old)).bind(...age),
    ];
  });
  const results = await db.batch(statements);
  return results.some(({ meta }) => meta.changes >= PAGE_ROWS);
}

const NAMES: Record<string, string> = {
  event_identities: "identity",
  idempotency: "key, route",
  expiries: "day, what, connection",
};
const nameOf = (table: string) => NAMES[table] ?? "id";

const page = (table: string, old: string) =>
  `(${nameOf(table)}) IN (SELECT ${nameOf(table)} FROM ${table} WHERE ${old} LIMIT ?3)`;

const retire = (table: string, old: string) => `DELETE FROM ${table} WHERE ${page(table, old)}`;

const retirePart = (part: { table: string; of: string }, table: string, old: string) =>
  `DELETE FROM ${part.table} WHERE ${part.of} IN (SELECT ${nameOf(table)} FROM ${table} WHERE ${old} LIMIT ?3)`;

const reportSql = (table: string, at: string, old: string) => `
  INSERT INTO expiries (day, what, connection, count, runs, bytes, oldest, newest, at)
  SELECT ?5, '${table}', '', count(*), 0, 0, min(${at}), max(${at}), ?4
  FROM ${table} WHERE ${page(table, old)}
  HAVING count(*) > 0
  ON CONFLICT (day, what, connection) DO UPDATE SET
    count = count + excluded.count, oldest = min(oldest, excluded.oldest), newest = max(newest, excluded.newest),
    at = excluded.at`;
