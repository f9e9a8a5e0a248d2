// Ids of events: 32 hex digits that say where an event is kept, so that no index has to. The first 7 are the minute of the
// event, the next 10 come of the object's key: their first 4 name the shard, and all of them find what it holds of the
// object. The other 15 tell apart. receive/identity.ts and the doors of Weir's own give ids; store/ledger and store/log
// read places from them.
import type { Event } from "./event.ts";
import { sha256Hex } from "./hash.ts";

const MINUTE_MS = 60_000;
const MINUTE_DIGITS = 7;
const KEY_DIGITS = 10;
const REST_DIGITS = 15;
/** Of the key's digits, those that name the shard. */
const SHARD_DIGITS = 4;

/** How far an event's time may lie before or after its arrival, ms, to be believed: past it, a clock is wrong. */
const MAX_LATE_MS = 45 * 86_400_000;
const MAX_EARLY_MS = 600_000;

/** The moment at which an event has its place in the log, ms: its own time, or its arrival where that time cannot be. */
export function placeOf({ time, received_at }: Pick<Event, "time" | "received_at">): number {
  const [at, received] = [Date.parse(time), Date.parse(received_at)];
  return at < received - MAX_LATE_MS || at > received + MAX_EARLY_MS ? received : at;
}

/** Hex digits of the hash of an object's key alone: of all objects of one name, whatever their buckets. */
export const keyHex = (key: string) => sha256Hex(key).slice(0, 24);

/** 16 bytes in hex that name an object: first its key's hash, then that of its connection and bucket. */
export const objectHex = ({ connection, bucket, key }: Pick<Event, "connection" | "bucket" | "key">) =>
  keyHex(key) + sha256Hex(JSON.stringify([connection, bucket])).slice(0, 8);

/** The id of an event; `name` (hex) is what tells it from others. An event without an object has its place by its name. */
export function eventId(event: Pick<Event, "time" | "received_at" | "key">, name: string): string {
  const minute = Math.floor(placeOf(event) / MINUTE_MS)
    .toString(16)
    .padStart(MINUTE_DIGITS, "0");
  const place = event.key === "" ? name.slice(-KEY_DIGITS) : keyHex(event.key).slice(0, KEY_DIGITS);
  return `evt_${minute}${place}${name.slice(0, REST_DIGITS)}`;
}

/** Whether a text has the form of an event's id. */
export const isEventId = (text: string) => /^evt_[0-9a-f]{32}$/.test(text);

/** The id's own digits. */
export const hexOfId = (id: string) => id.slice(4);

/** The minute that an event's id names, since the epoch. */
export const minuteOfId = (id: string) => Number.parseInt(id.slice(4, 4 + MINUTE_DIGITS), 16);

/** The 16 bits of the object's key in an event's id. */
export const keyBitsOfId = (id: string) =>
  Number.parseInt(id.slice(4 + MINUTE_DIGITS, 4 + MINUTE_DIGITS + SHARD_DIGITS), 16);

/** The 10 digits of the object's key in an event's id, with which the hash of its object begins, too. */
export const keyDigitsOfId = (id: string) => id.slice(4 + MINUTE_DIGITS, 4 + MINUTE_DIGITS + KEY_DIGITS);

/** The 16 bits that an event of this object has in its id. */
export const keyBitsOf = (key: string) => Number.parseInt(keyHex(key).slice(0, SHARD_DIGITS), 16);

/** The number of the shard, of `count` (a power of two, at most 65,536). */
export const shardOf = (keyBits: number, count: number) => keyBits % count;

/** The run of one event for one pipeline: readable, and the same however often it is derived. */
export const runId = (eventId: string, alias: string) => `run_${hexOfId(eventId)}_${alias}`;

/** The event and the pipeline of a run's id; undefined for what is none. */
export function partsOfRun(id: string): { event_id: string; alias: string } | undefined {
  const [, hex, alias] = /^run_([0-9a-f]{32})_(.+)$/.exec(id) ?? [];
  return hex === undefined || alias === undefined ? undefined : { event_id: `evt_${hex}`, alias };
}

const SHORT_REST = 5;

/** Short form of the id of an event or a run, for people: its minute, its last digits, and a run's alias, `1c8b1cf-e4cae`. Other ids as they are. */
export function shortIdOf(id: string): string {
  const [, hex, alias = ""] = /^(?:evt|run)_([0-9a-f]{32})(_.+)?$/.exec(id) ?? [];
  return hex === undefined ? id : `${hex.slice(0, MINUTE_DIGITS)}-${hex.slice(-SHORT_REST)}${alias}`;
}

/** Parts of a short id, with the alias where it is of a run; undefined for any other text. */
export function shortParts(text: string): { minute: number; rest: string; alias?: string } | undefined {
  const [, minute, rest, alias] = /^([0-9a-f]{7})-([0-9a-f]{5})(?:_(.+))?$/.exec(text) ?? [];
  if (minute === undefined || rest === undefined) return undefined;
  return { minute: Number.parseInt(minute, 16), rest, ...(alias !== undefined && { alias }) };
}
