// Passes of the archive: the connections whose events are moved, and where the pass over each of them stands.
import type { D1Database } from "@cloudflare/workers-types";
import { type Arrival, FIRST_ARRIVAL } from "./move.ts";

/** Rest of a finished pass, ms: events that cannot move yet are not looked at every minute. */
const REST_MS = 900_000;

export interface ArchivePass {
  connection: string;
  /** Place at which the pass goes on; undefined while it rests. */
  at: Arrival | undefined;
}

/** Every connection that has anything on record, whether or not it is still configured. */
export async function listPasses(db: D1Database, now: number): Promise<ArchivePass[]> {
  const { results } = await db
    .prepare(SQL.passes)
    .all<{ connection: string; received_at: string | null; id: string | null; rest_until: number | null }>();
  return results.map(({ connection, received_at, id, rest_until }) => {
    if ((rest_until ?? 0) > now) return { connection, at: undefined };
    return { connection, at: received_at === null || id === null ? FIRST_ARRIVAL : { received_at, id } };
  });
}

/** Puts on record where a pass stands; without a place it is at its end and rests. */
export async function recordPass(
  db: D1Database,
  connection: string,
  place: Arrival | undefined,
  now: number,
): Promise<void> {
  const { received_at, id } = place ?? FIRST_ARRIVAL;
  await db
    .prepare(SQL.to)
    .bind(connection, received_at, id, place ? 0 : now + REST_MS)
    .run();
}

/** Each distinct value by one step in its index. */
const distinct = (table: string) => `
  WITH RECURSIVE seen (name) AS (
    SELECT min(connection) FROM ${table}
    UNION ALL
    SELECT (SELECT min(t.connection) FROM ${table} AS t WHERE t.connection > seen.name)
    FROM seen WHERE seen.name IS NOT NULL)
  SELECT name FROM seen WHERE name IS NOT NULL`;

const SQL = {
  passes: `
    SELECT c.name AS connection, p.received_at, p.id, p.rest_until
    FROM (SELECT * FROM (${distinct("events")}) UNION SELECT * FROM (${distinct("segments")})) AS c
    LEFT JOIN archive_passes AS p ON p.connection = c.name
    ORDER BY c.name`,
  to: `
    INSERT INTO archive_passes (connection, received_at, id, rest_until) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (connection) DO UPDATE SET
      received_at = excluded.received_at, id = excluded.id, rest_until = excluded.rest_until`,
};
