// A fake S3 store on loopback that writes as Go's encoding/xml does (MinIO, SeaweedFS, Garage's kin): quotes as
// `&#34;`, newlines as `&#xA;`, metadata that is not ASCII as RFC 2047 words. Signatures are not looked at.
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

interface Kept {
  body: Buffer;
  etag: string;
  metadata: Record<string, string>;
  tags: Record<string, string>;
}

export type GoStore = Awaited<ReturnType<typeof openGoStore>>;

/** How a store may differ from the others in what it answers. */
export interface Manners {
  /** Leaves out `EncodingType` and does not encode keys, as stores do that do not know the parameter. */
  plainKeys?: boolean;
  /** Answers `?tagging` with 501. */
  noTags?: boolean;
  /** Names the error of a HEAD in a header, as MinIO does. */
  errorHeader?: boolean;
  /** Objects of a page at most. */
  pageSize?: number;
}

export async function openGoStore(buckets: string[], manners: Manners = {}) {
  const stored = new Map(buckets.map((bucket) => [bucket, new Map<string, Kept>()]));
  const server = createServer((request, response) => void answer(request, response, stored, manners));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const inBucket = (bucket: string) => {
    const objects = stored.get(bucket);
    if (!objects) throw new Error(`there is no bucket ${bucket}`);
    return objects;
  };
  return {
    base: `http://127.0.0.1:${port}`,
    put(bucket: string, key: string, text: string, more: Partial<Pick<Kept, "metadata" | "tags">> = {}) {
      const body = Buffer.from(text);
      const etag = createHash("md5").update(body).digest("hex");
      inBucket(bucket).set(key, { body, etag, metadata: {}, tags: {}, ...more });
      return { key, etag, size: body.length };
    },
    remove: (bucket: string, key: string) => inBucket(bucket).delete(key),
    /** The bucket under another name: what is asked for by the old one is not there any more. */
    dropBucket(bucket: string) {
      const objects = inBucket(bucket);
      stored.delete(bucket);
      return () => stored.set(bucket, objects);
    },
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  stored: Map<string, Map<string, Kept>>,
  manners: Manners,
): Promise<void> {
  request.resume();
  const url = new URL(request.url ?? "/", "http://store.test");
  const [, bucket = "", key = ""] = /^\/([^/]*)\/?(.*)$/s.exec(url.pathname)?.map(decodeURIComponent) ?? [];
  const objects = stored.get(bucket);
  const object = objects?.get(key);
  const isHead = request.method === "HEAD";
  const end = (status: number, headers: Record<string, string | number>, body: string | Buffer = "") =>
    response
      .writeHead(status, { "content-length": Buffer.byteLength(body), ...headers })
      .end(isHead ? undefined : body);
  const fail = (status: number, code: string) =>
    end(status, manners.errorHeader ? { "x-minio-error-code": code } : {}, isHead ? "" : errorXml(code));
  if (!objects) return void fail(404, "NoSuchBucket");
  if (key === "") {
    return void (url.searchParams.has("list-type")
      ? end(200, XML, listXml(objects, bucket, url, manners))
      : end(200, {}));
  }
  if (url.searchParams.has("tagging") && manners.noTags) return void fail(501, "NotImplemented");
  if (!object) return void fail(404, "NoSuchKey");
  if (url.searchParams.has("tagging")) return void end(200, XML, tagsXml(object.tags));
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  const part = object.body.subarray(Number(from ?? 0), to ? Number(to) + 1 : undefined);
  const range =
    from === undefined
      ? {}
      : { "content-range": `bytes ${from}-${Number(from) + part.length - 1}/${object.body.length}` };
  const metadata = Object.entries(object.metadata).map(([name, value]) => [
    `x-amz-meta-${name}`,
    goWord(value),
  ]);
  const headers = {
    etag: `"${object.etag}"`,
    "content-type": "text/plain",
    ...range,
    ...Object.fromEntries(metadata),
  };
  end(from === undefined ? 200 : 206, { ...headers, "content-length": part.length }, part);
}

const XML = { "content-type": "application/xml" };
const HEADER = '<?xml version="1.0" encoding="UTF-8"?>\n';
const NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';

function listXml(
  objects: Map<string, Kept>,
  bucket: string,
  { searchParams }: URL,
  manners: Manners,
): string {
  const prefix = searchParams.get("prefix") ?? "";
  const after = Buffer.from(searchParams.get("continuation-token") ?? "", "base64").toString();
  const limit = Math.min(Number(searchParams.get("max-keys") ?? 1000), manners.pageSize ?? 1000);
  const name = (key: string) => (manners.plainKeys ? key : goEncoded(key));
  const keys = [...objects.keys()]
    .sort()
    .filter((key) => key.startsWith(prefix) && (after === "" || key > after));
  const page = keys.slice(0, limit);
  const contents = page.map((key) => {
    const { etag, body } = objects.get(key) as Kept;
    return element(
      "Contents",
      element("Key", escaped(name(key))),
      element("LastModified", "2026-11-23T12:00:00.000Z"),
      element("ETag", escaped(`"${etag}"`)),
      element("Size", String(body.length)),
      element("StorageClass", "STANDARD"),
    );
  });
  const isTruncated = keys.length > page.length;
  const next = Buffer.from(page.at(-1) ?? "").toString("base64");
  return [
    `${HEADER}<ListBucketResult ${NAMESPACE}>`,
    element("Name", bucket),
    element("Prefix", escaped(name(prefix))),
    element("KeyCount", String(page.length)),
    element("MaxKeys", String(limit)),
    element("IsTruncated", String(isTruncated)),
    ...(isTruncated ? [element("NextContinuationToken", escaped(next))] : []),
    ...contents,
    ...(manners.plainKeys ? [] : [element("EncodingType", "url")]),
    "</ListBucketResult>",
  ].join("");
}

function tagsXml(tags: Record<string, string>): string {
  const all = Object.entries(tags).map(([key, value]) =>
    element("Tag", element("Key", escaped(key)), element("Value", escaped(value))),
  );
  return `${HEADER}<Tagging ${NAMESPACE}>${element("TagSet", ...all)}</Tagging>`;
}

const errorXml = (code: string) =>
  `${HEADER}<Error>${element("Code", code)}${element("Message", escaped(`It's "${code}"`))}</Error>`;

const element = (name: string, ...inside: string[]) => `<${name}>${inside.join("")}</${name}>`;

/** As Go's xml.EscapeText. */
const GO_ESCAPES: Record<string, string> = {
  '"': "&#34;",
  "'": "&#39;",
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "\t": "&#x9;",
  "\n": "&#xA;",
  "\r": "&#xD;",
};
const escaped = (text: string) => text.replace(/["'&<>\t\n\r]/g, (char) => GO_ESCAPES[char] ?? char);
/** As MinIO's s3EncodeName: a space is a plus, a slash stays. */
const goEncoded = (key: string) =>
  encodeURIComponent(key).replaceAll("%20", "+").replaceAll("%2F", "/").replaceAll("'", "%27");
/** As Go's mime.QEncoding: words only where something is not ASCII. */
function goWord(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  const bytes = [...Buffer.from(text)].map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, "0")}`);
  return `=?UTF-8?q?${bytes.join("")}?=`;
}
