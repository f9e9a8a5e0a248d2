// The Event: what happened to an object, in one shape for every sender. Normalisers make it; all code after `receive/`
// reads only this. Free of senders' vocabulary except for `operation`, which is kept as it came.
import { z } from "zod";
import { EVENT_TYPES, SENDERS } from "./event-names.ts";

export { EVENT_TYPES, SENDERS };

const strings = z.record(z.string(), z.string());

export const eventSchema = z.object({
  /** `evt_` and 32 hex digits: minute, key and primary identity of the event (event-id.ts). The same event has the same id. */
  id: z.string().min(1).max(64),
  connection: z.string().min(1),
  sender: z.enum(SENDERS),
  type: z.enum(EVENT_TYPES),
  /** The sender's own name for what happened, without the `s3:` prefix: `ObjectCreated:Put`, `PutObject`. */
  operation: z.string(),
  bucket: z.string(),
  /** The object's key, decoded exactly once, as its sender encodes it. */
  key: z.string(),
  /** Bytes. Absent where the sender does not say (deletes, tags). */
  size: z.number().int().nonnegative().optional(),
  /** Without quotes. */
  etag: z.string().optional(),
  version_id: z.string().optional(),
  /** Orders events of one key from one AWS source, nothing else. */
  sequencer: z.string().optional(),
  /** Time of the event, by the sender's clock: RFC 3339, UTC. */
  time: z.iso.datetime({ offset: true }),
  region: z.string().optional(),
  content_type: z.string().optional(),
  /** The object's own metadata, names in lower case. Absent means "not said", `{}` means "none". */
  metadata: strings.optional(),
  tags: strings.optional(),
  /** Free input of an invocation; an event with a payload and no object has empty bucket and key. */
  payload: z.unknown().optional(),
  /** Size and hash of a payload that is too large to travel, in its place; the payload is fetched for the handler. */
  payload_ref: z.object({ bytes: z.int(), sha256: z.string() }).optional(),
  /**
   * Every name under which another sender could report the same event, strongest first. Two events with a common
   * identity are one. Computed by `receive/identity.ts`.
   */
  identities: z.array(z.string()).default([]),
  /** Number of pipelines of this Weir that this event's object has come through. Stops loops. */
  hops: z.number().int().nonnegative().default(0),
  received_at: z.iso.datetime(),
  /** The event that this one replays. */
  replay_of: z.string().optional(),
});

/** One object event. See {@link eventSchema} for each field's meaning. */
export type Event = z.infer<typeof eventSchema>;
export type EventType = (typeof EVENT_TYPES)[number];
export type Sender = (typeof SENDERS)[number];
