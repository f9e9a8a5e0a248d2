// Messages of each sender about a changed object, in its own format. Pure. kinds.ts lists the senders; local-bucket.ts
// sends the messages of R2 and S3.
import type { EventType } from "../../src/shapes/event.ts";

/** Change of an object. */
export interface ObjectChange {
  type: EventType;
  bucket: string;
  key: string;
  size: number;
  etag: string;
  /** RFC 3339. */
  time: string;
  region: string;
}

/** Names of a sender for Weir's event types. A type without a name has no event. */
export type EventNames = Partial<Record<EventType, string>>;

export const S3_NAMES: EventNames = {
  created: "ObjectCreated:Put",
  removed: "ObjectRemoved:Delete",
  tagged: "ObjectTagging:Put",
  restored: "ObjectRestore:Completed",
  archived: "LifecycleTransition",
  acl: "ObjectAcl:Put",
  other: "ReducedRedundancyLostObject",
};
export const EVENTBRIDGE_NAMES: EventNames = {
  created: "Object Created",
  removed: "Object Deleted",
  tagged: "Object Tags Added",
  restored: "Object Restore Completed",
  archived: "Object Storage Class Changed",
  acl: "Object ACL Updated",
};
export const MINIO_NAMES: EventNames = {
  created: "s3:ObjectCreated:Put",
  removed: "s3:ObjectRemoved:Delete",
  tagged: "s3:ObjectCreated:PutTagging",
  accessed: "s3:ObjectAccessed:Get",
  restored: "s3:ObjectRestore:Completed",
  other: "s3:ObjectCreated:PutRetention",
};
export const CEPH_NAMES: EventNames = {
  created: "ObjectCreated:Put",
  removed: "ObjectRemoved:Delete",
  archived: "ObjectLifecycle:Transition:Current",
  other: "ObjectSynced:Create",
};
export const B2_NAMES: EventNames = {
  created: "b2:ObjectCreated:Upload",
  removed: "b2:ObjectDeleted:Delete",
};
export const TIGRIS_NAMES: EventNames = {
  created: "OBJECT_CREATED_PUT",
  removed: "OBJECT_DELETED",
  other: "OBJECT_UPDATED_METADATA",
};
export const GCS_NAMES: EventNames = {
  created: "OBJECT_FINALIZE",
  removed: "OBJECT_DELETE",
  other: "OBJECT_METADATA_UPDATE",
};
export const R2_NAMES: EventNames = { created: "PutObject", removed: "DeleteObject" };

/** Makes a sequencer, which grows with time. */
const sequencer = (time: string) => BigInt(Date.parse(time)).toString(16).toUpperCase().padStart(18, "0");
const formEncoded = (key: string) => new URLSearchParams([["", key]]).toString().slice(1);
const micros = (time: string) => `${Date.parse(time)}000`;
const id = (change: ObjectChange) => Buffer.from(JSON.stringify(change)).toString("hex").slice(-32);

/** Message that Cloudflare puts on the queue: no size and no etag for a delete. */
export const r2Message = ({ type, bucket, key, size, etag, time }: ObjectChange) => ({
  account: "local",
  action: R2_NAMES[type],
  bucket,
  object: type === "removed" ? { key } : { key, size, eTag: etag },
  eventTime: time,
});

/** Event of S3: the key form-encoded, a sequencer for creations and deletions. */
export function s3Event(change: ObjectChange) {
  const { type, bucket, key, size, etag, time, region } = change;
  const ordered = type === "created" || type === "removed";
  const record = {
    eventVersion: "2.1",
    eventSource: "aws:s3",
    awsRegion: region,
    eventTime: time,
    eventName: S3_NAMES[type],
    s3: {
      s3SchemaVersion: "1.0",
      configurationId: "local",
      bucket: { name: bucket, arn: `arn:aws:s3:::${bucket}` },
      object: {
        key: formEncoded(key).replaceAll("%2F", "/"),
        ...(ordered && { sequencer: sequencer(time) }),
        ...(type !== "removed" && { size, eTag: etag }),
      },
    },
  };
  return { Records: [record] };
}

