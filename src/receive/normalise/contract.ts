// The contract of normalisers, which turn a sender's record into Weir's event, and the steps that they share. A
// normaliser reads the record into a Draft; this file makes an Event of it, or gives the reason why it is none.
import type { z } from "zod";
import { decodeWords } from "../../shapes/encoded-words.ts";
import type { Event } from "../../shapes/event.ts";
import { type Failure, fail, ok, type Result } from "../../shapes/failure.ts";
import { identify } from "../identity.ts";

/** Connection and time of a delivery. */
export interface Context {
  connection: string;
  /** Milliseconds since the epoch. */
  receivedAt: number;
  /** Buckets of the connection, to which the events must belong; absent where the door has proven the bucket itself. */
  buckets?: readonly string[];
}

/** A record that is no event, with the reason, kept for a person to look at. */
export interface Quarantined {
  /** Number of the record in the delivery, from 0. */
  index: number;
  failure: Failure;
  raw: unknown;
}

export interface Normalised {
  events: Event[];
  quarantined: Quarantined[];
  /** Name of a test event, by which the sender only tries the connection: `s3:TestEvent`, `b2:TestEvent`. */
  probe?: string;
  /** The one status that the sender takes for success, where it does not take any 2xx. */
  acknowledge?: 200;
}

/** Reads one record of one sender. */
export type Normaliser = (record: unknown, context: Context) => Result<Event>;

type Maybe<T> = { [K in keyof T]?: T[K] | null | undefined };

/** A record's content in Weir's fields; `null` and `undefined` alike mean that the record does not say. */
export type Draft = Pick<Event, "sender" | "type" | "operation" | "bucket" | "key"> & {
  /** Milliseconds, or any text that `Date.parse` reads. */
  time: number | string;
} & Maybe<Omit<Event, "sender" | "type" | "operation" | "bucket" | "key" | "time">>;

/** Longest key, bytes of UTF-8: S3's own limit; no sender has a larger one. */
const MAX_KEY_BYTES = 1024;
/** The last moment with a year of four digits, ms. */
const LAST_MOMENT = Date.parse("9999-12-31T23:59:59.999Z");
const utf8 = new TextEncoder();

/** Makes an event of a draft: checks what no schema can, adds the identities, and leaves out absent fields. */
export function eventOf(draft: Draft, { connection, receivedAt, buckets }: Context): Result<Event> {
  const { sender, type, operation, bucket, key } = draft;
  const time = momentOf(draft.time);
  if (time === undefined) return malformed("The time of the event is not a date and time.", "time");
  if (!isKey(key)) return malformed(`The object's key is not 1 to ${MAX_KEY_BYTES} bytes of UTF-8.`, "key");
  if (buckets !== undefined && !buckets.includes(bucket)) return foreign(bucket);
  const long = tooLong(draft);
  if (long !== undefined) return malformed(`The record's ${long} is longer than any sender's.`, long);

  const received_at = isoOf(receivedAt);
  const event: Event = {
    id: "",
    connection,
    sender,
    type,
    operation,
    bucket,
    key,
    time,
    identities: [],
    hops: 0,
    received_at,
  };
  if (draft.size != null) event.size = draft.size;
  if (draft.etag) event.etag = withoutQuotes(draft.etag);
  if (draft.version_id) event.version_id = draft.version_id;
  if (draft.sequencer) event.sequencer = draft.sequencer;
  if (draft.region) event.region = draft.region;
  if (draft.content_type) event.content_type = draft.content_type;
  if (draft.metadata) event.metadata = draft.metadata;
  if (draft.tags) event.tags = draft.tags;
  return ok(Object.assign(event, identify(event)));
}

/** The time as ISO text, cached: the records of a delivery all came at one moment. */
function isoOf(ms: number): string {
  if (latest.ms !== ms) latest = { ms, text: new Date(ms).toISOString() };
  return latest.text;
}
let latest = { ms: 0, text: new Date(0).toISOString() };

/** Characters of any one field, and of all metadata and all tags: an event must fit a message of a queue. */
const MAX_FIELD_CHARS = 4_096;
const MAX_PAIRS_CHARS = 32_768;
const FIELDS = ["operation", "bucket", "etag", "version_id", "sequencer", "region", "content_type"] as const;

