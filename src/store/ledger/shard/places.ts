// Where a shard keeps what belongs to an event: hashes of its object, as they stand in keys of rows. All begin with the
// digits that the event's id has of its key, so that a run is found by its id alone.
import type { Event } from "../../../shapes/event.ts";
import { hexOfId, keyDigitsOfId, objectHex } from "../../../shapes/event-id.ts";
import { sha256Hex } from "../../../shapes/hash.ts";

const OBJECT_DIGITS = 32;
const SHORT_KEY_DIGITS = 10;
const SHORT_REST_DIGITS = 6;
const MINUTE_DIGITS = 7;
const NAME_DIGITS = 16;

/** 16 bytes in hex that name an event's object; an event without one stands for itself. */
export const objectOf = (event: Pick<Event, "id" | "connection" | "bucket" | "key">): string =>
  event.key === "" ? hexOfId(event.id).slice(MINUTE_DIGITS).padEnd(OBJECT_DIGITS, "0") : objectHex(event);

/** 8 bytes of it, of which 5 are the key's: enough where what is found is looked at again. */
export const shortObject = (object: string): string =>
  object.slice(0, SHORT_KEY_DIGITS) + object.slice(-SHORT_REST_DIGITS);

/** First and last object that an event of this id may be of. */
export const objectsOfId = (id: string): [string, string] => [
  keyDigitsOfId(id).padEnd(OBJECT_DIGITS, "0"),
  keyDigitsOfId(id).padEnd(OBJECT_DIGITS, "f"),
];

/** 8 bytes in hex of an identity. */
export const shortName = (identity: string): string =>
  /^[0-9a-f]{32}$/.test(identity)
    ? identity.slice(0, NAME_DIGITS)
    : sha256Hex(identity).slice(0, NAME_DIGITS);

/** The minute of an event's own time, since the epoch. */
export const minuteOf = ({ time }: Pick<Event, "time">): number => Math.floor(Date.parse(time) / 60_000);
