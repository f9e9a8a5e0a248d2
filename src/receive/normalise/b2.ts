// Backblaze B2 event notifications: raw names, times in milliseconds, no etag; a hidden file counts as removed.
// https://www.backblaze.com/docs/cloud-storage-event-notifications-reference-guide
import { z } from "zod";
import type { EventType } from "../../shapes/event.ts";
import { eventOf, type Normaliser, read } from "./contract.ts";

const b2Schema = z.object({
  eventVersion: z.literal(1, "The event's version is not 1.").nullish(),
  eventType: z.string().startsWith("b2:"),
  eventTimestamp: z.number(),
  bucketName: z.string().min(1),
  objectName: z.string().min(1),
  objectSize: z.int().nonnegative().nullish(),
  objectVersionId: z.string().nullish(),
});

/** Type of the event that B2 sends when a rule is tried; it names no object. */
export const B2_PROBE = "b2:TestEvent";

export const b2: Normaliser = (record, context) => {
  const parsed = read(b2Schema, record);
  if (!parsed.ok) return parsed;
  const { eventType, eventTimestamp, bucketName, objectName, objectSize, objectVersionId } = parsed.value;
  return eventOf(
    {
      sender: "b2",
      type: typeOf(eventType),
      operation: eventType,
      bucket: bucketName,
      key: objectName,
      size: objectSize,
      version_id: objectVersionId,
      time: eventTimestamp,
    },
    context,
  );
};

function typeOf(name: string): EventType {
  if (name.startsWith("b2:ObjectCreated:")) return "created";
  return /^b2:(ObjectDeleted|ObjectHidden|HideMarkerCreated):/.test(name) ? "removed" : "other";
}
