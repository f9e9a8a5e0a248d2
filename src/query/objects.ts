// Signed, ranged reads of R2 objects, for compute: the counterpart of a presigned S3 URL. The URL is the
// only credential, opens one object, and expires.
import type { Surroundings } from "../env.ts";
import type { Connections } from "../shapes/connection.ts";
import { type Failure, FailureError } from "../shapes/failure.ts";
import { isSigned } from "../source/signed-url.ts";

/** Serves GET and HEAD, with Range and If-Match. @throws FailureError */
export async function readObject(
  request: Request,
  connections: Connections,
  env: Surroundings,
  now: number,
): Promise<Response> {
  const { bucket, key } = await granted(request, connections, env, now);
  if (request.method === "HEAD") {
    const head = await env.bucket(bucket).head(key);
    if (!head) throw new FailureError(gone(bucket, key));
    return new Response(null, { headers: headersOf(head, head.size) });
  }
  const ranged = request.headers.has("range");
  const object = await env
    .bucket(bucket)
    .get(key, { onlyIf: request.headers, ...(ranged && { range: request.headers }) })
    .catch((error: unknown) => {
      if (/range/i.test(String(error))) return "unsatisfiable" as const;
      throw error;
    });
  if (object === "unsatisfiable") return new Response(null, { status: 416 });
  if (!object) throw new FailureError(gone(bucket, key));
  if (!("body" in object)) return new Response(null, { status: 412, headers: { etag: object.httpEtag } });
  const span = ranged ? spanOf(object) : undefined;
  if (!span) return new Response(object.body, { headers: headersOf(object, object.size) });
  const headers = headersOf(object, span.length);
  headers.set("content-range", `bytes ${span.offset}-${span.offset + span.length - 1}/${object.size}`);
  return new Response(object.body, { status: 206, headers });
}

async function granted(request: Request, connections: Connections, env: Surroundings, now: number) {
  const url = new URL(request.url);
  const [, , , connection = "", encoded = ""] = url.pathname.split("/");
  const bucket = url.searchParams.get("bucket") ?? "";
  const grant = {
    connection,
    bucket,
    key: decodeURIComponent(encoded),
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
  const known = connections.connections[connection];
  if (known?.kind !== "r2" || !known.buckets.includes(bucket)) {
    throw new FailureError({
      kind: "forbidden",
      detail: `bucket ${bucket} is no longer one of connection ${connection}`,
    });
  }
  return grant;
}

function headersOf(object: R2Object, length: number): Headers {
  const headers = new Headers({
    "accept-ranges": "bytes",
    "content-length": String(length),
    etag: object.httpEtag,
  });
  object.writeHttpMetadata(headers);
  return headers;
}

/** The part that R2 really returned. */
function spanOf({ range, size }: R2Object): { offset: number; length: number } | undefined {
  if (!range) return undefined;
  if ("suffix" in range)
    return { offset: Math.max(0, size - range.suffix), length: Math.min(size, range.suffix) };
  const offset = range.offset ?? 0;
  return { offset, length: range.length ?? size - offset };
}

const gone = (bucket: string, key: string): Failure => ({
  kind: "object_gone",
  detail: `${bucket}/${key} is not there`,
});
