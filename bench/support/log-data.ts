// Events and runs for bench/ledger.ts: what a log has of the n-th event at a moment, and a log of any number of them that
// is written as its upkeep would leave it, much faster than by way of it.
import type { R2Bucket } from "@cloudflare/workers-types";
import type { Event } from "../../src/shapes/event.ts";
import { keyHex, objectHex, runId } from "../../src/shapes/event-id.ts";
import { sha256Hex } from "../../src/shapes/hash.ts";
import type { Report } from "../../src/shapes/run.ts";
import type { CommitEvent } from "../../src/store/ledger/contract.ts";
import { writeSegment } from "../../src/store/log/compact.ts";
import type { EventOutcome, RunOnRecord } from "../../src/store/log/contract.ts";
import { addHeld, type LogPeriod, periodName, replaceIndex } from "../../src/store/log/days-index.ts";
import type { PlacedLine } from "../../src/store/log/lines.ts";
import { MINUTES, MINUTES_OF_DAY, MINUTES_OF_HOUR, partKey } from "../../src/store/log/names.ts";
import { encodeSegment, sliceLines } from "../../src/store/log/segment.ts";

const MINUTE_MS = 60_000;
const VERSION = "0123456789abcdef";
const COMMIT = "89abcdef0123456789abcdef0123456789abcdef";
/** As random as real ones are: what is alike takes no room once it is packed. */
const digestOf = (of: string | number) => sha256Hex(String(of)).slice(0, 32);

/** Name of the object of the n-th event. */
export const keyOf = (n: number) => `videos/2026/camera-${n % 97}/${n.toString().padStart(9, "0")}.mp4`;

/** The n-th event, of an object of its own, at a moment, ms. Its id is as `receive/identity` gives them. */
export function eventOf(n: number, at: number): Event {
  const key = keyOf(n);
  const time = new Date(at).toISOString();
  const name = digestOf(n);
  const minute = Math.floor(at / MINUTE_MS)
    .toString(16)
    .padStart(7, "0");
  return {
    id: `evt_${minute}${keyHex(key).slice(0, 10)}${name.slice(0, 15)}`,
    identities: [name, digestOf(name)],
    ...{ connection: "c", bucket: "bench-media", key, type: "created", operation: "PutObject", sender: "r2" },
    ...{ time, received_at: time, etag: digestOf(key), size: Number.parseInt(name.slice(0, 7), 16), hops: 0 },
  };
}

export const commitOf = (event: Event, alias: string): CommitEvent => ({
  event,
  lookups: event.identities,
  matched: [alias],
  cause: "matched",
});

const timesOf = (id: string, at: number) => ({
  started_at: at + (Number.parseInt(id.slice(20, 23), 16) % 500),
  ended_at: at + 500 + (Number.parseInt(id.slice(23, 28), 16) % 1_400),
});

/** The end of a run that stored six items. */
export const reportOf = (run_id: string, at: number): Report => ({
  ...{ run_id, attempt: 1, status: "succeeded", items: 6, etag: digestOf(run_id), size: 1_000_000 },
  ...{ version: VERSION, commit: COMMIT, models: ["weir/hog-512"] },
  ...timesOf(run_id, at),
  stored_at: at + 1_800,
});

/** What was decided about an event: of two pipelines one wanted it, or none did. */
export const outcomeOf = (isMatched: boolean): EventOutcome => ({
  matched: isMatched ? ["p0"] : [],
  refused: [
    { alias: "p1", reason: 'key: "videos/…" begins with none of: images/' },
    ...(isMatched ? [] : [{ alias: "p0", reason: "size: 1000000 is not under 10000" }]),
  ],
  refused_count: isMatched ? 1 : 2,
  deployment: VERSION,
});

