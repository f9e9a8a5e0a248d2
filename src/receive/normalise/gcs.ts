// Google Cloud Storage through a Pub/Sub push: the attributes describe the event, `data` the object.
// https://cloud.google.com/storage/docs/pubsub-notifications
import { z } from "zod";
import type { EventType } from "../../shapes/event.ts";
import { ok, type Result } from "../../shapes/failure.ts";
import { utf8 } from "../body.ts";
import { strictBase64 } from "../digest.ts";
import { eventOf, malformed, type Normaliser, read } from "./contract.ts";

const text = z.string();
const pushSchema = z.object({
  message: z.object({
    attributes: z.object({
      eventType: text.min(1),
      bucketId: text.min(1),
      objectId: text.min(1),
      objectGeneration: text,
      eventTime: text.nullish(),
      overwrittenByGeneration: text.nullish(),
    }),
    data: text.nullish(),
    publishTime: text.nullish(),
  }),
});
const resourceSchema = z.object({
  size: text.regex(/^\d{1,15}$/).nullish(),
  etag: text.nullish(),
  contentType: text.nullish(),
  metadata: z.record(text, text).nullish(),
});

export const gcs: Normaliser = (record, context) => {
  const parsed = read(pushSchema, record);
  if (!parsed.ok) return parsed;
  const { attributes, data, publishTime } = parsed.value.message;
  const resource = resourceOf(data);
  if (!resource.ok) return resource;
  const { size, etag, contentType, metadata } = resource.value;
  return eventOf(
    {
      sender: "gcs",
      type: typeOf(attributes.eventType, Boolean(attributes.overwrittenByGeneration)),
      operation: attributes.eventType,
      bucket: attributes.bucketId,
      key: attributes.objectId,
      size: size == null ? undefined : Number(size),
      etag,
      version_id: attributes.objectGeneration,
      time: attributes.eventTime ?? publishTime ?? "",
      content_type: contentType,
      metadata:
        metadata &&
        Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name.toLowerCase(), value])),
    },
    context,
  );
};

/** Weir's type for a GCS event name. An overwritten object's old generation is reported deleted; it is not gone. */
function typeOf(name: string, overwritten: boolean): EventType {
  if (name === "OBJECT_FINALIZE") return "created";
  return (name === "OBJECT_DELETE" || name === "OBJECT_ARCHIVE") && !overwritten ? "removed" : "other";
}

function resourceOf(data: string | null | undefined): Result<z.infer<typeof resourceSchema>> {
  if (!data) return ok({});
  const bytes = strictBase64(data);
  try {
    if (bytes !== undefined) return read(resourceSchema, JSON.parse(utf8(bytes)));
  } catch {
    // Falls through: not base64, not UTF-8 and not JSON are one and the same fault.
  }
  return malformed("The message's data is not JSON in base64.", "message.data");
}
