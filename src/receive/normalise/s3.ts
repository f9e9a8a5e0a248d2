// AWS S3 `Records[]`, over SNS, a forwarder or EventBridge pipes. Keys are form-encoded, names have no
// `s3:`. Also the base shape of MinIO's and Ceph's records, and what S3's event names mean.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
import { z } from "zod";
import type { EventType } from "../../shapes/event.ts";
import { eventOf, formDecode, type Normaliser, read } from "./contract.ts";

const text = z.string();

/** What AWS, MinIO and Ceph have in common. Any minor version of 2 is read; another major is not guessed at. */
export const recordSchema = z.object({
  eventVersion: text.regex(/^2\.\d+$/, "The record's eventVersion is not 2.x."),
  eventSource: text,
  awsRegion: text.nullish(),
  eventTime: text,
  eventName: text.min(1),
  s3: z.object({
    bucket: z.object({ name: text.min(1) }),
    object: z.object({
      key: text.min(1),
      size: z.int().nonnegative().nullish(),
      eTag: text.nullish(),
      versionId: text.nullish(),
      sequencer: text.nullish(),
    }),
  }),
});

export const s3: Normaliser = (record, context) => {
  const parsed = read(recordSchema, record);
  if (!parsed.ok) return parsed;
  const { eventName, eventTime, awsRegion, s3: what } = parsed.value;
  const key = formDecode(what.object.key);
  if (!key.ok) return key;
  const operation = withoutPrefix(eventName);
  const { size, eTag, versionId, sequencer } = what.object;
  return eventOf(
    {
      sender: "s3",
      type: typeOf(operation),
      operation,
      bucket: what.bucket.name,
      key: key.value,
      size,
      etag: eTag,
      version_id: versionId,
      sequencer,
      time: eventTime,
      region: awsRegion,
    },
    context,
  );
};

export const withoutPrefix = (name: string): string => name.replace(/^s3:/, "");

const FAMILIES: Record<string, EventType> = {
  ObjectCreated: "created",
  ObjectRemoved: "removed",
  LifecycleExpiration: "removed",
  ObjectRestore: "restored",
  LifecycleTransition: "archived",
  IntelligentTiering: "archived",
  // MinIO's words for a move to a remote tier, for reads, and for a delete marker that has outlived its versions.
  ObjectTransition: "archived",
  ObjectAccessed: "accessed",
  LifecycleDelMarkerExpiration: "removed",
  ObjectTagging: "tagged",
  ObjectAcl: "acl",
};

/** Weir's type for an S3 event name; a family that is not known is `other`, whatever it will bring. */
export function typeOf(operation: string): EventType {
  // The end of a restored copy: what is left is the archived object.
  if (operation === "ObjectRestore:Delete") return "archived";
  const family = operation.split(":")[0] ?? "";
  return Object.hasOwn(FAMILIES, family) ? (FAMILIES[family] ?? "other") : "other";
}