/** A run that has ended, as a pack hands it to the log. */
export function runOnRecordOf(event: Event, alias: string): RunOnRecord {
  const at = Date.parse(event.time);
  const { connection, bucket, key } = event;
  return {
    ...{ id: runId(event.id, alias), event_id: event.id, alias, cause: "matched", connection, bucket, key },
    ...{
      status: "succeeded",
      progress: 14,
      attempt: 1,
      version: VERSION,
      commit: COMMIT,
      etag: event.etag ?? null,
      items: 6,
    },
    ...{ reason: null, failure: null, log: [], embeddings: null, replay_id: null },
    created_at: at,
    ...timesOf(event.id, at),
    history: [
      { at, status: "queued", attempt: 0, cause: "matched" },
      { at: at + 2_000, status: "succeeded", attempt: 1, cause: "6 items stored" },
    ],
  };
}

/** A log of events at an even rate. */
export interface WrittenLog {
  events: number;
  /** Moment of the n-th event, ms. */
  momentOf(n: number): number;
  idOf(n: number): string;
}

const OBJECT_TAIL = objectHex({ connection: "c", bucket: "bench-media", key: "" }).slice(24);
const MATCHED_OF = 10;
/** Events of a part on average, as folding has it. */
const PART_EVENTS = 10_000;

/** Writes a log that ends an hour before a moment: its minutes by time, its hours and days by object, and their index. */
export async function writeLog(
  bucket: R2Bucket,
  events: number,
  perMinute: number,
  now: number,
): Promise<WrittenLog> {
  const last = Math.floor(now / MINUTE_MS) - MINUTES_OF_HOUR;
  const first = last - Math.ceil(events / perMinute);
  const momentOf = (n: number) => (first + n / perMinute) * MINUTE_MS;
  const lineOf = (n: number): PlacedLine => {
    const at = Math.floor(momentOf(n));
    const event = eventOf(n, at);
    const isMatched = n % MATCHED_OF === 0;
    const runs = isMatched ? [runOnRecordOf(event, "p0")] : [];
    const line = { event, outcome: outcomeOf(isMatched), ...(isMatched && { runs }) };
    return { hash: keyHex(event.key) + OBJECT_TAIL, at, id: event.id, line };
  };
  const linesOf = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => lineOf(from + n));
  for (let from = 0; from < events; from += perMinute) {
    const lines = linesOf(from, Math.min(events, from + perMinute));
    await writeSegment(bucket, MINUTES, first + from / perMinute, sliceLines(lines));
  }
  const periods: LogPeriod[] = [];
  for (let minute = first; minute <= last; ) {
    const isWholeDay = minute + MINUTES_OF_DAY - (minute % MINUTES_OF_DAY) <= last;
    const minutes = isWholeDay ? MINUTES_OF_DAY : MINUTES_OF_HOUR;
    const start = minute - (minute % minutes);
    const from = Math.max(0, (start - first) * perMinute);
    const to = Math.min(events, (start + minutes - first) * perMinute);
    if (to > from)
      periods.push(await writePeriod(bucket, { start, minutes, from, to }, periods.length + 1, lineOf));
    minute = start + minutes;
  }
  await replaceIndex(bucket, {
    index: { serial: periods.length + 1, periods, garbage: [] },
    etag: undefined,
  });
  return { events, momentOf, idOf: (n) => eventOf(n, Math.floor(momentOf(n))).id };
}

async function writePeriod(
  bucket: R2Bucket,
  { start, minutes, from, to }: { start: number; minutes: number; from: number; to: number },
  serial: number,
  lineOf: (n: number) => PlacedLine,
): Promise<LogPeriod> {
  const bits = Math.max(0, Math.ceil(Math.log2((to - from) / PART_EVENTS)));
  const lanes: number[][] = Array.from({ length: 2 ** bits }, () => []);
  for (let n = from; n < to; n++)
    lanes[Number.parseInt(keyHex(keyOf(n)).slice(0, 4), 16) >> (16 - bits)]?.push(n);
  const name = periodName(start, serial);
  const held: LogPeriod["held"] = {};
  for (const [lane, numbers] of lanes.entries()) {
    const lines = numbers.map(lineOf);
    const bytes = encodeSegment([lines]);
    await bucket.put(partKey(name, lane), bytes, { customMetadata: { kind: "part" } });
    addHeld(held, lines, bytes.length);
  }
  return { name, first: start, minutes, bits, folded_at: (start + minutes) * MINUTE_MS, held };
}
