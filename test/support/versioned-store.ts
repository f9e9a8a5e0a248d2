// A stand-in for S3 with versioned buckets, at the network's edge: local R2 has no versions, no delete markers and no
// archive. Buckets are changed by calls, each of which returns what S3 would notify of it; they are read over HTTP.
import { createHash, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { HELD_UP_MS, type NetworkFault } from "./front.ts";

interface Version {
  id: string;
  /** Absent: a delete marker. */
  body?: Buffer;
  etag: string;
  metadata: Record<string, string>;
  tags: Record<string, string>;
  /** STANDARD, or the archive that it is in. */
  storage: string;
}

/** What S3 notifies of: `Records[].s3.object`, and how it is called. */
export interface Notice {
  bucket: string;
  eventName: string;
  eventTime: string;
  object: { key: string; size?: number; eTag?: string; versionId?: string; sequencer?: string };
}

export type VersionedStore = Awaited<ReturnType<typeof openVersionedStore>>;
const DAY_MS = 86_400_000;
const md5 = (bytes: Buffer) => createHash("md5").update(bytes).digest();

/** `versioned` are the buckets with versions; all others have one version of each object. */
export async function openVersionedStore(versioned: readonly string[]) {
  /** Oldest first. */
  const versions = new Map<string, Version[]>();
  let clock = 0;
  /** Heard of each read, as MinIO tells of them; and what goes wrong with a GET of this path. */
  const store: { onAccess?: (notice: Notice) => void; faults?: (path: string) => NetworkFault | undefined } =
    {};
  const place = (bucket: string, key: string) => `${bucket}/${key}`;
  const current = (bucket: string, key: string) => {
    const newest = versions.get(place(bucket, key))?.at(-1);
    return newest?.body ? (newest as Version & { body: Buffer }) : undefined;
  };
  const mustBe = (bucket: string, key: string) => {
    const version = current(bucket, key);
    if (!version) throw new Error(`${bucket}/${key} is not there`);
    return version;
  };
  const notice = (bucket: string, key: string, eventName: string, of?: Partial<Version>): Notice => {
    const isKept = versioned.includes(bucket);
    const sequencer = (++clock).toString(16).toUpperCase().padStart(16, "0");
    const object = {
      key,
      ...(of?.body && { size: of.body.length }),
      ...(of?.etag && { eTag: of.etag }),
      ...(isKept && of?.id && { versionId: of.id }),
      sequencer,
    };
    return { bucket, eventName, eventTime: new Date().toISOString(), object };
  };
  const add = (bucket: string, key: string, what: Omit<Version, "id">) => {
    const version = { id: randomBytes(12).toString("hex"), ...what };
    const before = versioned.includes(bucket) ? (versions.get(place(bucket, key)) ?? []) : [];
    versions.set(place(bucket, key), [...before, version]);
    return version;
  };

  const changes = {
    put(
      bucket: string,
      key: string,
      text: string,
      metadata: Record<string, string> = {},
      storage = "STANDARD",
    ) {
      const body = Buffer.from(text);
      const version = add(bucket, key, {
        body,
        etag: md5(body).toString("hex"),
        metadata,
        tags: {},
        storage,
      });
      return notice(bucket, key, "ObjectCreated:Put", version);
    },
    /** In one part, so that only its ETag and its operation say so. */
    multipart(bucket: string, key: string, text: string, metadata: Record<string, string> = {}) {
      const body = Buffer.from(text);
      const etag = `${md5(md5(body)).toString("hex")}-1`;
      const version = add(bucket, key, { body, etag, metadata, tags: {}, storage: "STANDARD" });
      return notice(bucket, key, "ObjectCreated:CompleteMultipartUpload", version);
    },
    /** With the metadata of its source, or with other; null where there is nothing to copy. */
    copy(bucket: string, from: string, to: string, metadata?: Record<string, string>) {
      const source = current(bucket, from);
      if (!source) return null;
      const { body, storage } = source;
      const etag = md5(body).toString("hex");
      const copied = { body, etag, metadata: metadata ?? source.metadata, tags: source.tags, storage };
      return notice(bucket, to, "ObjectCreated:Copy", add(bucket, to, copied));
    },
    /** As a DELETE without a version: a delete marker, where there are versions. */
    remove(bucket: string, key: string) {
      if (!versioned.includes(bucket)) {
        versions.delete(place(bucket, key));
        return notice(bucket, key, "ObjectRemoved:Delete");
      }
      const marker = add(bucket, key, { etag: "", metadata: {}, tags: {}, storage: "STANDARD" });
      return notice(bucket, key, "ObjectRemoved:DeleteMarkerCreated", {
        ...marker,
        etag: md5(Buffer.of()).toString("hex"),
      });
    },
    /** Deletes the newest version, be it a delete marker: what is below comes up. Null where there is none. */
    removeNewest(bucket: string, key: string) {
      const all = versions.get(place(bucket, key)) ?? [];
      const newest = all.at(-1);
      if (!newest) return null;
      versions.set(place(bucket, key), all.slice(0, -1));
      return notice(bucket, key, "ObjectRemoved:Delete", { id: newest.id });
    },
    /** Deletes every version but the newest, as lifecycle rules do: a notice of each. */
    removeOld(bucket: string, key: string) {
      const all = versions.get(place(bucket, key)) ?? [];
      versions.set(place(bucket, key), all.slice(-1));
      // A lifecycle rule counts in whole days, so no version goes on the day that another took its place.
      const eventTime = new Date(Date.now() + DAY_MS).toISOString();
      const goneOf = ({ id }: Version) => notice(bucket, key, "LifecycleExpiration:Delete", { id });
      return all.slice(0, -1).map((it) => ({ ...goneOf(it), eventTime }));
    },
    tag(bucket: string, key: string, tags: Record<string, string>) {
      const version = mustBe(bucket, key);
      version.tags = tags;
      return notice(bucket, key, "ObjectTagging:Put", { id: version.id, etag: version.etag });
    },
    /** Into a storage class; bytes of GLACIER and DEEP_ARCHIVE cannot be read. */
    move(bucket: string, key: string, storage: string) {
      const version = mustBe(bucket, key);
      version.storage = storage;
      return notice(bucket, key, "LifecycleTransition", version);
    },
    /** What S3 tells that changes neither bytes nor metadata, in its own word. */
    mention: (bucket: string, key: string, eventName: string) =>
      notice(bucket, key, eventName, current(bucket, key)),
  };

  const server = createServer((request, answer) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://store");
    const [, bucket = "", ...rest] = pathname.split("/").map(decodeURIComponent);
    const key = rest.join("/");
    if (key === "") {
      // The bucket itself is there.
      answer.writeHead(200).end();
      return;
    }
    const version = current(bucket, key);
    if (searchParams.has("tagging")) {
      sendTags(answer, version);
      return;
    }
    if (store.onAccess && version) {
      const word = request.method === "HEAD" ? "Head" : "Get";
      store.onAccess(notice(bucket, key, `s3:ObjectAccessed:${word}`, version));
    }
    const fault = request.method === "GET" ? store.faults?.(pathname) : undefined;
    if (fault === "refused") answer.writeHead(503).end();
    else if (fault === "cut off") answer.destroy();
    else {
      const send = () => sendObject(request, answer, version, versioned.includes(bucket));
      // What is sent was read before it was held up.
      if (fault === "held up") setTimeout(send, HELD_UP_MS);
      else send();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(store, changes, {
    base: `http://127.0.0.1:${port}`,
    /** What is there now: its text and metadata. */
    object(bucket: string, key: string) {
      const version = current(bucket, key);
      return version ? { body: version.body.toString(), metadata: version.metadata } : null;
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  });
}

function sendTags(answer: ServerResponse, version: Version | undefined): void {
  const tags = Object.entries(version?.tags ?? {});
  const set = tags.map(([name, value]) => `<Tag><Key>${name}</Key><Value>${value}</Value></Tag>`).join("");
  answer.writeHead(version ? 200 : 404).end(`<Tagging><TagSet>${set}</TagSet></Tagging>`);
}

interface Refusal {
  status: number;
  code: string;
  more?: string;
}

function refusalOf({ method, headers }: IncomingMessage, version: Version | undefined): Refusal | undefined {
  if (!version) return { status: 404, code: "NoSuchKey" };
  const { etag, storage } = version;
  if (headers["if-match"] && headers["if-match"] !== `"${etag}"`)
    return { status: 412, code: "PreconditionFailed" };
  const isArchived = storage === "GLACIER" || storage === "DEEP_ARCHIVE";
  if (method !== "GET" || !isArchived) return undefined;
  return { status: 403, code: "InvalidObjectState", more: `<StorageClass>${storage}</StorageClass>` };
}

function sendObject(
  request: IncomingMessage,
  answer: ServerResponse,
  version: (Version & { body: Buffer }) | undefined,
  isVersioned: boolean,
): void {
  const { method, headers } = request;
  const refusal = refusalOf(request, version);
  if (refusal || !version) {
    const { status = 404, code, more = "" } = refusal ?? {};
    answer.writeHead(status).end(method === "HEAD" ? "" : `<Error><Code>${code}</Code>${more}</Error>`);
    return;
  }
  const { body, etag, id, metadata, storage } = version;
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "") ?? [];
  const part = from === undefined ? body : body.subarray(Number(from), to ? Number(to) + 1 : undefined);
  const range = `bytes ${from}-${Number(from) + part.length - 1}/${body.length}`;
  const named = Object.entries(metadata).map(([name, value]) => [`x-amz-meta-${name}`, value]);
  answer.writeHead(from === undefined ? 200 : 206, {
    etag: `"${etag}"`,
    "content-length": part.length,
    ...(from !== undefined && { "content-range": range }),
    ...(isVersioned && { "x-amz-version-id": id }),
    ...(storage !== "STANDARD" && { "x-amz-storage-class": storage }),
    ...Object.fromEntries(named),
  });
  answer.end(method === "HEAD" ? undefined : part);
}

const encoded = (key: string) => encodeURIComponent(key).replaceAll("%20", "+").replaceAll("%2F", "/");

/** `Records[]`, as S3 (`aws:s3`) or MinIO (`minio:s3`) sends them. */
export const recordsOf = (notices: readonly Notice[], eventSource = "aws:s3") => ({
  Records: notices.map(({ bucket, eventName, eventTime, object }) => ({
    ...{ eventVersion: "2.1", eventSource, awsRegion: "us-east-1", eventTime, eventName },
    s3: { bucket: { name: bucket }, object: { ...object, key: encoded(object.key) } },
  })),
});

const WORDS: Record<string, string> = {
  ObjectCreated: "Object Created",
  ObjectRemoved: "Object Deleted",
  LifecycleExpiration: "Object Deleted",
  LifecycleTransition: "Object Storage Class Changed",
  ObjectTagging: "Object Tags Added",
  ObjectAcl: "Object ACL Updated",
};

/** The same as EventBridge tells it. */
export function eventBridgeOf({ bucket, eventName, eventTime, object }: Notice) {
  const { key, size, eTag: etag, versionId, sequencer } = object;
  const isMarker = eventName.endsWith(":DeleteMarkerCreated");
  return {
    ...{ version: "0", id: sequencer, source: "aws.s3", account: "123456789012", time: eventTime },
    ...{ region: "us-east-1", resources: [], "detail-type": WORDS[eventName.split(":")[0] ?? ""] },
    detail: {
      version: "0",
      bucket: { name: bucket },
      object: { key, size, etag, "version-id": versionId, sequencer },
      ...(isMarker && { "deletion-type": "Delete Marker Created" }),
    },
  };
}
