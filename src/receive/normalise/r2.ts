// R2 event notifications, as their queue delivers them: raw keys, no id, no sequencer, no metadata.
// https://developers.cloudflare.com/r2/buckets/event-notifications/
import { z } from "zod";
import type { EventType } from "../../shapes/event.ts";
import { eventOf, type Normaliser, read } from "./contract.ts";

const r2Schema = z.object({
  action: z.string().min(1),
  bucket: z.string().min(1),
  object: z.object({
    key: z.string().min(1),
    size: z.int().nonnegative().nullish(),
    eTag: z.string().nullish(),
  }),
  eventTime: z.string(),
});

const TYPES: Record<string, EventType> = {
  PutObject: "created",
  CopyObject: "created",
  CompleteMultipartUpload: "created",
  DeleteObject: "removed",
  LifecycleDeletion: "removed",
};

export const r2: Normaliser = (record, context) => {
  const parsed = read(r2Schema, record);
  if (!parsed.ok) return parsed;
  const { action, bucket, object, eventTime } = parsed.value;
  const { key, size, eTag } = object;
  const type = Object.hasOwn(TYPES, action) ? (TYPES[action] ?? "other") : "other";
  return eventOf(
    { sender: "r2", type, operation: action, bucket, key, size, etag: eTag, time: eventTime },
    context,
  );
};
