// Moves a page of events out of the ledger, in an order that may be cut off anywhere: segments are put on record
// as being written, then written, and then one transaction keeps them, indexes their events and deletes the rows.
// That transaction holds only if every row is still as it was read; else nothing of it happens.
import type { D1Database } from "@cloudflare/workers-types";
import type { EventStores } from "../../env.ts";
import type { Event } from "../../shapes/event.ts";
import type { RunStatus } from "../../shapes/run.ts";
import type { EventOutcome } from "../ledger/events.ts";
import type { EventRow, HistoryRow, RunRow } from "../ledger/rows.ts";
import { field, fields } from "../ledger/sql.ts";
import { hexOf, kindOf, objectHex } from "./index-rows.ts";
import { type ArchivedEvent, type Segment, segmentsOf } from "./segment.ts";

/** A place in the order in which events arrived. */
export interface Arrival {
  received_at: string;
  id: string;
}
export const FIRST_ARRIVAL: Arrival = { received_at: "", id: "" };

/** Events of one page at most, and characters of them that are held in memory at once. */
const PAGE_EVENTS = 500;
const PAGE_CHARS = 4_000_000;
/** Age from which an unfinished segment is abandoned, ms: no invocation lives longer than 15 minutes. */
const ABANDONED_MS = 1_200_000;

export interface MoveResult {
  events: number;
  segments: number;
  /** Where the next page begins; undefined where the pass is at its end. */
  next?: Arrival;
}

/** Moves what may go of one page of a connection's events that arrived before a time. */
export async function movePage(
  stores: EventStores,
  connection: string,
  before: string,
  after: Arrival,
  now: number,
): Promise<MoveResult> {
  const { ids, next } = await choose(stores.ledger, connection, before, after);
  const going = next ? { next } : {};
  if (ids.length === 0) return { events: 0, segments: 0, ...going };
  const entries = await read(stores.ledger, ids);
  // A run may have come in, or been opened again, since they were chosen.
  const segments = segmentsOf(connection, entries.filter(isFinal));
  if (segments.length === 0) return { events: 0, segments: 0, ...going };
  const begun = await begin(stores.ledger, segments, now);
  await Promise.all(begun.map(({ segment }) => write(stores, segment)));
  const isKept = await commit(stores.ledger, begun, now);
  if (!isKept) return { events: 0, segments: 0, ...going };
  const events = begun.reduce((sum, { segment }) => sum + segment.entries.length, 0);
  return { events, segments: begun.length, ...going };
}

interface ScannedEvent extends Arrival {
  chars: number;
  is_final: 0 | 1;
}

/** Ids of events that may go: all their runs are final, none is a dead letter or of a replay that is not over. */
async function choose(db: D1Database, connection: string, before: string, after: Arrival) {
  const { results } = await db
    .prepare(SQL.scan)
    .bind(connection, before, after.received_at, after.id, PAGE_EVENTS)
    .all<ScannedEvent>();
  const ids: string[] = [];
  let chars = 0;
  for (const [at, row] of results.entries()) {
    if (!row.is_final) continue;
    if (ids.length > 0 && chars + row.chars > PAGE_CHARS) return { ids, next: results[at - 1] };
    chars += row.chars;
    ids.push(row.id);
  }
  return { ids, next: results.length === PAGE_EVENTS ? results.at(-1) : undefined };
}

async function read(db: D1Database, ids: string[]): Promise<ArchivedEvent[]> {
  const [events, runs, history] = await db.batch<EventRow & RunRow & HistoryRow & { run_id: string }>(
    [SQL.events, SQL.runs, SQL.history].map((sql) => db.prepare(sql).bind(JSON.stringify(ids))),
  );
  const states = Map.groupBy(history?.results ?? [], ({ run_id }) => run_id);
  const runsOf = Map.groupBy(runs?.results ?? [], ({ event_id }) => event_id);
  return (events?.results ?? []).map(({ id, envelope, outcome }) => ({
    event: JSON.parse(envelope) as Event,
    outcome: JSON.parse(outcome) as EventOutcome,
    runs: (runsOf.get(id) ?? []).map((run) => ({
      ...run,
      history: (states.get(run.id) ?? []).map(({ run_id: _, ...state }) => state),
    })),
  }));
}

