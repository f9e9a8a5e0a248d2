import { describe, expect, test } from "vitest";
import { normalise } from "../../src/receive/normalise/normalise.ts";
import { type Event, eventSchema } from "../../src/shapes/event.ts";
import { BUCKET, NOW } from "./given.ts";
import {
  b2Event,
  cephRecord,
  cloudEvent,
  eventBridgeEvent,
  gcsPush,
  minioRecord,
  r2Message,
  s3Record,
  tigrisEvent,
} from "./records.ts";

const context = { connection: "conn", receivedAt: NOW };
const read = (body: unknown, headers: Record<string, string> = {}) =>
  normalise(typeof body === "string" ? body : JSON.stringify(body), new Headers(headers), context);

/** The events of a body that must be read without complaint, each checked against the event schema. */
function events(body: unknown, headers: Record<string, string> = {}): Event[] {
  const result = read(body, headers);
  if (!result.ok) throw new Error(result.failure.detail);
  expect(result.value.quarantined).toEqual([]);
  for (const event of result.value.events) expect(eventSchema.parse(event)).toEqual(event);
  return result.value.events;
}
const escaped = (text: string) => encodeURIComponent(text);
const binary = (subject: string) => ({
  "ce-specversion": "1.0",
  "ce-id": "R1.I1",
  "ce-type": "com.amazonaws.s3.ObjectCreated:Put",
  "ce-source": `aws:s3.us-east-1.${BUCKET}`,
  "ce-subject": escaped(subject),
  "ce-time": "2026-11-23T11:59:58.123Z",
});

describe("keys arrive unharmed, decoded once, from", () => {
  const keys = [
    "red+flower%2B✓.jpg",
    "a b",
    "../x",
    "/leading//double/",
    "line\nbreak\ttab",
    "%",
    "100%25 %2F done.mp4",
    "日本 語/😀.mp4",
    "\"quoted\" \\ 'single'",
    "__proto__",
    "k".repeat(1024),
    "é".repeat(512),
  ];
  const senders: Record<string, (key: string) => [unknown, Record<string, string>?]> = {
    s3: (key) => [{ Records: [s3Record({ key })] }],
    eventbridge: (key) => [eventBridgeEvent(key)],
    minio: (key) => [{ EventName: "x", Key: "y", Records: [minioRecord(key)] }],
    ceph: (key) => [{ Records: [cephRecord(key)] }],
    b2: (key) => [{ events: [b2Event(key)] }],
    tigris: (key) => [{ events: [tigrisEvent(key)] }],
    gcs: (key) => [gcsPush(key)],
    r2: (key) => [r2Message(key)],
    "cloudevents, structured": (key) => [cloudEvent(key)],
    "cloudevents, a batch": (key) => [[cloudEvent(key)]],
    "cloudevents, binary": (key) => ["", binary(key)],
    "cloudevents around an S3 record": (key) => [cloudEvent("another", s3Record({ key }))],
  };
  test.each(Object.entries(senders))("%s", (_, sent) => {
    for (const key of keys)
      expect(events(...sent(key)), key).toMatchObject([{ key, bucket: BUCKET, type: "created" }]);
  });
});

test.each([
  ["1,025 bytes", "k".repeat(1025)],
  ["513 two-byte characters", "é".repeat(513)],
  ["no bytes", ""],
  ["half a surrogate pair", "a\ud800b"],
])("a key of %s is no key", (_, key) => {
  expect(read({ events: [tigrisEvent(key)] })).toMatchObject({
    value: { events: [], quarantined: [{ index: 0 }] },
  });
});

