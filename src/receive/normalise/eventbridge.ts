// S3 events of EventBridge: one per body, raw keys, names in words. The sequencer is the same as in
// `Records[]` of the same event, so that the two are one.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
import { z } from "zod";
import type { EventType } from "../../shapes/event.ts";
import { eventOf, type Normaliser, read } from "./contract.ts";

const text = z.string();
const eventBridgeSchema = z.object({
  version: z.literal("0", "The event's version is not 0."),
  "detail-type": text.min(1),
  source: z.literal("aws.s3", "The event's source is not aws.s3."),
  time: text,
  region: text.nullish(),
  detail: z.object({
    bucket: z.object({ name: text.min(1) }),
    object: z.object({
      key: text.min(1),
      size: z.int().nonnegative().nullish(),
      etag: text.nullish(),
      "version-id": text.nullish(),
      sequencer: text.nullish(),
    }),
    "deletion-type": text.nullish(),
  }),
});

const TYPES: Record<string, EventType> = {
  "Object Created": "created",
  "Object Deleted": "removed",
  "Object Restore Initiated": "restored",
  "Object Restore Completed": "restored",
  "Object Restore Expired": "archived",
  "Object Storage Class Changed": "archived",
  "Object Access Tier Changed": "archived",
  "Object ACL Updated": "acl",
  "Object Tags Added": "tagged",
  "Object Tags Deleted": "tagged",
};

export const eventbridge: Normaliser = (record, context) => {
  const parsed = read(eventBridgeSchema, record);
  if (!parsed.ok) return parsed;
  const { "detail-type": name, time, region, detail } = parsed.value;
  const { key, size, etag, "version-id": version, sequencer } = detail.object;
  const marker = detail["deletion-type"] === "Delete Marker Created";
  return eventOf(
    {
      sender: "eventbridge",
      type: Object.hasOwn(TYPES, name) ? (TYPES[name] ?? "other") : "other",
      operation: marker ? `${name}:Delete Marker Created` : name,
      bucket: detail.bucket.name,
      key,
      size,
      etag,
      version_id: version,
      sequencer,
      time,
      region,
    },
    context,
  );
};
