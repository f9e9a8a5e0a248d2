// A segment: the events that arrived at one connection within one minute, as gzipped NDJSON. Each line is an event with
// its outcome and its runs, each run with its history. Pure: events in, bytes out.
import { Buffer } from "node:buffer";
import { gunzipSync, gzipSync } from "node:zlib";
import type { Event } from "../../shapes/event.ts";
import { sha256Hex } from "../../shapes/hash.ts";
import type { EventOutcome } from "../ledger/events.ts";
import type { HistoryRow, RunRow } from "../ledger/rows.ts";

export type ArchivedRun = RunRow & { history: HistoryRow[] };

/** An archived event with its outcome and runs: a line of a segment. */
export interface ArchivedEvent {
  event: Event;
  outcome: EventOutcome;
  runs: ArchivedRun[];
}

export interface Segment {
  key: string;
  connection: string;
  minute: number;
  entries: ArchivedEvent[];
  bytes: Uint8Array;
  /** Bytes after unpacking. */
  unpacked: number;
}

/** Minutes since the epoch. */
export const minuteOf = (receivedAt: string) => Math.floor(Date.parse(receivedAt) / 60_000);

/** Entries of one connection, in the order of arrival, as segments: one for each minute. */
export function segmentsOf(connection: string, entries: ArchivedEvent[]): Segment[] {
  const byMinute = Map.groupBy(entries, ({ event }) => minuteOf(event.received_at));
  return [...byMinute].map(([minute, all]) => {
    const text = Buffer.from(all.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
    const key = keyOf(connection, minute, text);
    return { key, connection, minute, entries: all, bytes: gzipSync(text), unpacked: text.length };
  });
}

/** The archived events in a segment's bytes. */
export const entriesOf = (bytes: ArrayBuffer): ArchivedEvent[] =>
  gunzipSync(new Uint8Array(bytes))
    .toString()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as ArchivedEvent);

/** The same content has the same key, so what is written again is written over itself, and never over another. */
function keyOf(connection: string, minute: number, text: Buffer): string {
  const [day = "", time = ""] = new Date(minute * 60_000).toISOString().split("T");
  const hash = sha256Hex(text).slice(0, 16);
  // Under a name of its own: the bucket holds other things, and a connection may be called as they are.
  return `events/${connection}/${day}/${time.slice(0, 5).replace(":", "-")}-${hash}.ndjson.gz`;
}
