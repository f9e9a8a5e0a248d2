// Events in the order in which they arrived, from the ledger and the archive as if they were one. A page begins
// at a place in time, and an event keeps its place when it moves: whatever the archive does meanwhile, a walk
// meets each event once. Of segments, a page reads a bounded number, and a cursor never carries what they hold.
import type { EventStores } from "../../env.ts";
import type { Event } from "../../shapes/event.ts";
import type { RunStatus } from "../../shapes/run.ts";
import type { EventOutcome } from "../ledger/events.ts";
import type { EventRow } from "../ledger/rows.ts";
import { readSegment } from "./find.ts";
import { hexOf, KINDS, keyHex, kindOf, objectHex } from "./index-rows.ts";
import type { Arrival } from "./move.ts";
import { type ArchivedEvent, minuteOf } from "./segment.ts";

/** The events that a walk visits, and in which order. Times are RFC 3339 in UTC, to the millisecond. */
export interface EventRange {
  order: "oldest first" | "newest first";
  connection?: string | undefined;
  key?: string | undefined;
  since?: string | undefined;
  /** Before this. */
  until?: string | undefined;
  /** Events of objects only, and none of this sender's; without invocations, no accesses either. */
  without?: "replay" | "invoke" | undefined;
  /** Only events with a run of this pipeline in this state. */
  run?: { alias: string; status: RunStatus } | undefined;
}

/** An event on record, wherever it is kept. */
export interface EventOnRecord {
  event: Event;
  outcome: EventOutcome;
  archived: boolean;
}

export interface WalkPage {
  rows: EventOnRecord[];
  /** Where the next page begins; undefined where there is none. */
  next?: Arrival | undefined;
}

/** Segments that one page reads at most, and the bytes that those after the first may unpack to: memory is bounded. */
const PAGE_SEGMENTS = 32;
const PAGE_UNPACKED = 8_000_000;

interface IndexRow {
  id: string;
  at: number;
  segment: number;
  segment_key: string;
  unpacked: number;
}
type HotRow = EventRow & { received_at: string };
/** A hot or archived event with its position in order of arrival. */
type PlacedEvent = Arrival & ({ hot: HotRow } | { index: IndexRow });

/** A page of at most `limit` events after a place; fewer where they are spread over many segments. */
export async function walk(
  stores: EventStores,
  stretch: EventRange,
  after: Arrival | undefined,
  limit: number,
): Promise<WalkPage> {
  const all = await placesAfter(stores, stretch, after, limit + 1);
  const segments = new Map<number, string>();
  let [taken, unpacked] = [0, 0];
  for (const row of all.slice(0, limit)) {
    if ("index" in row && !segments.has(row.index.segment)) {
      unpacked += row.index.unpacked;
      if (segments.size > 0 && (segments.size === PAGE_SEGMENTS || unpacked > PAGE_UNPACKED)) break;
      segments.set(row.index.segment, row.index.segment_key);
    }
    taken++;
  }
  const entries = await readAll(stores, segments);
  const rows = all.slice(0, taken).flatMap((row): EventOnRecord[] => {
    if ("hot" in row) {
      const { envelope, outcome } = row.hot;
      return [{ event: JSON.parse(envelope), outcome: JSON.parse(outcome), archived: false }];
    }
    const entry = entries.get(row.id);
    return entry ? [{ event: entry.event, outcome: entry.outcome, archived: true }] : [];
  });
  const last = all[taken - 1];
  return all.length > taken && last
    ? { rows, next: { received_at: last.received_at, id: last.id } }
    : { rows };
}

/** As {@link walk}, but each object once, by its newest event of the stretch. */
export async function walkObjects(
  stores: EventStores,
  stretch: EventRange & { connection: string; without: "replay" | "invoke" },
  after: Arrival | undefined,
  limit: number,
): Promise<WalkPage> {
  const { rows, next } = await walk(stores, stretch, after, limit);
  const isSuperseded = await superseded(stores, stretch, rows);
  return { rows: rows.filter((_, at) => !isSuperseded.has(at)), next };
}

