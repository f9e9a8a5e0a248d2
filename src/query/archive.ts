// The archive as people see it: retention, size and age of each connection's events, and what has expired.
import type { D1Database } from "@cloudflare/workers-types";
import { type Connections, retentionOf } from "../shapes/connection.ts";
import { cutPage } from "../store/page.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import type { ListPage, ListQuery } from "./ledger.ts";

interface HeldRow {
  connection: string;
  oldest_hot: string | null;
  segments: number;
  events: number;
  runs: number;
  bytes: number;
  oldest: number | null;
  newest: number | null;
}

const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());

/** Every connection that has events on record or may come to have some, with its retention. */
export async function describeArchive(db: D1Database, connections: Connections) {
  const ids = Object.entries(connections.connections).flatMap(([id, { kind }]) =>
    kind === "d1" ? [] : [id],
  );
  const { results } = await db.prepare(SQL.held).bind(JSON.stringify(ids)).all<HeldRow>();
  return results.map(({ connection, oldest_hot, oldest, newest, ...archive }) => ({
    connection,
    ...retentionOf(connections, connection),
    oldest_hot,
    archive: { ...archive, oldest: iso(oldest), newest: iso(newest) },
  }));
}

interface ExpiryRow {
  day: number;
  what: string;
  connection: string;
  count: number;
  runs: number;
  bytes: number;
  oldest: number;
  newest: number;
  at: number;
}
export type Expiry = ReturnType<typeof expiryOf>;

const expiryOf = ({ day, connection, oldest, newest, at, ...row }: ExpiryRow) => ({
  day: new Date(day * 86_400_000).toISOString().slice(0, 10),
  ...row,
  connection: connection === "" ? null : connection,
  oldest: iso(oldest),
  newest: iso(newest),
  at: iso(at),
});

/** What has expired, by day, newest first. */
export async function listExpired(db: D1Database, { limit, cursor }: ListQuery): Promise<ListPage<Expiry>> {
  const after = decodeCursor("expired", cursor, 3) ?? [Number.MAX_SAFE_INTEGER, "", ""];
  const { results } = await db
    .prepare(SQL.expired)
    .bind(...after, limit + 1)
    .all<ExpiryRow>();
  const { rows, last } = cutPage(results, limit);
  const data = rows.map(expiryOf);
  if (!last) return { data };
  return { data, next: encodeCursor("expired", [last.day, last.what, last.connection]) };
}

const SQL = {
  held: `
    WITH held AS (
      SELECT connection, count(*) AS segments, sum(events) AS events, sum(runs) AS runs, sum(bytes) AS bytes,
        min(minute) * 60000 AS oldest, max(minute) * 60000 + 59999 AS newest
      FROM segments WHERE state = 'kept' GROUP BY connection)
    SELECT c.name AS connection,
      (SELECT min(e.received_at) FROM events AS e WHERE e.connection = c.name) AS oldest_hot,
      coalesce(h.segments, 0) AS segments, coalesce(h.events, 0) AS events, coalesce(h.runs, 0) AS runs,
      coalesce(h.bytes, 0) AS bytes, h.oldest, h.newest
    FROM (SELECT value AS name FROM json_each(?1) UNION SELECT connection FROM held) AS c
    LEFT JOIN held AS h ON h.connection = c.name
    ORDER BY c.name`,
  expired: `
    SELECT * FROM expiries WHERE (day, what, connection) < (?1, ?2, ?3)
    ORDER BY day DESC, what DESC, connection DESC LIMIT ?4`,
};