const FINAL: RunStatus[] = ["succeeded", "skipped", "cancelled"];
const isFinal = ({ runs }: ArchivedEvent) =>
  runs.every(({ status, due_at }) => due_at === null && FINAL.includes(status));

interface BegunSegment {
  id: number;
  segment: Segment;
}

/** Puts segments on record as being written. One that is just being cleared away is left for the next pass. */
async function begin(db: D1Database, segments: Segment[], now: number): Promise<BegunSegment[]> {
  const rows = segments.map(({ key, connection, minute, entries, bytes, unpacked }) => ({
    ...{ key, connection, minute, bytes: bytes.length, unpacked },
    ...{ events: entries.length, runs: entries.reduce((sum, { runs }) => sum + runs.length, 0) },
  }));
  const { results } = await db
    .prepare(SQL.begin)
    .bind(JSON.stringify(rows), now)
    .all<{ id: number; key: string }>();
  const ids = new Map(results.map(({ id, key }) => [key, id]));
  return segments.flatMap((segment) => {
    const id = ids.get(segment.key);
    return id === undefined ? [] : [{ id, segment }];
  });
}

async function write({ archive }: EventStores, { key, connection, entries, bytes }: Segment): Promise<void> {
  await archive.put(key, bytes, {
    httpMetadata: { contentType: "application/gzip" },
    customMetadata: { connection, events: String(entries.length) },
  });
}

/** Commits the move. Returns false, and changes nothing, where a row has changed or gone since it was read. */
async function commit(db: D1Database, begun: BegunSegment[], now: number): Promise<boolean> {
  const rows = begun.flatMap(({ id, segment }) => segment.entries.map((entry) => indexRow(id, entry)));
  const segments = JSON.stringify(begun.map(({ id }) => id));
  const ids = JSON.stringify(rows.map(({ id }) => `evt_${id}`));
  try {
    await db.batch([
      db.prepare(SQL.index).bind(JSON.stringify(rows)),
      db.prepare(SQL.keep).bind(segments, now),
      ...[SQL.count, SQL.forgetHistory, SQL.forgetRuns, SQL.forgetEvents].map((sql) =>
        db.prepare(sql).bind(ids),
      ),
    ]);
    return true;
  } catch (error) {
    if (String(error).includes("NOT NULL constraint failed: archived.segment")) return false;
    throw error;
  }
}

const indexRow = (segment: number, { event, runs }: ArchivedEvent) => ({
  segment,
  id: hexOf(event.id),
  at: Date.parse(event.received_at),
  kind: kindOf(event),
  object: event.key === "" ? null : objectHex(event),
  runs:
    runs.length === 0 ? null : JSON.stringify(Object.fromEntries(runs.map((run) => [run.alias, run.status]))),
  // What the runs were when they were read.
  mark: `${runs.length}/${runs.reduce((sum, { progress }) => sum + progress, 0)}`,
});

/**
 * Clears away segments that were begun and never kept. Their rows say so before their objects go, and a
 * segment of such a row can't be kept any more: the slowest of Workers loses nothing here.
 */
export async function clearAbandoned({ ledger, archive }: EventStores, now: number): Promise<void> {
  const { results } = await ledger
    .prepare(SQL.abandon)
    .bind(now, now - ABANDONED_MS)
    .all<{ id: number; key: string }>();
  if (results.length === 0) return;
  await archive.delete(results.map(({ key }) => key));
  await ledger
    .prepare(SQL.cleared)
    .bind(JSON.stringify(results.map(({ id }) => id)))
    .run();
}

const OF_EVENTS = "event_id IN (SELECT value FROM json_each(?1))";