function tooLong(draft: Draft): string | undefined {
  const pairs = (["metadata", "tags"] as const).find(
    (name) => draft[name] && JSON.stringify(draft[name]).length > MAX_PAIRS_CHARS,
  );
  return pairs ?? FIELDS.find((name) => (draft[name]?.length ?? 0) > MAX_FIELD_CHARS);
}

const isKey = (key: string): boolean =>
  key !== "" &&
  key.isWellFormed() &&
  (key.length * 3 <= MAX_KEY_BYTES || utf8.encode(key).length <= MAX_KEY_BYTES);

const withoutQuotes = (etag: string): string =>
  etag.startsWith('"') ? etag.replace(/^"(.*)"$/s, "$1") : etag;

/** A time as `toISOString` writes it, as most senders do. Days over 28 are left to `Date`, which knows months. */
const WRITTEN = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;

/** ISO text of an RFC 3339 time with its zone, or of milliseconds; undefined for any other text. */
function momentOf(time: number | string): string | undefined {
  if (typeof time === "string") {
    if (WRITTEN.test(time) && time >= "1970") return time;
    if (!RFC3339.test(time)) return undefined;
  }
  const moment = new Date(time);
  return moment.getTime() >= 0 && moment.getTime() <= LAST_MOMENT ? moment.toISOString() : undefined;
}

/** The refusal of a bucket that the connection does not list: a proof is good for the listed buckets only. */
const foreign = (bucket: string) =>
  fail("forbidden", `The bucket ${JSON.stringify(bucket)} is not one of this connection's.`, {
    where: "bucket",
    next: "Add the bucket to the connection in connections.json if it is yours.",
  });

/** The failure of a record that has not its sender's shape. */
export const malformed = (detail: string, where?: string, expected?: string) =>
  fail("malformed", detail, {
    ...(where !== undefined && { where }),
    ...(expected !== undefined && { expected }),
  });

/** Reads a record by its sender's schema; the first thing that is wrong becomes the reason. */
export function read<T>(schema: z.ZodType<T>, record: unknown): Result<T> {
  const parsed = schema.safeParse(record);
  if (parsed.success) return ok(parsed.data);
  const issue = parsed.error.issues[0];
  const where = issue?.path.join(".");
  return malformed(issue?.message ?? "The record does not have its sender's shape.", where || undefined);
}

/** Bad records of one delivery that are kept, each with its own reason; the rest is only counted. */
const MAX_QUARANTINED = 100;

/** Normalises records one by one: a bad one costs only itself, and a great many of them no more than some. */
export function normaliseEach(
  records: readonly unknown[],
  normaliseOne: (record: unknown) => Result<Event>,
): Normalised {
  const events: Event[] = [];
  const quarantined: Quarantined[] = [];
  let further = 0;
  for (const [index, raw] of records.entries()) {
    const event = normaliseOne(raw);
    if (event.ok) events.push(event.value);
    else if (quarantined.length < MAX_QUARANTINED) quarantined.push({ index, failure: event.failure, raw });
    else further++;
  }
  if (further > 0) {
    const { failure } = malformed(`${further} further records of this delivery were no events either.`);
    quarantined.push({ index: records.length - 1, failure, raw: null });
  }
  return { events, quarantined };
}

/** `a+b%20c` as forms encode it: a plus is a space, then percent-escapes, exactly once. */
export function formDecode(text: string): Result<string> {
  try {
    if (!/[%+]/.test(text)) return ok(text);
    return ok(decodeURIComponent(text.replaceAll("+", " ")));
  } catch {
    return malformed("The object's key has a percent-escape that is none.", "s3.object.key");
  }
}

/** User metadata among a sender's headers: names in lower case and without their prefix, values decoded. */
export function userMetadata(entries: Iterable<readonly [string, string]>): Record<string, string> {
  const pairs: [string, string][] = [];
  for (const [name, value] of entries) {
    const lower = name.toLowerCase();
    if (lower.startsWith("x-amz-meta-")) pairs.push([lower.slice("x-amz-meta-".length), decodeWords(value)]);
  }
  return Object.fromEntries(pairs);
}
