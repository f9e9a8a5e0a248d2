// Identities of the events that got a run: one row each, in the table of the week in which it arrived. An event is known
// when an earlier one of the same object, within minutes of its own time, shares an identity with it.
import type { Event } from "../../../shapes/event.ts";
import { hexOfId } from "../../../shapes/event-id.ts";
import { minuteOf, objectOf, shortName, shortObject } from "./places.ts";
import type { ShardTables } from "./tables.ts";

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
/**
 * Days for which an event's identities are kept, so that a late report of it adds nothing: 14 days in the events queue,
 * 14 more in its dead-letter queue, which is the most that Queues keep, and as long for a sender's retries.
 */
export const IDENTITY_DAYS = 45;
/** How far two senders' times of one event may lie apart, minutes. */
const APART_MINUTES = 15;

/** Digits of an id that tell events of one object and minute apart. */
const REST_DIGITS = 15;

/** What of an event identifies it. */
type NamedEvent = Pick<
  Event,
  "id" | "connection" | "bucket" | "key" | "time" | "received_at" | "identities"
> &
  Partial<Pick<Event, "sender">>;

export const weekOf = (time: number): number => Math.floor(time / WEEK_MS);

/** The id under which an event is known: that of the record with its own id, or with one of these identities. */
export function findKnown(tables: ShardTables, event: NamedEvent, lookups: string[]): string | undefined {
  if (event.sender === "replay") return findReplayed(tables, event);
  const names = new Set(lookups.map(shortName));
  const minute = minuteOf(event);
  const own = hexOfId(event.id);
  // What arrives before it has happened, by a wrong clock, may have come in any week.
  const isEarly = Date.parse(event.time) > Date.parse(event.received_at);
  const earliest = isEarly ? 0 : weekOf((minute - APART_MINUTES) * 60_000 - DAY_MS);
  for (const week of tables.weeks) {
    if (week < earliest) continue;
    const rows = tables.database.all<{ id: string; names: string }>(
      `SELECT lower(hex(id)) AS id, lower(hex(names)) AS names FROM ids_${week}
       WHERE object = unhex(?) AND minute BETWEEN ? AND ?`,
      shortObject(objectOf(event)),
      minute - APART_MINUTES,
      minute + APART_MINUTES,
    );
    const found = rows.find((row) => row.id === own || namesOf(row.names).some((name) => names.has(name)));
    if (found) return `evt_${found.id}`;
  }
  return undefined;
}

/**
 * The id under which a replay's event is known. It is one of the replay and the object, whenever its page is taken: what
 * its id says of the minute does not count.
 */
function findReplayed(tables: ShardTables, event: NamedEvent): string | undefined {
  const rest = hexOfId(event.id).slice(-REST_DIGITS);
  for (const week of tables.weeks) {
    const rows = tables.database.all<{ id: string }>(
      `SELECT lower(hex(id)) AS id FROM ids_${week} WHERE object = unhex(?)`,
      shortObject(objectOf(event)),
    );
    const found = rows.find(({ id }) => id.endsWith(rest));
    if (found) return `evt_${found.id}`;
  }
  return undefined;
}

const namesOf = (hex: string) => hex.match(/.{16}/g) ?? [];

/** Keeps an event's identities: one row. */
export function rememberEvent(tables: ShardTables, event: NamedEvent, now: number): void {
  tables.database.all(
    `INSERT INTO ${tables.identities(weekOf(now))} (object, minute, id, names)
     VALUES (unhex(?), ?, unhex(?), unhex(?)) ON CONFLICT DO NOTHING`,
    shortObject(objectOf(event)),
    minuteOf(event),
    hexOfId(event.id),
    event.identities.map(shortName).join(""),
  );
}

/** Drops whole weeks whose last arrival is older than this many days. Returns how many. */
export function dropIdentities(tables: ShardTables, now: number, days = IDENTITY_DAYS): number {
  const old = tables.weeks.filter((week) => (week + 1) * WEEK_MS < now - days * DAY_MS);
  for (const week of old) tables.dropIdentities(week);
  return old.length;
}
