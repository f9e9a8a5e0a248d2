// The ledger as people read it: events, runs and rejections, newest first, in pages. Events are in the log; runs are in
// their shards while they are open or hot, and in the log once they have ended. page() also serves replays, keys and the
// audit log, which are in D1.
import type { D1Database } from "@cloudflare/workers-types";
import type { Event } from "../shapes/event.ts";
import { isEventId, partsOfRun } from "../shapes/event-id.ts";
import { type Failure, FailureError } from "../shapes/failure.ts";
import type { RunStatus } from "../shapes/run.ts";
import type { EventOutcome, LogEntry, RunOnRecord } from "../store/log/contract.ts";
import { findByAnyId } from "../store/moving/old-ids.ts";
import { cutPage } from "../store/page.ts";
import type { EventStores } from "../store/stores.ts";
import { type CursorKey, decodeCursor, encodeCursor } from "./cursor.ts";
import { logsOf, stepsOf } from "./run-steps.ts";

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

/** A recorded event with what was decided about it. */
export type RecordedEvent = Omit<Event, "identities"> & { outcome: EventOutcome };

export const recorded = ({ event: { identities: _, ...event }, outcome }: LogEntry): RecordedEvent => {
  return { ...event, outcome };
};

/** Events, newest first by their own time. A page may be short and have a next. */
export async function listEvents(
  { log }: EventStores,
  filters: { connection?: string | undefined; key?: string | undefined },
  { limit, cursor }: ListQuery,
): Promise<ListPage<RecordedEvent>> {
  const from = decodeCursor("events", cursor, 2);
  const after = from && { at: Number(from[0]), id: String(from[1]) };
  const { entries, next } = await log.walk({ order: "newest first", ...filters }, after, limit);
  const data = entries.map(recorded);
  return next ? { data, next: encodeCursor("events", [next.at, next.id]) } : { data };
}

/** An event by its id, or by the one that it had in the release before. */
export async function getEvent({ ledger, log }: EventStores, id: string): Promise<RecordedEvent | null> {
  const entry = isEventId(id) ? await findByAnyId(ledger, id, (current) => log.find(current)) : null;
  return entry && recorded(entry);
}

export type RecordedRun = ReturnType<typeof runOf>;

export const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());

export function runOf(whole: RunOnRecord) {
  const { connection, bucket, key, etag, progress: _, history: __, steps: ___, log_at: ____, ...run } = whole;
  return {
    ...run,
    object: { connection, bucket, key, etag },
    created_at: iso(run.created_at),
    started_at: iso(run.started_at),
    ended_at: iso(run.ended_at),
  };
}

interface RunFilters {
  event_id?: string | undefined;
  alias?: string | undefined;
  status?: RunStatus | undefined;
  /** Of an object: its key, and where it is. */
  key?: string | undefined;
  connection?: string | undefined;
  bucket?: string | undefined;
}

/** Runs of one event, or of one key, wherever they are; or, newest first, those that are open or ended within the hot days. */
export async function listRuns(
  stores: EventStores,
  { event_id, alias, status, ...object }: RunFilters,
  { limit, cursor }: ListQuery,
): Promise<ListPage<RecordedRun>> {
  const matchesFilters = (run: RunOnRecord) =>
    (alias ?? run.alias) === run.alias && (status ?? run.status) === run.status;
  if (event_id !== undefined) {
    const runs = await runsOfEvent(stores, event_id);
    return { data: runs.filter(matchesFilters).map(runOf) };
  }
  if (object.key !== undefined) {
    const page = await runsOfKey(stores, { ...object, key: object.key }, { limit, cursor });
    return { ...page, data: page.data.filter(matchesFilters).map(runOf) };
  }
  if (object.connection !== undefined || object.bucket !== undefined)
    throw new FailureError({
      kind: "invalid",
      detail: "runs are listed by connection and bucket together with a key",
      where: "query.key",
      next: "add the key, or list by alias and status",
    });
  const from = decodeCursor("runs", cursor, 2);
  const after = from && { at: Number(from[0]), id: String(from[1]) };
  const { rows, last } = cutPage(await stores.shards.runs({ alias, status, after, limit: limit + 1 }), limit);
  const data = rows.map(runOf);
  return last ? { data, next: encodeCursor("runs", [last.created_at, last.id]) } : { data };
}

/** Runs of an object's events, newest event first; a page may be short and have a next. */
async function runsOfKey(
  { shards, log }: EventStores,
  { key, connection, bucket }: { key: string; connection?: string | undefined; bucket?: string | undefined },
  { limit, cursor }: ListQuery,
): Promise<ListPage<RunOnRecord>> {
  const list = `runs of ${JSON.stringify([connection, bucket, key])}`;
  const from = decodeCursor(list, cursor, 2);
  const after = from && { at: Number(from[0]), id: String(from[1]) };
  const { entries, next } = await log.walk({ order: "newest first", connection, key }, after, limit);
  const own = entries.filter(({ event }) => (bucket ?? event.bucket) === event.bucket);
  const here = await shards.runsOf(own.map(({ event }) => event.id));
  const data = own.flatMap(({ event, runs }) =>
    furthest(
      here.filter(({ event_id }) => event_id === event.id),
      runs,
    ),
  );
  return next ? { data, next: encodeCursor(list, [next.at, next.id]) } : { data };
}

/** Runs of an event, in its shard and in the log: of each the one that is further. */
async function runsOfEvent(stores: EventStores, eventId: string): Promise<RunOnRecord[]> {
  if (!isEventId(eventId)) return [];
  const runs = await findByAnyId(stores.ledger, eventId, async (id) => {
    const found = await runsOfCurrent(stores, id);
    return found.length > 0 ? found : null;
  });
  return runs ?? [];
}

async function runsOfCurrent({ shards, log }: EventStores, eventId: string): Promise<RunOnRecord[]> {
  const here = await shards.runsOf([eventId]);
  return furthest(here, (await log.find(eventId))?.runs ?? []);
}

/** Runs of an entry of the log, as its shard has them where it is further. */
export const runsOfEntry = async ({ shards }: Pick<EventStores, "shards">, { event, runs }: LogEntry) =>
  furthest(await shards.runsOf([event.id]), runs);

function furthest(here: RunOnRecord[], logged: RunOnRecord[]): RunOnRecord[] {
  const runs = new Map(logged.map((run) => [run.id, run]));
  for (const run of here) if ((runs.get(run.id)?.progress ?? -1) <= run.progress) runs.set(run.id, run);
  return [...runs.values()].sort((a, b) => b.created_at - a.created_at || (a.id < b.id ? 1 : -1));
}

/** A run with every state it has been in, what it did and when, and its log. */
export async function getRun(stores: EventStores, id: string) {
  const parts = partsOfRun(id);
  if (!parts) return null;
  const found = await findByAnyId(stores.ledger, parts.event_id, async (eventId) => {
    // Runs go from the shard to the log: whoever asks in this order misses none.
    const here = await stores.shards.runsOf([eventId]);
    const entry = await stores.log.find(eventId);
    const run = furthest(here, entry?.runs ?? []).find(({ alias }) => alias === parts.alias);
    return run ? { run, entry } : null;
  });
  if (!found) return null;
  const { run, entry } = found;
  return { ...runOf(run), history: historyOf(run), steps: stepsOf(run, entry), logs: logsOf(run) };
}

export const historyOf = ({ history }: Pick<RunOnRecord, "history">) =>
  history.map(({ at, ...state }) => ({ at: iso(at), ...state }));

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