/** Places of hot and archived events, read in one transaction, so that no event moves between the two reads. */
async function placesAfter(
  { ledger }: EventStores,
  stretch: EventRange,
  after: Arrival | undefined,
  limit: number,
): Promise<PlacedEvent[]> {
  const statements = [hotSql(stretch, after, limit)];
  if (mayBeArchived(stretch)) statements.push(archivedSql(stretch, after, limit));
  const [hot, index] = await ledger.batch<HotRow & IndexRow>(
    statements.map(({ sql, values }) => ledger.prepare(sql).bind(...values)),
  );
  const placed: PlacedEvent[] = [
    ...(hot?.results ?? []).map(
      (row): PlacedEvent => ({ received_at: row.received_at, id: row.id, hot: row }),
    ),
    ...(index?.results ?? []).map(
      (row): PlacedEvent => ({
        received_at: new Date(row.at).toISOString(),
        id: `evt_${row.id}`,
        index: row,
      }),
    ),
  ];
  const sign = stretch.order === "oldest first" ? 1 : -1;
  placed.sort((a, b) => sign * compare(a, b));
  return placed.slice(0, limit);
}

/** Runs in the archive are final, and none of them is dead. */
const ARCHIVED_STATUSES: RunStatus[] = ["succeeded", "skipped", "cancelled"];
const mayBeArchived = ({ run }: EventRange) => run === undefined || ARCHIVED_STATUSES.includes(run.status);

const compare = (a: Arrival, b: Arrival) =>
  a.received_at === b.received_at ? order(a.id, b.id) : order(a.received_at, b.received_at);
const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

interface Statement {
  sql: string;
  values: (string | number)[];
}

/** Conditions of a statement, each with its own parameters. */
class Conditions {
  readonly values: (string | number)[] = [];
  readonly #texts: string[] = [];
  add(text: (...parameters: string[]) => string, ...values: (string | number | undefined)[]): void {
    if (values.includes(undefined)) return;
    this.#texts.push(text(...values.map((value) => `?${this.values.push(value ?? "")}`)));
  }
  get where(): string {
    return this.#texts.length === 0 ? "" : `WHERE ${this.#texts.join(" AND ")}`;
  }
}

function hotSql(stretch: EventRange, after: Arrival | undefined, limit: number): Statement {
  const { connection, key, since, until, without, run } = stretch;
  const [isAfter, direction] = stretch.order === "oldest first" ? [">", "ASC"] : ["<", "DESC"];
  const on = new Conditions();
  on.add((p) => `e.connection = ${p}`, connection);
  on.add((p) => `e.key = ${p}`, key);
  on.add((p) => `e.received_at >= ${p}`, since);
  on.add((p) => `e.received_at < ${p}`, until);
  on.add((p) => `e.key != '' AND e.sender != ${p} AND (${p} != 'invoke' OR e.type != 'accessed')`, without);
  on.add(
    (alias, status) =>
      `EXISTS (SELECT 1 FROM runs AS r WHERE r.event_id = e.id AND r.alias = ${alias} AND r.status = ${status})`,
    run?.alias,
    run?.status,
  );
  on.add((at, id) => `(e.received_at, e.id) ${isAfter} (${at}, ${id})`, after?.received_at, after?.id);
  // A payload says nothing of an object, and may be large.
  const envelope = without === undefined ? "e.envelope" : "json_remove(e.envelope, '$.payload') AS envelope";
  const sql = `
    SELECT e.id, e.received_at, ${envelope}, e.outcome FROM events AS e ${on.where}
    ORDER BY e.received_at ${direction}, e.id ${direction} LIMIT ${limit}`;
  return { sql, values: on.values };
}

