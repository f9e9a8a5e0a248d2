// Tigris object notifications: raw keys, three kinds of events.
// https://www.tigrisdata.com/docs/buckets/object-notifications/
import { z } from "zod";
import type { EventType } from "../../shapes/event.ts";
import { eventOf, type Normaliser, read } from "./contract.ts";

const tigrisSchema = z.object({
  eventName: z.string().min(1),
  eventTime: z.string(),
  bucket: z.string().min(1),
  object: z.object({
    key: z.string().min(1),
    size: z.int().nonnegative().nullish(),
    eTag: z.string().nullish(),
  }),
});

export const tigris: Normaliser = (record, context) => {
  const parsed = read(tigrisSchema, record);
  if (!parsed.ok) return parsed;
  const { eventName, eventTime, bucket, object } = parsed.value;
  const { key, size, eTag } = object;
  return eventOf(
    {
      sender: "tigris",
      type: typeOf(eventName),
      operation: eventName,
      bucket,
      key,
      size,
      etag: eTag,
      time: eventTime,
    },
    context,
  );
};

function typeOf(name: string): EventType {
  if (name.startsWith("OBJECT_CREATED")) return "created";
  return name.startsWith("OBJECT_DELETED") ? "removed" : "other";
}
