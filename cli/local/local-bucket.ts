// Changes an object in a local bucket, then tells Weir what Cloudflare or S3 would have told it: R2's
// notifications go through the local front door, S3's as a signed webhook. `weir put`, `weir rm` and the
// demo use it.
import { AwsClient } from "aws4fetch";
import { objectUrl } from "../../src/source/object-url.ts";
import { CliError } from "../io/output.ts";
import { suggestion } from "../io/suggest.ts";
import { LOCAL_S3 } from "../project/bindings.ts";
import { deliver, post, type StackAddress } from "../senders/deliver.ts";
import { type Change, r2Message, s3Event } from "../senders/messages.ts";
import { LOCAL_S3_PATH, localHeaders } from "../settings/dev-env.ts";
import { unreachable } from "../settings/settings.ts";

export interface Target {
  bucket: string;
  key: string;
}

export interface NewObject {
  body: Uint8Array;
  contentType: string;
  metadata: Record<string, string>;
}

/** What Weir was told, by connection. */
export interface Notified {
  connection: string;
  /** `r2-notification`, or the scheme that proved the webhook. */
  by: string;
}

/** The same for a person. */
export const notifiedText = (notified: Notified[]) =>
  notified.length === 0
    ? "no connection of this bucket can be told locally"
    : `told ${notified.map(({ connection, by }) => `${connection} by ${by}`).join(", ")}`;

/** Puts an object and tells every connection that has its bucket. */
export async function putObject(stack: StackAddress, target: Target, object: NewObject): Promise<Notified[]> {
  const metadata = Object.entries(object.metadata).map(([name, value]) => [`x-amz-meta-${name}`, value]);
  const response = await s3(stack, target, {
    method: "PUT",
    body: object.body as Uint8Array<ArrayBuffer>,
    headers: { "content-type": object.contentType, ...Object.fromEntries(metadata) },
  });
  const etag = (response.headers.get("etag") ?? "").replaceAll('"', "");
  return notify(stack, {
    ...target,
    type: "created",
    size: object.body.byteLength,
    etag,
    time: now(),
  });
}

/** Removes an object and tells every connection that had its bucket. */
export async function removeObject(stack: StackAddress, target: Target): Promise<Notified[]> {
  await s3(stack, target, { method: "DELETE" });
  return notify(stack, { ...target, type: "removed", size: 0, etag: "", time: now() });
}

const now = () => new Date().toISOString();

async function s3(stack: StackAddress, { bucket, key }: Target, init: RequestInit): Promise<Response> {
  const buckets = Object.values(stack.connections).flatMap((it) => (it.kind === "d1" ? [] : it.buckets));
  if (!buckets.includes(bucket)) {
    throw new CliError(`no connection has the bucket "${bucket}": ${suggestion(bucket, buckets)}`, [], 2);
  }
  const client = new AwsClient({
    accessKeyId: LOCAL_S3.accessKeyId,
    secretAccessKey: LOCAL_S3.secretAccessKey,
    service: "s3",
    region: "auto",
    retries: 0,
  });
  const response = await client
    .fetch(objectUrl(stack.url + LOCAL_S3_PATH, bucket, key), init)
    .catch(() => unreachable(stack.url));
  if (response.ok) return response;
  throw new CliError(
    `${init.method} ${bucket}/${key}: HTTP ${response.status} ${(await response.text()).slice(0, 300)}`,
  );
}

async function notify(stack: StackAddress, changed: Omit<Change, "region">): Promise<Notified[]> {
  const notified: Notified[] = [];
  for (const [connection, it] of Object.entries(stack.connections)) {
    if (it.kind === "d1" || !it.buckets.includes(changed.bucket) || it.events.length === 0) continue;
    const change = { ...changed, region: it.kind === "s3" ? it.region : "auto" };
    if (it.events.some((scheme) => scheme.scheme === "r2-queue")) {
      const headers = localHeaders(stack.secrets);
      const body = JSON.stringify(r2Message(change));
      await post(`${stack.url}/__local/r2-notification`, { headers, body });
      notified.push({ connection, by: "r2-notification" });
    } else {
      const { scheme } = await deliver(stack, connection, JSON.stringify(s3Event(change)));
      notified.push({ connection, by: scheme });
    }
  }
  return notified;
}