/** A segment holds one minute of one connection, so the order of segments is that of events but for the last step. */
function archivedSql(stretch: EventRange, after: Arrival | undefined, limit: number): Statement {
  const { connection, key, since, until, without, run } = stretch;
  const [isAfter, direction] = stretch.order === "oldest first" ? [">", "ASC"] : ["<", "DESC"];
  const on = new Conditions();
  on.add(() => "s.state = 'kept'");
  on.add((p) => `s.connection = ${p}`, connection);
  on.add((minute, at) => `s.minute >= ${minute} AND a.at >= ${at}`, minute(since), ms(since));
  on.add((minute, at) => `s.minute <= ${minute} AND a.at < ${at}`, minute(until), ms(until));
  on.add((p) => `a.object IS NOT NULL AND a.kind != ${p}`, without && KINDS[without]);
  on.add(
    (alias, status) =>
      `EXISTS (SELECT 1 FROM json_each(a.runs) AS r WHERE r.key = ${alias} AND r.value = ${status})`,
    run?.alias,
    run?.status,
  );
  on.add(
    (minute, at, id) => `s.minute ${isAfter}= ${minute} AND (a.at, a.id) ${isAfter} (${at}, unhex(${id}))`,
    minute(after?.received_at),
    ms(after?.received_at),
    after && hexOf(after.id),
  );
  const hex = key === undefined ? undefined : keyHex(key);
  on.add((p) => `a.object BETWEEN unhex(${p} || '00000000') AND unhex(${p} || 'ffffffff')`, hex);
  const [from, by] =
    key === undefined
      ? ["segments AS s CROSS JOIN archived AS a ON a.segment = s.id", `s.minute ${direction}, `]
      : ["archived AS a CROSS JOIN segments AS s ON s.id = a.segment", ""];
  const sql = `
    SELECT lower(hex(a.id)) AS id, a.at, a.segment, s.key AS segment_key, s.unpacked FROM ${from} ${on.where}
    ORDER BY ${by}a.at ${direction}, a.id ${direction} LIMIT ${limit}`;
  return { sql, values: on.values };
}

const ms = (time: string | undefined) => (time === undefined ? undefined : Date.parse(time));
const minute = (time: string | undefined) => (time === undefined ? undefined : minuteOf(time));

/** Entries of segments by their events' ids. */
async function readAll(
  stores: EventStores,
  segments: Map<number, string>,
): Promise<Map<string, ArchivedEvent>> {
  const read = await Promise.all([...segments].map(([id, key]) => readSegment(stores, id, key)));
  return new Map(read.flat().map((entry) => [entry.event.id, entry]));
}

/** Indexes in `rows` of events whose object has a newer event within the range. */
async function superseded(
  { ledger }: EventStores,
  { until, without, run }: EventRange & { without: "replay" | "invoke" },
  rows: EventOnRecord[],
): Promise<Set<number>> {
  if (rows.length === 0) return new Set();
  const places = rows.map(({ event: { id, connection, bucket, key, received_at, sender, type } }) => ({
    ...{ id, connection, bucket, key, received_at, hex: hexOf(id), at: Date.parse(received_at) },
    ...{ original: kindOf({ sender, type }) === KINDS.replay ? 0 : 1 },
    object: objectHex({ connection, bucket, key }),
  }));
  const { results } = await ledger
    .prepare(SUPERSEDED)
    .bind(
      ...[JSON.stringify(places), until ?? "~", ms(until) ?? Number.MAX_SAFE_INTEGER],
      ...[without, KINDS[without], run?.alias ?? null, run?.status ?? null],
    )
    .all<{ place: number }>();
  return new Set(results.map(({ place }) => place));
}

const asks = (name: string) => `j.value ->> '$.${name}'`;

/** A replay's own event says the least: it gives way to any other, however old. */
const SUPERSEDED = `
  SELECT j.key AS place FROM json_each(?1) AS j
  WHERE EXISTS (
    SELECT 1 FROM events AS n
    WHERE n.connection = ${asks("connection")} AND n.bucket = ${asks("bucket")} AND n.key = ${asks("key")}
      AND n.received_at < ?2 AND n.sender != ?4 AND (?4 != 'invoke' OR n.type != 'accessed')
      AND (n.sender != 'replay', n.received_at, n.id) > (${asks("original")}, ${asks("received_at")}, ${asks("id")})
      AND (?7 IS NULL OR EXISTS (SELECT 1 FROM runs AS r WHERE r.event_id = n.id AND r.alias = ?6 AND r.status = ?7)))
  OR EXISTS (
    SELECT 1 FROM archived AS n
    WHERE n.object = unhex(${asks("object")}) AND n.at < ?3 AND n.kind != ?5
      AND (n.kind != ${KINDS.replay}, n.at, n.id) > (${asks("original")}, ${asks("at")}, unhex(${asks("hex")}))
      AND (?7 IS NULL OR EXISTS (SELECT 1 FROM json_each(n.runs) AS r WHERE r.key = ?6 AND r.value = ?7)))`;