/** Event of EventBridge: the key unencoded, time in seconds. */
export const eventBridgeEvent = (change: ObjectChange, account: string) => ({
  version: "0",
  id: id(change),
  "detail-type": EVENTBRIDGE_NAMES[change.type],
  source: "aws.s3",
  account,
  time: `${change.time.slice(0, 19)}Z`,
  region: change.region,
  resources: [`arn:aws:s3:::${change.bucket}`],
  detail: {
    version: "0",
    bucket: { name: change.bucket },
    object:
      change.type === "removed"
        ? { key: change.key, sequencer: sequencer(change.time) }
        : { key: change.key, size: change.size, etag: change.etag, sequencer: sequencer(change.time) },
    ...(change.type === "removed" && { "deletion-type": "Permanently Deleted" }),
  },
});

/** Event of MinIO: names with `s3:`, `/` in keys as `%2F`, no size where it is 0. */
export function minioEvent(change: ObjectChange) {
  const [record] = s3Event(change).Records;
  const { bucket, key, size, etag, type } = change;
  const object = { key: formEncoded(key), eTag: etag, ...(size > 0 && type !== "removed" && { size }) };
  const eventName = MINIO_NAMES[type];
  const own = { ...record, eventVersion: "2.0", eventSource: "minio:s3", eventName };
  return {
    EventName: eventName,
    Key: `${bucket}/${key}`,
    Records: [{ ...own, s3: { ...record?.s3, object } }],
  };
}

/** Event of Ceph: the key unencoded; deletes have size and etag too. */
export function cephEvent(change: ObjectChange) {
  const [record] = s3Event(change).Records;
  const { key, size, etag, type } = change;
  const object = { key, size, eTag: etag, versionId: "", metadata: [], tags: [] };
  const own = { ...record, eventVersion: "2.2", eventSource: "ceph:s3", eventName: CEPH_NAMES[type] };
  return { Records: [{ ...own, s3: { ...record?.s3, object }, eventId: id(change), opaqueData: "" }] };
}

export const b2Event = (change: ObjectChange) => ({
  events: [
    {
      bucketName: change.bucket,
      eventId: id(change),
      eventTimestamp: Date.parse(change.time),
      eventType: B2_NAMES[change.type],
      eventVersion: 1,
      objectName: change.key,
      ...(change.type !== "removed" && { objectSize: change.size }),
      objectVersionId: `4_z_u${micros(change.time)}`,
    },
  ],
});

export const tigrisEvent = ({ type, time, bucket, key, size, etag }: ObjectChange) => ({
  events: [
    {
      eventName: TIGRIS_NAMES[type],
      eventTime: time,
      bucket,
      object: { key, size, ...(etag && { eTag: etag }) },
    },
  ],
});

/** Pub/Sub push of Google Cloud Storage: the event in the attributes, the object in base64. */
export const gcsPush = ({ type, time, bucket, key, size, etag }: ObjectChange) => ({
  message: {
    attributes: {
      eventType: GCS_NAMES[type],
      payloadFormat: "JSON_API_V1",
      bucketId: bucket,
      objectId: key,
      objectGeneration: micros(time),
      eventTime: time,
    },
    data: Buffer.from(JSON.stringify({ name: key, size: String(size), etag })).toString("base64"),
    messageId: micros(time),
    publishTime: time,
  },
  subscription: "projects/local/subscriptions/weir",
});

/** CloudEvent in structured mode, with size and etag of the object as data. */
export const cloudEvent = (change: ObjectChange) => ({
  specversion: "1.0",
  id: id(change),
  type: `com.amazonaws.s3.${S3_NAMES[change.type]}`,
  source: `aws:s3.${change.region}.${change.bucket}`,
  subject: change.key,
  time: change.time,
  datacontenttype: "application/json",
  data: change.type === "removed" ? {} : { object: { size: change.size, eTag: change.etag } },
});
