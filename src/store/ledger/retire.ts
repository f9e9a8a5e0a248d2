// Deletes rows of the ledger that outlive their use, oldest first, a bounded number at a time, and records how many in
// the same transaction. Events and runs are in the log and in the shards, which see to themselves.
import type { D1Database } from "@cloudflare/workers-types";
import { KEEP_MS } from "../access/idempotency.ts";

const DAY_MS = 86_400_000;

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
}

const LIFETIMES: Lifetime[] = [
  { table: "rejections", ms: REJECTION_DAYS * DAY_MS, at: "at", old: "at < ?1" },
  { table: "idempotency", ms: KEEP_MS, at: "at", old: "at < ?1" },
  {
    table: "replays",
    ms: REPLAY_DAYS * DAY_MS,
    at: "ended_at",
    // Never one that goes on or is paused.
    old: "created_at < ?1 AND ended_at < ?1 AND status IN ('done', 'cancelled')",
  },
  { table: "expiries", ms: EXPIRY_DAYS * DAY_MS, at: "at", old: "day < ?2" },
];

/** Rows of one table that go in one transaction. */
const PAGE_ROWS = 5000;

/** Deletes a page of what is old in every table. Returns whether more is waiting. */
export async function retireOld(db: D1Database, now: number): Promise<boolean> {
  const day = (time: number) => Math.floor(time / DAY_MS);
  const statements = LIFETIMES.flatMap(({ table, ms, at, old }) => {
    const age = [now - ms, day(now - ms), PAGE_ROWS] as const;
    return [
      db.prepare(reportSql(table, at, old)).bind(...age, now, day(now)),
      db.prepare(retire(table, old)).bind(...age),
    ];
  });
  const results = await db.batch(statements);
  return results.some(({ meta }) => meta.changes >= PAGE_ROWS);
}

const NAMES: Record<string, string> = {
  idempotency: "key, route",
  expiries: "day, what, connection",
};
const nameOf = (table: string) => NAMES[table] ?? "id";

const page = (table: string, old: string) =>
  `(${nameOf(table)}) IN (SELECT ${nameOf(table)} FROM ${table} WHERE ${old} LIMIT ?3)`;

const retire = (table: string, old: string) => `DELETE FROM ${table} WHERE ${page(table, old)}`;

const reportSql = (table: string, at: string, old: string) => `
  INSERT INTO expiries (day, what, connection, count, runs, bytes, oldest, newest, at)
  SELECT ?5, '${table}', '', count(*), 0, 0, min(${at}), max(${at}), ?4
  FROM ${table} WHERE ${page(table, old)}
  HAVING count(*) > 0
  ON CONFLICT (day, what, connection) DO UPDATE SET
    count = count + excluded.count, oldest = min(oldest, excluded.oldest), newest = max(newest, excluded.newest),
    at = excluded.at`;
