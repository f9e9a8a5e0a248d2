// Puts an object into a bucket of a connection, as a person with its credentials would: through the bucket's binding, or by
// a signed request. What comes of it is the store's to report.
import type { Env } from "../env.ts";
import type { Connections } from "../shapes/connection.ts";
import { FailureError, notFound } from "../shapes/failure.ts";
import type { ObjectUpload } from "./contract.ts";
import { putIntoS3 } from "./s3-put.ts";

/** Streams an object into its bucket. Returns its ETag. @throws FailureError as a `Source` does */
export async function putObject(
  { connection: id, bucket, key }: { connection: string; bucket: string; key: string },
  object: ObjectUpload,
  { connections: { connections }, env }: { connections: Connections; env: Env },
): Promise<{ etag: string }> {
  const connection = Object.hasOwn(connections, id) ? connections[id] : undefined;
  if (!connection || connection.kind === "d1")
    throw notFound(`connection ${id.slice(0, 80)} with buckets`, { where: "connection" });
  if (!connection.buckets.includes(bucket))
    throw notFound(`bucket ${bucket.slice(0, 80)} of connection ${id}`, {
      where: "bucket",
      expected: connection.buckets.join(", "),
    });
  if (connection.kind === "s3") return putIntoS3(connection, env, { bucket, key }, object);
  const put = env.bucket(bucket).put(key, object.body as never, {
    httpMetadata: { contentType: object.content_type },
    customMetadata: object.metadata,
  });
  const stored = await put.catch((cause: unknown) => {
    throw new FailureError({
      kind: "unavailable",
      detail: `${bucket} did not take the object (${String(cause).slice(0, 200)})`,
    });
  });
  return { etag: stored.etag };
}
