// Records as their senders write them, all telling of one object in one bucket.
import { BUCKET, NOW } from "./given.ts";

type Over = {
  key?: string;
  eventName?: string;
  sequencer?: string;
  size?: number;
  bucket?: string;
  time?: string;
};

/** One record as AWS writes it; the key is given as S3 has it and form-encoded here. */
export const s3Record = ({ key = "clips/a.mp4", eventName = "ObjectCreated:Put", ...over }: Over = {}) => ({
  eventVersion: "2.1",
  eventSource: "aws:s3",
  awsRegion: "us-east-1",
  eventTime: over.time ?? "2026-11-23T11:59:58.123Z",
  eventName,
  userIdentity: { principalId: "AWS:EXAMPLE" },
  requestParameters: { sourceIPAddress: "192.0.2.1" },
  responseElements: { "x-amz-request-id": "R1", "x-amz-id-2": "I1" },
  s3: {
    s3SchemaVersion: "1.0",
    configurationId: "c",
    bucket: {
      name: over.bucket ?? BUCKET,
      ownerIdentity: { principalId: "P" },
      arn: `arn:aws:s3:::${BUCKET}`,
    },
    object: {
      key: formEncoded(key),
      size: over.size ?? 1024,
      eTag: "d41d8cd98f00b204e9800998ecf8427e",
      sequencer: over.sequencer ?? "0055AED6DCD90281E5",
    },
  },
});

/** As `application/x-www-form-urlencoded` does, but with `/` kept, as S3 does. */
export const formEncoded = (key: string) =>
  encodeURIComponent(key).replaceAll("%20", "+").replaceAll("%2F", "/");

export const eventBridgeEvent = (key = "clips/a.mp4") => ({
  version: "0",
  id: "17793124-05d4-b198-2fde-7ededc63b103",
  "detail-type": "Object Created",
  source: "aws.s3",
  account: "123456789012",
  time: "2026-11-23T11:59:58Z",
  region: "us-east-1",
  resources: [`arn:aws:s3:::${BUCKET}`],
  detail: {
    version: "0",
    bucket: { name: BUCKET },
    object: { key, size: 1024, etag: "d41d8cd98f00b204e9800998ecf8427e", sequencer: "0055AED6DCD90281E5" },
    "request-id": "R1",
    requester: "123456789012",
    reason: "PutObject",
  },
});

export const minioRecord = (key = "clips/a.mp4", eventName = "s3:ObjectCreated:Put") => ({
  ...s3Record(),
  eventVersion: "2.0",
  eventSource: "minio:s3",
  eventName,
  s3: {
    ...s3Record().s3,
    object: {
      key: encodeURIComponent(key).replaceAll("%20", "+"),
      eTag: "d41d8cd98f00b204e9800998ecf8427e",
      contentType: "video/mp4",
      userMetadata: { "content-type": "video/mp4", "X-Amz-Meta-Foo": "bar" },
      sequencer: "17A3B2C1",
    },
  },
});

export const cephRecord = (key = "clips/a.mp4", eventTime = "2026-11-23T11:59:58.123456Z") => ({
  ...s3Record(),
  eventVersion: "2.2",
  eventSource: "ceph:s3",
  eventTime,
  s3: {
    ...s3Record().s3,
    object: {
      key,
      size: 5,
      eTag: "5d41402abc4b2a76b9719d911017c592",
      versionId: "",
      sequencer: "2D3A046B66F54F06",
      metadata: [{ key: "x-amz-meta-Foo", val: "bar" }],
      tags: [{ key: "camera", val: "north gate" }],
    },
  },
  eventId: "1795439149.105903.5d41402abc4b2a76b9719d911017c592",
  opaqueData: "",
});

export const b2Event = (objectName = "clips/a.mp4", eventType = "b2:ObjectCreated:Upload") => ({
  accountId: "e85c6a500333",
  bucketId: "aea8c5bc362ae55070130333",
  bucketName: BUCKET,
  eventId: "5e4fc1a1-d7b1-4a0c-9d5c-2f2c66d0e5d0",
  eventTimestamp: NOW - 2000,
  eventType,
  eventVersion: 1,
  matchedRuleName: "weir-rule",
  objectName,
  objectSize: 1024,
  objectVersionId:
    "4_zaea8c5bc362ae55070130333_f117c7bd5d6c6597c_d20230521_m235957_c001_v0001044_t0052_u01684713597235",
});

export const tigrisEvent = (key = "clips/a.mp4", eventName = "OBJECT_CREATED_PUT") => ({
  eventVersion: "1",
  eventSource: "tigris",
  eventName,
  eventTime: "2026-11-23T11:59:58.123Z",
  bucket: BUCKET,
  object: { key, size: 1024, eTag: "d41d8cd98f00b204e9800998ecf8427e" },
});

export const gcsPush = (objectId = "clips/a.mp4", eventType = "OBJECT_FINALIZE", more: object = {}) => ({
  message: {
    attributes: {
      notificationConfig: "projects/_/buckets/media/notificationConfigs/1",
      eventType,
      payloadFormat: "JSON_API_V1",
      bucketId: BUCKET,
      objectId,
      objectGeneration: "1763899198123456",
      eventTime: "2026-11-23T11:59:58.123456Z",
      ...more,
    },
    data: Buffer.from(
      JSON.stringify({
        name: objectId,
        size: "1024",
        etag: "CMD=",
        contentType: "video/mp4",
        metadata: { Foo: "bar" },
      }),
    ).toString("base64"),
    messageId: "136969346945",
    publishTime: "2026-11-23T11:59:59.1Z",
  },
  subscription: "projects/p/subscriptions/s",
});

export const cloudEvent = (subject = "clips/a.mp4", data: unknown = undefined) => ({
  specversion: "1.0",
  id: "R1.I1",
  type: "com.amazonaws.s3.ObjectCreated:Put",
  source: `aws:s3.us-east-1.${BUCKET}`,
  subject,
  time: "2026-11-23T11:59:58.123Z",
  ...(data === undefined ? {} : { data }),
});

export const r2Message = (key = "clips/a.mp4", action = "PutObject", bucket = BUCKET) => ({
  account: "3f4b7e3dcab231cbfdaa90a6a28bd548",
  action,
  bucket,
  object: { key, size: 1024, eTag: "d41d8cd98f00b204e9800998ecf8427e" },
  eventTime: "2026-11-23T11:59:58.123Z",
});

export const records = (...list: unknown[]) => JSON.stringify({ Records: list });
