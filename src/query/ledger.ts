// Reads of the ledger for people: events, runs, dead letters, rejections, newest first, keyset-paged.
import type { D1Database } from "@cloudflare/workers-types";
import type { Event } from "../shapes/event.ts";
import type { Failure } from "../shapes/failure.ts";
import type { RunStatus } from "../shapes/run.ts";
import type { Outcome } from "../store/ledger.ts";
import { type CursorKey, decodeCursor, encodeCursor } from "./cursor.ts";

export interface ListQuery {
  limit: number;
  cursor?: string | undefined;
}
export interface ListPage<T> {
  data: T[];
  next?: string;
}

/** One page of any of the ledger's tables: its rows, `where` each filter is set, after the cursor, newest first. */
export async function page<Row extends object, T>(
  db: D1Database,
  table: string,
  order: [string, string],
  filters: Record<string, string | undefined>,
  { limit, cursor }: ListQuery,
  shape: (row: Row) => T,
): Promise<ListPage<T>> {
  const after = decodeCursor(table, cursor, 2);
  const values: CursorKey = [limit + 1];
  const parameter = (value: string | number) => `?${values.push(value)}`;
  const conditions = Object.entries(filters).flatMap(([column, value]) =>
    value === undefined ? [] : [`${column} = ${parameter(value)}`],
  );
  if (after) conditions.push(`(${order.join(", ")}) < (${after.map(parameter).join(", ")})`);
  const where = conditions.length > 0 ? `WHERE ${conditions.join(" AND ")}` : "";
  const { results } = await db
    .prepare(`SELECT * FROM ${table} ${where} ORDER BY ${order[0]} DESC, ${order[1]} DESC LIMIT ?1`)
    .bind(...values)
    .all<Row>();
  const rows = results.slice(0, limit);
  const last = rows.at(-1) as Record<string, CursorKey[number]> | undefined;
  const data = rows.map(shape);
  return results.length > limit && last
    ? { data, next: encodeCursor(table, [last[order[0]] ?? "", last[order[1]] ?? ""]) }
    : { data };
}

interface EventRow {
  envelope: string;
  outcome: string;
}
/** A recorded event with what was decided about it. */
export type RecordedEvent = Omit<Event, "identities"> & { outcome: Outcome };

const eventOf = (row: EventRow): RecordedEvent => {
  const { identities: _, ...event }: Event = JSON.parse(row.envelope);
  return { ...event, outcome: JSON.parse(row.outcome) as Outcome };
};

export const listEvents = (
  db: D1Database,
  filters: { connection?: string | undefined; key?: string | undefined },
  query: ListQuery,
) =>
  page<EventRow, RecordedEvent>(
    db,
    "events",
    ["received_at", "id"],
    { connection: filters.connection, key: filters.key },
    query,
    eventOf,
  );

export async function getEvent(db: D1Database, id: string): Promise<RecordedEvent | null> {
  const row = await db
    .prepare("SELECT envelope, outcome FROM events WHERE id = ?1")
    .bind(id)
    .first<EventRow>();
  return row && eventOf(row);
}

interface RunRow {
  id: string;
  event_id: string;
  alias: string;
  cause: string;
  connection: string;
  bucket: string;
  key: string;
  status: RunStatus;
  attempt: number;
  version: string | null;
  commit_id: string | null;
  etag: string | null;
  items: number | null;
  reason: string | null;
  failure: string | null;
  log: string | null;
  replay_id: string | null;
  created_at: number;
  queued_at: number | null;
  started_at: number | null;
  ended_at: number | null;
}
export type RecordedRun = ReturnType<typeof runOf>;

const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());

const runOf = (row: RunRow) => ({
  id: row.id,
  event_id: row.event_id,
  alias: row.alias,
  cause: row.cause,
  object: { connection: row.connection, bucket: row.bucket, key: row.key, etag: row.etag },
  status: row.status,
  attempt: row.attempt,
  version: row.version,
  commit: row.commit_id,
  items: row.items,
  reason: row.reason,
  failure: row.failure === null ? null : (JSON.parse(row.failure) as Failure),
  log: row.log === null ? [] : (JSON.parse(row.log) as string[]),
  replay_id: row.replay_id,
  created_at: iso(row.created_at),
  queued_at: iso(row.queued_at),
  started_at: iso(row.started_at),
  ended_at: iso(row.ended_at),
});

export const listRuns = (
  db: D1Database,
  filters: { event_id?: string | undefined; alias?: string | undefined; status?: string | undefined },
  query: ListQuery,
) =>
  page<RunRow, RecordedRun>(
    db,
    "runs",
    ["created_at", "id"],
    { event_id: filters.event_id, alias: filters.alias, status: filters.status },
    query,
    runOf,
  );

interface HistoryRow {
  at: number;
  status: RunStatus;
  attempt: number;
  cause: string | null;
}

/** A run, and every state it has been in. */
export async function getRun(db: D1Database, id: string) {
  const [run, history] = await db.batch<RunRow & HistoryRow>([
    db.prepare("SELECT * FROM runs WHERE id = ?1").bind(id),
    db
      .prepare("SELECT at, status, attempt, cause FROM run_history WHERE run_id = ?1 ORDER BY at, rowid")
      .bind(id),
  ]);
  const row = run?.results[0];
  if (!row) return null;
  const states = (history?.results ?? []).map(({ at, ...state }) => ({ at: iso(at), ...state }));
  return { ...runOf(row), history: states };
}

interface DeadRow {
  run_id: string;
  alias: string;
  job: string;
  failure: string;
  attempts: number;
  at: number;
}
const deadOf = ({ job, failure, at, ...row }: DeadRow) => {
  const { event } = JSON.parse(job) as { event: Event };
  const { id, connection, bucket, key } = event;
  return {
    ...row,
    failure: JSON.parse(failure) as Failure,
    event_id: id,
    object: { connection, bucket, key },
    at: iso(at),
  };
};

export const listDeadLetters = (db: D1Database, filters: { alias?: string | undefined }, query: ListQuery) =>
  page<DeadRow, ReturnType<typeof deadOf>>(
    db,
    "dead_letters",
    ["at", "run_id"],
    { alias: filters.alias },
    query,
    deadOf,
  );

interface RejectionRow {
  id: number;
  connection: string;
  scheme: string;
  failure: string;
  raw: string | null;
  count: number;
  at: number;
  minute: number;
}
const rejectionOf = ({ failure, raw, at, id: _, minute: __, ...row }: RejectionRow) => {
  return { ...row, failure: JSON.parse(failure) as Failure, ...(raw !== null && { raw }), at: iso(at) };
};

export const listRejections = (
  db: D1Database,
  filters: { connection?: string | undefined },
  query: ListQuery,
) =>
  page<RejectionRow, ReturnType<typeof rejectionOf>>(
    db,
    "rejections",
    ["at", "id"],
    { connection: filters.connection },
    query,
    rejectionOf,
  );
