// Ids of the release before: hashes, which say nothing of a place. Each is kept beside the id that its event has now, and
// asked for where an id is not found, or can't be one that names a place.
import type { D1Database, D1PreparedStatement } from "@cloudflare/workers-types";
import { hexOfId, isEventId, minuteOfId, partsOfRun, runId } from "../../shapes/event-id.ts";
import { field } from "../ledger/sql.ts";
import { readMove } from "./state.ts";

/** Minutes of the year 2020's first and of a day from now: what a placed id can name. */
const FIRST_MINUTE = 26_297_280;
const AHEAD_MINUTES = 1_440;

/** An event's old and new id; `open` where a run of it has not ended. */
export interface RenamedEvent {
  old: string;
  new: string;
  open: boolean;
}

/** Keeps new ids by the old ones. Again is no change. */
export const keepOldIds = (db: D1Database, renamed: RenamedEvent[]): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO old_ids (old, new, is_open)
       SELECT unhex(${field("old")}), unhex(${field("new")}), ${field("open")} FROM json_each(?1) AS j
       WHERE true ON CONFLICT (old) DO NOTHING`,
    )
    .bind(
      JSON.stringify(
        renamed.map((one) => ({ old: hexOfId(one.old), new: hexOfId(one.new), open: one.open ? 1 : null })),
      ),
    );

/** Whether an event's or a run's id may name a place. */
export function mayBePlaced(id: string, now = Date.now()): boolean {
  const event = eventOfId(id);
  if (event === undefined) return false;
  const minute = minuteOfId(event);
  return minute >= FIRST_MINUTE && minute <= now / 60_000 + AHEAD_MINUTES;
}

const eventOfId = (id: string) => (isEventId(id) ? id : partsOfRun(id)?.event_id);

/** Ledgers that have no old ids, or none any more. */
const withoutOldIds = new WeakSet<D1Database>();

/** The ids, of events or of runs, with those that are old replaced by what they are now. */
export async function currentIds(db: D1Database, ids: string[]): Promise<string[]> {
  const found = await findCurrent(db, ids);
  return ids.map((id) => found.get(id) ?? id);
}

async function findCurrent(db: D1Database, ids: string[]): Promise<Map<string, string>> {
  const events = [...new Set(ids.flatMap((id) => eventOfId(id) ?? []))];
  if (events.length === 0 || (await hasNone(db))) return new Map();
  const { results } = await db
    .prepare(
      `SELECT lower(hex(o.old)) AS old, lower(hex(o.new)) AS new
       FROM json_each(?1) AS j CROSS JOIN old_ids AS o ON o.old = unhex(j.value)`,
    )
    .bind(JSON.stringify(events.map(hexOfId)))
    .all<{ old: string; new: string }>();
  const current = new Map(results.map((row) => [`evt_${row.old}`, `evt_${row.new}`]));
  return new Map(
    ids.flatMap((id): [string, string][] => {
      const event = current.get(eventOfId(id) ?? "");
      const alias = partsOfRun(id)?.alias;
      return event === undefined ? [] : [[id, alias === undefined ? event : runId(event, alias)]];
    }),
  );
}

async function hasNone(db: D1Database): Promise<boolean> {
  if (withoutOldIds.has(db)) return true;
  const { step } = await readMove(db);
  if (step === "over") withoutOldIds.add(db);
  return step === "over";
}

/** Finds something by an id of an event or a run, be it a new or an old one; null where there is none. */
export async function findByAnyId<T>(
  db: D1Database,
  id: string,
  find: (id: string) => Promise<T | null>,
): Promise<T | null> {
  const found = mayBePlaced(id) ? await find(id) : null;
  if (found !== null) return found;
  const current = (await findCurrent(db, [id])).get(id);
  return current === undefined ? null : find(current);
}

/** The id under which the job of a run may be under way, beside its own; undefined where there is none. */
export async function oldRunId(db: D1Database, id: string): Promise<string | undefined> {
  const parts = partsOfRun(id);
  if (!parts || (await hasNone(db))) return undefined;
  const row = await db
    .prepare("SELECT lower(hex(old)) AS old FROM old_ids WHERE new = unhex(?) AND is_open = 1")
    .bind(hexOfId(parts.event_id))
    .first<{ old: string }>();
  return row ? runId(`evt_${row.old}`, parts.alias) : undefined;
}
