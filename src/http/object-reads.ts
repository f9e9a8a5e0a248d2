// Signed, ranged reads of R2 objects, for compute: the counterpart of a presigned S3 URL. The URL is the
// only credential, opens one object, and expires.
import type { Env } from "../env.ts";
import type { Connections } from "../shapes/connection.ts";
import { type Failure, FailureError } from "../shapes/failure.ts";
import { isSigned, PAYLOADS } from "../source/signed-url.ts";
import { isPictureKey } from "../store/moments.ts";
import { isPayloadKey } from "../store/payloads.ts";

/** Serves GET and HEAD, with Range, If-Match and If-None-Match. @throws FailureError */
export async function readObject(
  request: Request,
  connections: Connections,
  env: Env,
  now: number,
): Promise<Response> {
  const { connection, bucket, key } = await checkGrant(request, connections, env, now);
  const store = connection === PAYLOADS ? env.archive() : env.bucket(bucket);
  if (request.method === "HEAD") {
    const head = await store.head(key);
    if (!head) throw new FailureError(objectGone(bucket, key));
    return new Response(null, { headers: headersOf(head, head.size) });
  }
  const range = rangeOf(request.headers.get("range"));
  const object = await store
    .get(key, { onlyIf: request.headers, ...(range && { range }) })
    .catch(async (error: unknown) => {
      // R2 throws for a range that means nothing of the object (10039), and otherwise for any of an empty one.
      const head = range && (await store.head(key));
      if (head && !spanWithin(range, head.size)) return head;
      throw error;
    });
  if (!object) throw new FailureError(objectGone(bucket, key));
  const span = range && spanWithin(range, object.size);
  if (range && !span) {
    if ("body" in object) await (object as R2ObjectBody).body.cancel();
    return new Response(null, { status: 416, headers: { "content-range": `bytes */${object.size}` } });
  }
  if (!("body" in object)) {
    // Without If-Match it is If-None-Match that did not hold: the reader has this version.
    const status = request.headers.has("if-match") ? 412 : 304;
    return new Response(null, { status, headers: { etag: object.httpEtag } });
  }
  const { body } = object as R2ObjectBody;
  if (!span) return new Response(body, { headers: headersOf(object, object.size) });
  const headers = headersOf(object, span.length);
  headers.set("content-range", `bytes ${span.offset}-${span.offset + span.length - 1}/${object.size}`);
  return new Response(body, { status: 206, headers });
}

type Range = { suffix: number } | { offset: number; length?: number };

/** A single byte range (RFC 9110, section 14.1.2); any other header is ignored, and the whole object is served. */
function rangeOf(header: string | null): Range | undefined {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (first === "") return last === "" ? undefined : { suffix: Number(last) };
  if (last === "") return { offset: Number(first) };
  return Number(last) < Number(first)
    ? undefined
    : { offset: Number(first), length: Number(last) - Number(first) + 1 };
}

/** The bytes that a range covers of an object of `size` bytes, or undefined where it covers none. */
function spanWithin(range: Range, size: number): { offset: number; length: number } | undefined {
  const offset = "suffix" in range ? Math.max(0, size - range.suffix) : range.offset;
  const longest = "suffix" in range ? range.suffix : (range.length ?? size);
  const length = Math.min(longest, size - offset);
  return length > 0 ? { offset, length } : undefined;
}

/** The object that the URL grants. @throws FailureError `forbidden` where signature, time or bucket do not hold */
async function checkGrant(request: Request, connections: Connections, env: Env, now: number) {
  const url = new URL(request.url);
  const [, , , connection = "", encoded = ""] = url.pathname.split("/");
  const bucket = url.searchParams.get("bucket") ?? "";
  const grant = {
    connection,
    bucket,
    key: decodeKey(encoded),
    expires: Number(url.searchParams.get("expires")),
  };
  const signature = url.searchParams.get("signature") ?? "";
  if (!(await isSigned(env.required("WEIR_SIGNING_KEY"), grant, signature))) {
    throw new FailureError({
      kind: "forbidden",
      detail: "the URL's signature is not valid",
      next: "ask for a new URL with weir.fileUrl",
    });
  }
  if (grant.expires * 1000 < now) {
    throw new FailureError({
      kind: "forbidden",
      detail: "the URL has expired",
      next: "ask for a new URL with weir.fileUrl",
    });
  }
  if (connection === PAYLOADS && (isPayloadKey(grant.key) || isPictureKey(grant.key))) return grant;
  const configured = connections.connections[connection];
  if (configured?.kind !== "r2" || !configured.buckets.includes(bucket)) {
    throw new FailureError({
      kind: "forbidden",
      detail: `bucket ${bucket} is no longer one of connection ${connection}`,
    });
  }
  return grant;
}

function decodeKey(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw new FailureError({
      kind: "invalid",
      detail: "The key in the URL is not percent-encoded UTF-8.",
      where: "the last part of the path",
      expected: "the URL as weir.fileUrl gave it",
    });
  }
}

function headersOf(object: R2Object, length: number): Headers {
  const headers = new Headers({
    "accept-ranges": "bytes",
    "content-length": String(length),
    etag: object.httpEtag,
  });
  object.writeHttpMetadata(headers);
  // The URL is a credential of one reader: no cache that others share keeps what it opened.
  headers.set("cache-control", "private");
  // People's files, on the origin of the dashboard: shown to nobody as a page of ours.
  headers.set("x-content-type-options", "nosniff");
  headers.set("content-security-policy", "sandbox; default-src 'none'");
  return headers;
}

const objectGone = (bucket: string, key: string): Failure => ({
  kind: "object_gone",
  detail: `${bucket}/${key} is not there`,
});
