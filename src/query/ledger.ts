// The ledger as people read it: events, runs and rejections, newest first, in pages; events and runs that have moved to
// the archive are read there. page() also serves dead letters, replays, keys and the audit log.
import type { D1Database } from "@cloudflare/workers-types";
import type { EventStores } from "../env.ts";
import type { Event } from "../shapes/event.ts";
import type { Failure } from "../shapes/failure.ts";
import { findArchived, newestArchived } from "../store/archive/find.ts";
import { eventOfRun } from "../store/archive/index-rows.ts";
import { walk } from "../store/archive/walk.ts";
import type { EventOutcome } from "../store/ledger/events.ts";
import type { EventRow, HistoryRow, RunRow } from "../store/ledger/rows.ts";
import { cutPage } from "../store/page.ts";
import { type CursorKey, decodeCursor, encodeCursor } from "./cursor.ts";

export interface ListQuery {
  limit: number;
  cursor?: string | undefined;
}
export interface ListPage<T> {
  data: T[];
  next?: string;
}

/** One page of a ledger table, newest first: rows that match each filter that is set, after the cursor. */
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
  const { rows, last } = cutPage(results, limit);
  const data = rows.map(shape);
  if (!last) return { data };
  const key = last as Record<string, CursorKey[number]>;
  return { data, next: encodeCursor(table, [key[order[0]] ?? "", key[order[1]] ?? ""]) };
}

/** A recorded event with what was decided about it. `archived` where it is no longer hot. */
export type RecordedEvent = Omit<Event, "identities"> & { outcome: EventOutcome; archived?: true };

const recorded = (
  { identities: _, ...event }: Event,
  outcome: EventOutcome,
  archived: boolean,
): RecordedEvent => {
  return { ...event, outcome, ...(archived && { archived }) };
};

/** Events wherever they are, those of the archive after and between those that are hot, as they arrived. */
export async function listEvents(
  stores: EventStores,
  filters: { connection?: string | undefined; key?: string | undefined },
  { limit, cursor }: ListQuery,
): Promise<ListPage<RecordedEvent>> {
  const from = decodeCursor("events", cursor, 2);
  const after = from && { received_at: String(from[0]), id: String(from[1]) };
  const { rows, next } = await walk(stores, { order: "newest first", ...filters }, after, limit);
  const data = rows.map(({ event, outcome, archived }) => recorded(event, outcome, archived));
  return next ? { data, next: encodeCursor("events", [next.received_at, next.id]) } : { data };
}

export async function getEvent(stores: EventStores, id: string): Promise<RecordedEvent | null> {
  const row = await stores.ledger
    .prepare("SELECT envelope, outcome FROM events WHERE id = ?1")
    .bind(id)
    .first<EventRow>();
  if (row) return recorded(JSON.parse(row.envelope), JSON.parse(row.outcome), false);
  const entry = await findArchived(stores, id);
  return entry && recorded(entry.event, entry.outcome, true);
}

export type RecordedRun = ReturnType<typeof runOf>;

export const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());

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
  embeddings: row.embedded ? { asked: row.embedded, known: row.embedded_known ?? 0 } : null,
  replay_id: row.replay_id,
  created_at: iso(row.created_at),
  queued_at: iso(row.queued_at),
  started_at: iso(row.started_at),
  ended_at: iso(row.ended_at),
});

interface RunFilters {
  event_id?: string | undefined;
  alias?: string | undefined;
  status?: string | undefined;
}
type RunPage = ListPage<RecordedRun> & { archive?: { until: string; note: string } };

/**
 * Runs that are hot; those of one event wherever it is. The last page of a list says where older ones are, if
 * any are: what is in the archive is found by its event.
 */
export async function listRuns(stores: EventStores, filters: RunFilters, query: ListQuery): Promise<RunPage> {
  const { event_id, alias, status } = filters;
  const columns = { event_id, alias, status };
  const order: [string, string] = ["created_at", "id"];
  const hot = await page<RunRow, RecordedRun>(stores.ledger, "runs", order, columns, query, runOf);
  if (event_id !== undefined) {
    if (hot.data.length > 0 || query.cursor !== undefined) return hot;
    const runs = (await findArchived(stores, event_id))?.runs ?? [];
    const matchesFilters = (run: RunRow) =>
      (alias ?? run.alias) === run.alias && (status ?? run.status) === run.status;
    return { data: runs.filter(matchesFilters).map(runOf) };
  }
  const newest = hot.next === undefined ? await newestArchived(stores) : null;
  if (newest === null) return hot;
  return { ...hot, archive: { until: new Date(newest + 59_999).toISOString(), note: OLDER_RUNS } };
}

const OLDER_RUNS =
  "runs of events that arrived until then have moved to the archive, but for those that were not yet final: " +
  "page through /v1/events, and ask /v1/runs?event_id= for the runs of one";

/** A run, and every state it has been in. */
export async function getRun(stores: EventStores, id: string) {
  const [run, history] = await stores.ledger.batch<RunRow & HistoryRow>([
    stores.ledger.prepare("SELECT * FROM runs WHERE id = ?1").bind(id),
    stores.ledger
      .prepare("SELECT at, status, attempt, cause FROM run_history WHERE run_id = ?1 ORDER BY at, rowid")
      .bind(id),
  ]);
  const row = run?.results[0];
  if (row) return withHistory(row, history?.results ?? []);
  const event = eventOfRun(id);
  const entry = event === undefined ? null : await findArchived(stores, event);
  const archived = entry?.runs.find((archivedRun) => archivedRun.id === id);
  return archived ? withHistory(archived, archived.history) : null;
}

const withHistory = (row: RunRow, history: HistoryRow[]) => ({
  ...runOf(row),
  history: history.map(({ at, status, attempt, cause }) => ({ at: iso(at), status, attempt, cause })),
});

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