describe("what each sender says becomes", () => {
  test("an S3 event", () => {
    expect(events({ Records: [s3Record()] })).toEqual([
      {
        id: expect.stringMatching(/^evt_[0-9a-f]{32}$/),
        identities: [expect.any(String), expect.any(String)],
        connection: "conn",
        sender: "s3",
        type: "created",
        operation: "ObjectCreated:Put",
        bucket: BUCKET,
        key: "clips/a.mp4",
        size: 1024,
        etag: "d41d8cd98f00b204e9800998ecf8427e",
        sequencer: "0055AED6DCD90281E5",
        time: "2026-11-23T11:59:58.123Z",
        region: "us-east-1",
        hops: 0,
        received_at: "2026-11-23T12:00:00.000Z",
      },
    ]);
  });

  test("a MinIO event, of size 0 where it is left out, with its metadata", () => {
    expect(events({ Records: [minioRecord()] })).toMatchObject([
      {
        sender: "minio",
        operation: "ObjectCreated:Put",
        size: 0,
        content_type: "video/mp4",
        metadata: { foo: "bar" },
      },
    ]);
    expect(events({ Records: [minioRecord()] })[0]).not.toHaveProperty("sequencer");
  });

  test.each([
    ["s3:ObjectCreated:PutTagging", "tagged"],
    ["s3:ObjectCreated:DeleteTagging", "tagged"],
    ["s3:ObjectCreated:PutRetention", "other"],
    ["s3:ObjectCreated:PutLegalHold", "other"],
    ["s3:ObjectCreated:CompleteMultipartUpload", "created"],
    ["s3:ObjectRemoved:Delete", "removed"],
    ["s3:ObjectAccessed:Get", "accessed"],
    ["s3:ObjectAccessed:Head", "accessed"],
    ["s3:ObjectAccessed:GetRetention", "accessed"],
    ["s3:ObjectTransition:Complete", "archived"],
    ["s3:LifecycleDelMarkerExpiration:Delete", "removed"],
  ])("of MinIO's %s, %s", (name, type) => {
    expect(events({ Records: [minioRecord("k", name)] })).toMatchObject([{ type, operation: name.slice(3) }]);
  });

  test("a Ceph event, with metadata and tags, and without a sequencer", () => {
    const [event] = events({ Records: [cephRecord()] });
    expect(event).toMatchObject({ sender: "ceph", metadata: { foo: "bar" }, tags: { camera: "north gate" } });
    expect(event).not.toHaveProperty("sequencer");
    expect(event).not.toHaveProperty("version_id");
  });

  test.each([
    ["=?UTF-8?B?bsO8cm5iZXJn?=", "nürnberg"],
    ["=?utf-8?q?n=C3=BCrn_berg?=", "nürn berg"],
    ["=?UTF-8?Q?=E6=97?= =?UTF-8?Q?=A5?=", "日"],
    ["=?ISO-8859-1*de?Q?M=FCller?=", "Müller"],
    ["camera =?UTF-8?B?w6k=?= 7", "camera é 7"],
    ["=?UTF-8?Q?a?= =?ISO-8859-1?Q?=E9?=", "aé"],
    ["=?UTF-8?B?!!?=", "=?UTF-8?B?!!?="],
    ["=?UTF-8?Q?=ZZ?=", "=?UTF-8?Q?=ZZ?="],
    ["=?UTF-8?Q?=FF?=", "=?UTF-8?Q?=FF?="],
    ["=?no-such?Q?a?=", "=?no-such?Q?a?="],
    ["a=?b", "a=?b"],
    ["Grüße", "Grüße"],
  ])("metadata of %j, %j", (value, meaning) => {
    const record = minioRecord();
    record.s3.object.userMetadata = { "content-type": "video/mp4", "X-Amz-Meta-Foo": value };
    expect(events({ Records: [record] })[0]?.metadata).toEqual({ foo: meaning });
  });

  test("a B2 event", () => {
    expect(events({ events: [b2Event()] })).toMatchObject(
      [
        {
          sender: "b2",
          operation: "b2:ObjectCreated:Upload",
          version_id: /^4_z/,
          time: "2026-11-23T11:59:58.000Z",
        },
      ].map((event) => ({ ...event, version_id: expect.stringMatching(event.version_id) })),
    );
  });

  test.each([
    ["b2:ObjectCreated:MultipartUpload", "created"],
    ["b2:ObjectCreated:Copy", "created"],
    ["b2:ObjectDeleted:Delete", "removed"],
    ["b2:ObjectDeleted:LifecycleRule", "removed"],
    ["b2:HideMarkerCreated:Hide", "removed"],
    ["b2:MultipartUploadCreated:LiveRead", "other"],
  ])("of B2's %s, %s", (name, type) => {
    expect(events({ events: [b2Event("k", name)] })).toMatchObject([{ type, operation: name }]);
  });

  test.each([
    ["OBJECT_CREATED_PUT", "created"],
    ["OBJECT_DELETED", "removed"],
    ["OBJECT_DREAMT_OF", "other"],
  ])("of Tigris's %s, %s", (name, type) => {
    expect(events({ events: [tigrisEvent("k", name)] })).toMatchObject([{ type, operation: name }]);
  });

  test("a GCS event", () => {
    expect(events(gcsPush())).toMatchObject([
      {
        sender: "gcs",
        size: 1024,
        version_id: "1763899198123456",
        content_type: "video/mp4",
        metadata: { foo: "bar" },
        time: "2026-11-23T11:59:58.123Z",
      },
    ]);
  });

  test.each([
    ["OBJECT_DELETE", {}, "removed"],
    ["OBJECT_ARCHIVE", {}, "removed"],
    ["OBJECT_DELETE", { overwrittenByGeneration: "2" }, "other"],
    ["OBJECT_ARCHIVE", { overwrittenByGeneration: "2" }, "other"],
    ["OBJECT_METADATA_UPDATE", {}, "other"],
  ])("of GCS's %s %j, %s", (name, more, type) => {
    expect(events(gcsPush("k", name, more))).toMatchObject([{ type, operation: name }]);
  });

  test("a CloudEvent that only its attributes tell", () => {
    expect(events(cloudEvent("a b", { object: { size: 3, eTag: '"abc"' } }))).toMatchObject([
      { sender: "cloudevents", operation: "ObjectCreated:Put", region: "us-east-1", size: 3, etag: "abc" },
    ]);
  });

  const base64 = (text: string) => Buffer.from(text).toString("base64");

  test("a CloudEvent whose data is in base64: a sender's record, or what only its attributes tell", () => {
    const encoded = (data: unknown) => ({ ...cloudEvent("a b"), data_base64: base64(JSON.stringify(data)) });
    expect(events(encoded({ Records: [s3Record({ key: "x y" })] }))).toMatchObject([
      { sender: "s3", key: "x y" },
    ]);
    expect(events(encoded(s3Record({ key: "x" })))).toMatchObject([{ sender: "s3", key: "x" }]);
    expect(events([encoded({ object: { size: 3 } })])).toMatchObject([
      { sender: "cloudevents", key: "a b", size: 3 },
    ]);
    const picture = { ...cloudEvent("p"), datacontenttype: "image/png", data_base64: base64("\x89PNG") };
    expect(events(picture)).toMatchObject([{ sender: "cloudevents", key: "p" }]);
  });

  test.each([
    ["no base64", "?"],
    ["base64 without its padding", "e30"],
    ["no JSON", base64("hello")],
    ["no UTF-8", Buffer.from([0x22, 0xff, 0x22]).toString("base64")],
  ])("a CloudEvent whose data_base64 is %s is quarantined by that name", (_, data_base64) => {
    expect(read({ ...cloudEvent(), data_base64 })).toMatchObject({
      value: { events: [], quarantined: [{ failure: { kind: "malformed", where: "data_base64" } }] },
    });
  });

  test.each([
    ['"clips/a b.mp4"', "clips/a b.mp4"],
    ['"say \\"hi\\".txt"', 'say "hi".txt'],
    ['"100%25 %E6%97%A5.mp4"', "100% 日.mp4"],
    ['"back\\\\slash"', "back\\slash"],
    ["%22quoted%22", '"quoted"'],
    ['"open', '"open'],
    ["100%", "100%"],
  ])("a binary CloudEvent with the header ce-subject: %s, of the key %j", (subject, key) => {
    const headers = { ...binary("x"), "ce-subject": subject, "ce-specversion": '"1.0"' };
    expect(events("", headers)).toMatchObject([{ key, bucket: BUCKET }]);
  });

  test("a CloudEvent of a bucket whose name has dots", () => {
    expect(events({ ...cloudEvent(), source: "aws:s3.us-east-1.my.own.bucket" })).toMatchObject([
      { bucket: "my.own.bucket" },
    ]);
  });

  test("every event inside a CloudEvent, structured, binary or in a batch", () => {
    const data = { Records: [s3Record({ key: "a" }), s3Record({ key: "b" })] };
    const keys = (list: Event[]) => list.map(({ key }) => key);
    expect(keys(events(cloudEvent("x", data)))).toEqual(["a", "b"]);
    expect(keys(events(data, binary("x")))).toEqual(["a", "b"]);
    expect(keys(events([cloudEvent("c"), cloudEvent("x", data)]))).toEqual(["c", "a", "b"]);
    expect(events([])).toEqual([]);
  });
});

