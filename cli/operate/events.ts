// Commands `weir events` (what senders reported, and which pipelines wanted it) and `weir rejections` (deliveries that were
// refused at the door).
import { shortIdOf } from "../../src/shapes/event-id.ts";
import { note, print, printJson, table } from "../io/output.ts";
import { type EventAnswer, openClient, type Rejection } from "./client.ts";
import type { OperatorFlags } from "./replay.ts";
import { wholeEventId } from "./short-id.ts";

const oneLine = (text: string) => text.replace(/\s+/g, " ");
const objectOf = ({ bucket, key }: { bucket: string; key: string }) =>
  key === "" ? "a payload" : oneLine(`${bucket}/${key}`);

/** Prints events, newest first. */
export async function listEvents(
  root: string,
  flags: OperatorFlags & { key?: string; connection?: string; limit: number },
): Promise<void> {
  const { key, connection, limit } = flags;
  const query = new URLSearchParams({ ...(key && { key }), ...(connection && { connection }) });
  const data = await openClient(root, flags).list<EventAnswer>(`/v1/events?${query}`, limit);
  if (flags.json) return printJson({ data });
  if (data.length === 0) return note("There are no such events.");
  const rows = data.map((event) => [
    event.received_at,
    event.type,
    `${event.sender} by ${event.connection}`,
    objectOf(event),
    outcomeText(event),
    shortIdOf(event.id),
  ]);
  print(table([["at", "type", "sender", "object", "runs", "event"], ...rows]));
}

/** Prints an event with what came of it. */
export async function showEvent(root: string, id: string, flags: OperatorFlags): Promise<void> {
  const client = openClient(root, flags);
  const whole = await wholeEventId(client, id);
  const event = await client.get<EventAnswer>(`/v1/events/${encodeURIComponent(whole)}`);
  if (flags.json) return printJson(event);
  const { metadata, tags, content_type, size, etag, outcome } = event;
  print(
    table([
      ["event", event.id],
      ["received", `${event.received_at}, ${event.sender} by ${event.connection}`],
      ["what", `${event.type} (${event.operation}) at ${event.time}`],
      ["object", objectOf(event)],
      ...(size === undefined ? [] : [["size", `${size} bytes`]]),
      ...(etag === undefined ? [] : [["etag", etag]]),
      ...(content_type === undefined ? [] : [["content type", content_type]]),
      ...(metadata ? [["metadata", JSON.stringify(metadata)]] : []),
      ...(tags ? [["tags", JSON.stringify(tags)]] : []),
      ["runs", outcome.matched.join(", ") || "none"],
      ...outcome.refused.map(({ alias, reason }) => ["refused", oneLine(`${alias}: ${reason}`)]),
    ]),
  );
}

/** What came of an event, short. */
export function outcomeText({ outcome }: Pick<EventAnswer, "outcome">): string {
  const { matched, refused_count: refused } = outcome;
  if (matched.length > 0) return matched.join(", ");
  return refused > 0 ? `none: ${refused} refused it` : "none";
}

/** Prints refused deliveries, newest first. */
export async function listRejections(
  root: string,
  flags: OperatorFlags & { connection?: string; limit: number },
): Promise<void> {
  const { connection, limit } = flags;
  const query = new URLSearchParams({ ...(connection && { connection }) });
  const data = await openClient(root, flags).list<Rejection>(`/v1/rejections?${query}`, limit);
  if (flags.json) return printJson({ data });
  if (data.length === 0) return note("Nothing was refused.");
  const rows = data.map(({ at, connection, scheme, count, failure }) => [
    at ?? "",
    connection,
    scheme,
    String(count),
    oneLine(failure.detail),
    failure.where ?? "",
    failure.expected ?? "",
  ]);
  print(table([["at", "connection", "scheme", "times", "why", "where", "expected"], ...rows]));
}