const SQL = {
  scan: `
    WITH page AS (
      SELECT id, received_at, length(envelope) + length(outcome) AS chars FROM events
      WHERE connection = ?1 AND received_at < ?2 AND (received_at, id) > (?3, ?4)
      ORDER BY received_at, id LIMIT ?5)
    SELECT p.received_at, p.id,
      p.chars + coalesce((
        SELECT sum(1000 + coalesce(length(r.log), 0) + coalesce(length(r.failure), 0))
        FROM runs AS r WHERE r.event_id = p.id), 0) AS chars,
      NOT EXISTS (
        SELECT 1 FROM runs AS r WHERE r.event_id = p.id AND (
          r.due_at IS NOT NULL OR r.status NOT IN (${FINAL.map((status) => `'${status}'`).join()})
          OR EXISTS (SELECT 1 FROM dead_letters AS d WHERE d.run_id = r.id)
          OR EXISTS (SELECT 1 FROM replays AS y WHERE y.id = r.replay_id AND y.status IN ('active', 'paused'))
        )) AS is_final
    FROM page AS p ORDER BY p.received_at, p.id`,
  events: `
    SELECT id, envelope, outcome FROM events WHERE id IN (SELECT value FROM json_each(?1))
    ORDER BY received_at, id`,
  runs: `SELECT * FROM runs WHERE ${OF_EVENTS} ORDER BY created_at DESC, id DESC`,
  history: `
    SELECT h.run_id, h.at, h.status, h.attempt, h.cause
    FROM runs AS r CROSS JOIN run_history AS h ON h.run_id = r.id
    WHERE r.${OF_EVENTS} ORDER BY h.run_id, h.at, h.rowid`,
  begin: `
    INSERT INTO segments (key, connection, minute, state, events, runs, bytes, unpacked, moved_at)
    SELECT ${fields("key", "connection", "minute")}, 'writing', ${fields("events", "runs", "bytes", "unpacked")}, ?2
    FROM json_each(?1) AS j WHERE true
    ON CONFLICT (key) DO UPDATE SET moved_at = excluded.moved_at WHERE segments.state = 'writing'
    RETURNING id, key`,
  // A row that may not go has no segment here, which the table refuses: the whole transaction is undone.
  index: `
    INSERT INTO archived (segment, id, at, kind, object, runs)
    SELECT
      CASE WHEN
        EXISTS (SELECT 1 FROM segments AS s WHERE s.id = ${field("segment")} AND s.state = 'writing')
        AND EXISTS (SELECT 1 FROM events AS e WHERE e.id = 'evt_' || (${field("id")}))
        AND ${field("mark")} = (
          SELECT count(*) || '/' || coalesce(sum(r.progress), 0)
          FROM runs AS r WHERE r.event_id = 'evt_' || (${field("id")}))
      THEN ${field("segment")} END,
      unhex(${field("id")}), ${field("at")}, ${field("kind")}, unhex(${field("object")}), ${field("runs")}
    FROM json_each(?1) AS j`,
  keep: "UPDATE segments SET state = 'kept', moved_at = ?2 WHERE id IN (SELECT value FROM json_each(?1))",
  count: `
    INSERT INTO replay_counts (replay_id, status, runs)
    SELECT replay_id, status, count(*) FROM runs WHERE ${OF_EVENTS} AND replay_id IS NOT NULL
    GROUP BY replay_id, status
    ON CONFLICT (replay_id, status) DO UPDATE SET runs = runs + excluded.runs`,
  forgetHistory: `DELETE FROM run_history WHERE run_id IN (SELECT id FROM runs WHERE ${OF_EVENTS})`,
  forgetRuns: `DELETE FROM runs WHERE ${OF_EVENTS}`,
  forgetEvents: "DELETE FROM events WHERE id IN (SELECT value FROM json_each(?1))",
  abandon: `
    UPDATE segments SET state = 'abandoned', moved_at = ?1
    WHERE id IN (
      SELECT id FROM segments
      WHERE state != 'kept' AND state IN ('writing', 'abandoned') AND moved_at < ?2 LIMIT 500)
    RETURNING id, key`,
  cleared: "DELETE FROM segments WHERE state = 'abandoned' AND id IN (SELECT value FROM json_each(?1))",
};
