// Reads segments, whole, since each is small, and finds one archived event by its id.
import type { EventStores } from "../../env.ts";
import { FailureError } from "../../shapes/failure.ts";
import { hexOf } from "./index-rows.ts";
import { type ArchivedEvent, entriesOf } from "./segment.ts";

/** An event with its outcome and runs, or null where the archive has none of this id. */
export async function findArchived(stores: EventStores, eventId: string): Promise<ArchivedEvent | null> {
  const row = await stores.ledger.prepare(SQL.find).bind(hexOf(eventId)).first<{ id: number; key: string }>();
  if (!row) return null;
  const entries = await readSegment(stores, row.id, row.key);
  return entries.find(({ event }) => event.id === eventId) ?? null;
}

/** A segment's entries; none where it expires just now. @throws FailureError `internal` where it has been lost */
export async function readSegment(
  { ledger, archive }: EventStores,
  id: number,
  key: string,
): Promise<ArchivedEvent[]> {
  const object = await archive.get(key);
  if (object) return entriesOf(await object.arrayBuffer());
  if (!(await ledger.prepare(SQL.isKept).bind(id, key).first())) return [];
  throw new FailureError({
    kind: "internal",
    detail: `the archive's bucket has no ${key}, which the ledger says is kept there`,
    next: "restore it; until its time is over, what it held can't be read",
  });
}

/** Arrival of the newest event in the archive, ms; null where the archive is empty. */
export async function newestArchived({ ledger }: Pick<EventStores, "ledger">): Promise<number | null> {
  const row = await ledger.prepare(SQL.newest).first<{ minute: number }>();
  return row && row.minute * 60_000;
}

const SQL = {
  find: `
    SELECT s.id, s.key FROM archived AS a JOIN segments AS s ON s.id = a.segment
    WHERE a.id = unhex(?1) AND s.state = 'kept'`,
  isKept: "SELECT 1 FROM segments WHERE id = ? AND key = ? AND state = 'kept'",
  newest: "SELECT minute FROM segments WHERE state = 'kept' ORDER BY minute DESC LIMIT 1",
};