test.each([
  ["ObjectCreated:Put", "created"],
  ["ObjectCreated:Post", "created"],
  ["ObjectCreated:Copy", "created"],
  ["ObjectCreated:CompleteMultipartUpload", "created"],
  ["ObjectCreated:NeverHeardOf", "created"],
  ["ObjectRemoved:Delete", "removed"],
  ["ObjectRemoved:DeleteMarkerCreated", "removed"],
  ["LifecycleExpiration:Delete", "removed"],
  ["LifecycleExpiration:DeleteMarkerCreated", "removed"],
  ["ObjectRestore:Post", "restored"],
  ["ObjectRestore:Completed", "restored"],
  ["ObjectRestore:Delete", "archived"],
  ["LifecycleTransition", "archived"],
  ["IntelligentTiering", "archived"],
  ["ObjectTagging:Put", "tagged"],
  ["ObjectTagging:Delete", "tagged"],
  ["ObjectAcl:Put", "acl"],
  ["Replication:OperationFailedReplication", "other"],
  ["ReducedRedundancyLostObject", "other"],
  ["constructor", "other"],
  ["__proto__", "other"],
])("S3's %s is %s", (eventName, type) => {
  expect(events({ Records: [s3Record({ eventName })] })).toMatchObject([{ type, operation: eventName }]);
  expect(events({ Records: [s3Record({ eventName: `s3:${eventName}` })] })).toMatchObject([
    { operation: eventName },
  ]);
});

