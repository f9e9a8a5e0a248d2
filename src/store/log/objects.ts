// Walks the objects of a connection's events, each once, by its newest event. A replay's own event gives way to any
// other.
import type { R2Bucket } from "@cloudflare/workers-types";
import { objectHex } from "../../shapes/event-id.ts";
import type { LogEntry, LogPlace, ObjectsPage, ObjectsRange } from "./contract.ts";
import { comparePlaces, placeLine } from "./lines.ts";
import { walkTime } from "./walk.ts";

const PAGE_EVENTS = 1_000;

/** A page of at most `limit` objects after a cursor. */
export async function walkObjectPage(
  bucket: R2Bucket,
  { connection, since, until, without }: ObjectsRange,
  after: string | undefined,
  limit: number,
): Promise<ObjectsPage> {
  const newest = new Map<string, LogEntry>();
  for (let place: LogPlace | undefined; ; ) {
    const page = await walkTime(bucket, { order: "newest first", connection, until }, place, PAGE_EVENTS);
    for (const entry of page.entries) {
      const { sender, type, key } = entry.event;
      if (key === "" || sender === without || (without === "invoke" && type === "accessed")) continue;
      const object = objectHex(entry.event);
      const known = newest.get(object);
      if (!known || isBetter(entry, known)) newest.set(object, entry);
    }
    if (!page.next) break;
    place = page.next;
  }
  const objects = [...newest]
    .filter(
      ([object, entry]) => object > (after ?? "") && (since === undefined || placeLine(entry).at >= since),
    )
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const last = objects[limit - 1];
  const entries = objects.slice(0, limit).map(([, entry]) => entry);
  return objects.length > limit && last ? { entries, next: last[0] } : { entries };
}

/** Whether an event says more of its object than another. */
export function isBetter(entry: LogEntry, known: LogEntry): boolean {
  const [own, other] = [entry.event.sender === "replay" ? 0 : 1, known.event.sender === "replay" ? 0 : 1];
  return own - other > 0 || (own === other && comparePlaces(placeLine(entry), placeLine(known)) > 0);
}
