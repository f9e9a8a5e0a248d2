// Puts an object behind any S3 API, by a signed request whose body is streamed and not hashed.
import type { Env } from "../env.ts";
import { FailureError } from "../shapes/failure.ts";
import { USER_AGENT } from "../shapes/user-agent.ts";
import type { ObjectUpload } from "./contract.ts";
import { objectUrl } from "./object-url.ts";
import { openS3, type S3Connection } from "./s3.ts";
import { noBucket, refusal, refusalOf } from "./s3-refusals.ts";
import { bareEtag } from "./s3-xml.ts";

/** Puts one object. @throws FailureError */
export async function putIntoS3(
  connection: S3Connection,
  env: Env,
  { bucket, key }: { bucket: string; key: string },
  { body, size, content_type, metadata }: ObjectUpload,
): Promise<{ etag: string }> {
  const { client, base } = openS3(connection, env);
  const named = Object.entries(metadata).map(([name, value]) => [`x-amz-meta-${name}`, value]);
  // A store takes no body of which it does not know the length.
  const { readable, writable } = new FixedLengthStream(size);
  const piping = body.pipeTo(writable as never);
  const request = client.fetch(objectUrl(base, bucket, key), {
    method: "PUT",
    body: readable as never,
    headers: { "user-agent": USER_AGENT, "content-type": content_type, ...Object.fromEntries(named) },
  });
  const [response] = await Promise.all([request, piping.catch(() => undefined)]).catch((cause: unknown) => {
    throw new FailureError({
      kind: "unavailable",
      detail: `${bucket}: the store did not answer (${String(cause)})`,
    });
  });
  if (response.ok) return { etag: bareEtag(response.headers.get("etag") ?? "") };
  const refused = await refusalOf(response, bucket, key);
  if (refused.status === 404) throw new FailureError(noBucket(bucket, base));
  const failure = refusal(refused, connection.access_key_id);
  const expected =
    failure.kind === "source_refused" && refused.status === 403 ? { expected: "s3:PutObject" } : {};
  throw new FailureError({ ...failure, ...expected });
}