test.each([
  ["Object Created", "created"],
  ["Object Deleted", "removed"],
  ["Object Restore Initiated", "restored"],
  ["Object Restore Completed", "restored"],
  ["Object Restore Expired", "archived"],
  ["Object Storage Class Changed", "archived"],
  ["Object Access Tier Changed", "archived"],
  ["Object ACL Updated", "acl"],
  ["Object Tags Added", "tagged"],
  ["Object Tags Deleted", "tagged"],
  ["Object Dreamt Of", "other"],
])("EventBridge's %s is %s", (name, type) => {
  expect(events({ ...eventBridgeEvent(), "detail-type": name })).toMatchObject([{ type, operation: name }]);
});

test("names like __proto__ and constructor are names like any other", () => {
  const record = cephRecord();
  const object = {
    ...record.s3.object,
    metadata: [
      { key: "x-amz-meta-__proto__", val: "1" },
      { key: "x-amz-meta-constructor", val: "2" },
    ],
    tags: [],
  };
  const result = read({ Records: [{ ...record, s3: { ...record.s3, object } }] });
  const event = result.ok ? result.value.events[0] : undefined;
  expect(Object.entries(event?.metadata ?? {})).toEqual([
    ["__proto__", "1"],
    ["constructor", "2"],
  ]);
  expect(event?.tags).toEqual({});
});
