// Retention as people see it: for how long each connection's events are kept and how much the log holds of them, and what
// rows of the ledger's small tables have expired.
import type { D1Database, R2Bucket } from "@cloudflare/workers-types";
import type { Env } from "../env.ts";
import { type Connections, retentionOf } from "../shapes/connection.ts";
import { measureLog } from "../store/log/size.ts";
import { describeMove } from "../store/moving/state.ts";
import { cutPage } from "../store/page.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import type { ListPage, ListQuery } from "./ledger.ts";

const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());

/** What is kept of each connection, and how far the move of a ledger of the release before has come. */
export const describeArchive = async (env: Pick<Env, "archive" | "ledger">, connections: Connections) => ({
  data: await describeLog(env.archive(), connections),
  moving: await describeMove(env.ledger()),
});

/** Every connection that has events in the log or may come to have some, with its retention. */
async function describeLog(bucket: R2Bucket, connections: Connections) {
  const sizes = new Map((await measureLog(bucket)).map((size) => [size.connection, size]));
  const ids = Object.entries(connections.connections).flatMap(([id, { kind }]) =>
    kind === "d1" ? [] : [id],
  );
  return [...new Set([...ids, ...sizes.keys()])].sort().map((connection) => {
    const { events = 0, runs = 0, bytes = 0, oldest = null, newest = null } = sizes.get(connection) ?? {};
    const log = { events, runs, bytes, oldest: iso(oldest), newest: iso(newest) };
    return { connection, ...retentionOf(connections, connection), log };
  });
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
  expired: `
    SELECT * FROM expiries WHERE (day, what, connection) < (?1, ?2, ?3)
    ORDER BY day DESC, what DESC, connection DESC LIMIT ?4`,
};
