// Expires segments: those whose time is over are marked, their objects are deleted, and then one transaction deletes
// their rows and records how many went. If it is cut off anywhere, the next call goes on.
import type { EventStores } from "../../env.ts";

/** Segments of one page: at most 50,000 rows of the index go in one transaction. */
const PAGE_SEGMENTS = 100;

/** Expires a page of a connection's segments that are older than a minute. Returns how many. */
export async function expirePage(
  { ledger, archive }: EventStores,
  connection: string,
  beforeMinute: number,
  now: number,
): Promise<number> {
  const [, expiring] = await ledger.batch<{ id: number; key: string }>([
    ledger.prepare(SQL.mark).bind(connection, beforeMinute, now, PAGE_SEGMENTS),
    ledger.prepare(SQL.expiring).bind(connection, PAGE_SEGMENTS),
  ]);
  const segments = expiring?.results ?? [];
  if (segments.length === 0) return 0;
  await archive.delete(segments.map(({ key }) => key));
  const ids = JSON.stringify(segments.map(({ id }) => id));
  await ledger.batch([
    ledger.prepare(SQL.report).bind(ids, now, Math.floor(now / 86_400_000)),
    ledger.prepare(SQL.forget).bind(ids),
    ledger.prepare(SQL.drop).bind(ids),
  ]);
  return segments.length;
}

const SQL = {
  mark: `
    UPDATE segments SET state = 'expiring', moved_at = ?3
    WHERE id IN (
      SELECT id FROM segments WHERE connection = ?1 AND minute < ?2 AND state = 'kept' ORDER BY minute LIMIT ?4)`,
  // By the index of the few that are not kept, not by that of all of the connection.
  expiring: `
    SELECT id, key FROM segments
    WHERE state != 'kept' AND state = 'expiring' AND +connection = ?1 ORDER BY id LIMIT ?2`,
  report: `
    INSERT INTO expiries (day, what, connection, count, runs, bytes, oldest, newest, at)
    SELECT ?3, 'events', connection, sum(events), sum(runs), sum(bytes),
      min(minute) * 60000, max(minute) * 60000 + 59999, ?2
    FROM segments WHERE state = 'expiring' AND id IN (SELECT value FROM json_each(?1))
    GROUP BY connection
    ON CONFLICT (day, what, connection) DO UPDATE SET
      count = count + excluded.count, runs = runs + excluded.runs, bytes = bytes + excluded.bytes,
      oldest = min(oldest, excluded.oldest), newest = max(newest, excluded.newest), at = excluded.at`,
  forget: "DELETE FROM archived WHERE segment IN (SELECT value FROM json_each(?1))",
  drop: "DELETE FROM segments WHERE state = 'expiring' AND id IN (SELECT value FROM json_each(?1))",
};
