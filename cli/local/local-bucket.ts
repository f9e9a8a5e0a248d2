// Puts and removes objects in local buckets and sends Weir the event that Cloudflare or S3 would send: R2 notifications
// through the local front door, S3 events as a signed webhook. Used by `weir put`, `weir rm` and `weir demo`.
import { AwsClient } from "aws4fetch";
import { objectUrl } from "../../src/source/object-url.ts";
import { CliError } from "../io/output.ts";
import { suggestion } from "../io/suggest.ts";
import { LOCAL_S3 } from "../project/bindings.ts";
import { deliver, post, type StackAddress } from "../senders/deliver.ts";
import { type ObjectChange, r2Message, s3Event } from "../senders/messages.ts";
import { LOCAL_S3_PATH, localHeaders } from "../settings/dev-env.ts";
import { failToReach } from "../settings/reach.ts";

/** Longest time to put or remove an object, ms. */
const TRANSFER_MS = 120_000;

export interface ObjectAddress {
  bucket: string;
  key: string;
}

export interface NewObject {
  body: Uint8Array;
  contentType: string;
  metadata: Record<string, string>;
}

/** Event that was sent to Weir for a connection. */
export interface Notified {
  connection: string;
  /** `r2-notification`, or the scheme that proved the webhook. */
  by: string;
}

/** Text about the sent events, for a person. */
export const notifiedText = (notified: Notified[]) =>
  notified.length === 0
    ? "no connection of this bucket can be notified locally"
    : `notified ${notified.map(({ connection, by }) => `${connection} by ${by}`).join(", ")}`;

/** An object that was put, with the events that were sent of it. */
export interface PutAnswer {
  notified: Notified[];
  /** Etag of the object, without quotes. */
  etag: string;
}

/** Puts an object and notifies every connection that has its bucket. @throws CliError */
export async function putObject(
  stack: StackAddress,
  target: ObjectAddress,
  object: NewObject,
): Promise<PutAnswer> {
  const metadata = Object.entries(object.metadata).map(([name, value]) => [`x-amz-meta-${name}`, value]);
  const response = await requestS3(stack, target, {
    method: "PUT",
    body: object.body as Uint8Array<ArrayBuffer>,
    headers: { "content-type": object.contentType, ...Object.fromEntries(metadata) },
  });
  const etag = (response.headers.get("etag") ?? "").replaceAll('"', "");
  const change = { ...target, type: "created", size: object.body.byteLength, etag, time: now() } as const;
  return { notified: await notify(stack, change), etag };
}

/** Removes an object and notifies every connection that has its bucket. @throws CliError */
export async function removeObject(stack: StackAddress, target: ObjectAddress): Promise<Notified[]> {
  await requestS3(stack, target, { method: "DELETE" });
  return notify(stack, { ...target, type: "removed", size: 0, etag: "", time: now() });
}

const now = () => new Date().toISOString();

async function requestS3(
  stack: StackAddress,
  { bucket, key }: ObjectAddress,
  init: RequestInit,
): Promise<Response> {
  const buckets = Object.values(stack.connections).flatMap((connection) =>
    connection.kind === "d1" ? [] : connection.buckets,
  );
  if (!buckets.includes(bucket)) {
    throw new CliError(`No connection has the bucket "${bucket}". ${suggestion(bucket, buckets)}`, [], 2);
  }
  const client = new AwsClient({
    accessKeyId: LOCAL_S3.accessKeyId,
    secretAccessKey: LOCAL_S3.secretAccessKey,
    service: "s3",
    region: "auto",
    retries: 0,
  });
  const response = await client
    .fetch(objectUrl(stack.url + LOCAL_S3_PATH, bucket, key), {
      signal: AbortSignal.timeout(TRANSFER_MS),
      ...init,
    })
    .catch((error: unknown) => failToReach(stack.url, error, TRANSFER_MS));
  if (response.ok) return response;
  throw new CliError(
    `${init.method} ${bucket}/${key} was answered HTTP ${response.status}: ${(await response.text()).slice(0, 300)}`,
  );
}

async function notify(stack: StackAddress, changed: Omit<ObjectChange, "region">): Promise<Notified[]> {
  const notified: Notified[] = [];
  for (const [connection, store] of Object.entries(stack.connections)) {
    if (store.kind === "d1" || !store.buckets.includes(changed.bucket) || store.events.length === 0) continue;
    const change = { ...changed, region: store.kind === "s3" ? store.region : "auto" };
    if (store.events.some((scheme) => scheme.scheme === "r2-queue")) {
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
