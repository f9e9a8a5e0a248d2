// Lines of the log: an event with what is known of it, or a run whose event's line is elsewhere. This file says where a
// line stands in either order (by time, by object) and writes and reads lines as NDJSON. Pure; merge.ts makes one of many.
import type { Buffer } from "node:buffer";
import { gunzipSync, gzipSync } from "node:zlib";
import type { Event } from "../../shapes/event.ts";
import { hexOfId, minuteOfId, objectHex, placeOf } from "../../shapes/event-id.ts";
import type { EventOutcome, LogEntry, LogPlace, RunOnRecord } from "./contract.ts";

export const MINUTE_MS = 60_000;
export const DAY_MS = 86_400_000;
const HASH_DIGITS = 32;
/** Digits of an id that name its minute. */
const MINUTE_DIGITS = 7;

/** Names that a line has from others that were the same event: it is still found, and recognised, by them. */
export interface MergedNames {
  ids: string[];
  identities: string[];
  lookups: string[];
}

/** A line of an event. */
export interface EventLine {
  event: Event;
  outcome: EventOutcome;
  runs?: RunOnRecord[];
  also?: MergedNames;
}

/** A line of a run that has ended. */
export interface RunLine {
  run: RunOnRecord;
}

export type LogLine = EventLine | RunLine;

/** A line with its place: `hash` orders objects, `at` (ms) and `id` the lines of each. */
export interface PlacedLine {
  hash: string;
  at: number;
  id: string;
  line: LogLine;
}

export const isRunLine = (line: LogLine): line is RunLine => "run" in line;

/** 32 hex digits by which lines are sorted; an event without an object stands by its own id. They begin as ids do. */
const hashOf = (object: Pick<Event, "connection" | "bucket" | "key">, eventId: string) =>
  object.key === "" ? hexOfId(eventId).slice(MINUTE_DIGITS).padEnd(HASH_DIGITS, "0") : objectHex(object);

/** Finds the place of a line. A run stands at the beginning of its event's minute. */
export function placeLine(line: LogLine): PlacedLine {
  if (!isRunLine(line))
    return { hash: hashOf(line.event, line.event.id), at: placeOf(line.event), id: line.event.id, line };
  const { run } = line;
  return { hash: hashOf(run, run.event_id), at: minuteOfId(run.event_id) * MINUTE_MS, id: run.id, line };
}

/** The minute that a line is of, since the epoch: that of its event. */
export const minuteOfLine = (line: LogLine) =>
  minuteOfId(isRunLine(line) ? line.run.event_id : line.event.id);

export const connectionOfLine = (line: LogLine) =>
  isRunLine(line) ? line.run.connection : line.event.connection;

export const runsOfLine = (line: LogLine): RunOnRecord[] =>
  isRunLine(line) ? [line.run] : (line.runs ?? []);

/** The line as it is answered. */
export const entryOf = ({ event, outcome, runs }: EventLine): LogEntry => ({
  event,
  outcome,
  runs: runs ?? [],
});

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Order by time. */
export const comparePlaces = (a: LogPlace, b: LogPlace) => a.at - b.at || compare(a.id, b.id);

/** Order by object, then by time. */
export const compareObjects = (a: PlacedLine, b: PlacedLine) =>
  compare(a.hash, b.hash) || comparePlaces(a, b);

/** Lines as NDJSON. */
export const textOf = (lines: LogLine[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join("");

/** Lines as gzipped NDJSON. */
export const packText = (text: string): Buffer => gzipSync(text, { level: 4 });

/** Lines of gzipped NDJSON, of one member or several. */
export const unpackLines = (bytes: Uint8Array): LogLine[] =>
  bytes.length === 0
    ? []
    : gunzipSync(bytes)
        .toString()
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as LogLine);
