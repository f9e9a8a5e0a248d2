// Changes an object in a local bucket, then tells Weir what Cloudflare or S3 would have told it: R2's
// notifications go through the local front door, S3's as a signed webhook. `weir put`, `weir rm` and the
// demo use it.
import { randomUUID } from "node:crypto";
import { AwsClient } from "aws4fetch";
import type { Connections } from "../src/shapes/connection.ts";
import { LOCAL_S3 } from "./bindings.ts";
import { type Env, LOCAL_S3_PATH } from "./dev-env.ts";
import { suggestion } from "./nearest.ts";
import { CliError } from "./output.ts";
import { signStandardWebhook } from "./trigger/sign.ts";

/** A running stack, as far as objects are concerned. */
export interface Local {
  url: string;
  connections: Connections["connections"];
  secrets: Env;
}

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
export interface Told {
  connection: string;
  by: "r2-notification" | "webhook";
}

/** The same for a person. */
export const toldText = (told: Told[]) =>
  told.length === 0
    ? "no connection of this bucket can be told locally"
    : `told ${told.map(({ connection, by }) => `${connection} by ${by}`).join(", ")}`;

interface Change extends Target {
  action: "put" | "delete";
  size: number;
  etag: string;
  time: string;
}

/** Puts an object and tells every connection that has its bucket. */
export async function putObject(local: Local, target: Target, object: NewObject): Promise<Told[]> {
  const metadata = Object.entries(object.metadata).map(([name, value]) => [`x-amz-meta-${name}`, value]);
  const response = await s3(local, target, {
    method: "PUT",
    body: object.body as Uint8Array<ArrayBuffer>,
    headers: { "content-type": object.contentType, ...Object.fromEntries(metadata) },
  });
  const etag = (response.headers.get("etag") ?? "").replaceAll('"', "");
  return tell(local, { ...target, action: "put", size: object.body.byteLength, etag, time: now() });
}

/** Removes an object and tells every connection that had its bucket. */
export async function removeObject(local: Local, target: Target): Promise<Told[]> {
  await s3(local, target, { method: "DELETE" });
  return tell(local, { ...target, action: "delete", size: 0, etag: "", time: now() });
}

const now = () => new Date().toISOString();

async function s3(local: Local, { bucket, key }: Target, init: RequestInit): Promise<Response> {
  const buckets = Object.values(local.connections).flatMap((it) => (it.kind === "d1" ? [] : it.buckets));
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
  const path = key.split("/").map(encodeURIComponent).join("/");
  const response = await client
    .fetch(`${local.url}${LOCAL_S3_PATH}/${bucket}/${path}`, init)
    .catch(() => unreachable(local.url));
  if (response.ok) return response;
  throw new CliError(
    `${init.method} ${bucket}/${key}: HTTP ${response.status} ${(await response.text()).slice(0, 300)}`,
  );
}

function unreachable(url: string): never {
  throw new CliError(`nothing answers at ${url}: start \`weir dev\` first, or name another place with --url`);
}

async function tell(local: Local, change: Change): Promise<Told[]> {
  const told: Told[] = [];
  for (const [connection, it] of Object.entries(local.connections)) {
    if (it.kind === "d1" || !it.buckets.includes(change.bucket)) continue;
    if (it.events.some((scheme) => scheme.scheme === "r2-queue")) {
      await post(`${local.url}/__local/r2-notification`, JSON.stringify(r2Message(change)), {});
      told.push({ connection, by: "r2-notification" });
      continue;
    }
    const webhook = it.events.find((scheme) => scheme.scheme === "standard-webhooks");
    const secret = webhook?.secrets.map((ref) => local.secrets[typeof ref === "string" ? ref : ref.name])[0];
    if (!secret) continue;
    const body = JSON.stringify({ Records: [s3Record(change, it.kind === "s3" ? it.region : "auto")] });
    await post(`${local.url}/v1/connections/${connection}/events`, body, await signed(secret, body));
    told.push({ connection, by: "webhook" });
  }
  return told;
}

async function post(url: string, body: string, headers: Record<string, string>): Promise<void> {
  const response = await fetch(url, {
    method: "POST",
    body,
    headers: { "content-type": "application/json", ...headers },
  }).catch(() => unreachable(new URL(url).origin));
  if (response.ok) return;
  throw new CliError(
    `POST ${new URL(url).pathname}: HTTP ${response.status} ${(await response.text()).slice(0, 300)}`,
  );
}

/** As Cloudflare sends it: no size and no eTag for a delete. */
const r2Message = ({ action, bucket, key, size, etag, time }: Change) => ({
  account: "local",
  action: action === "put" ? "PutObject" : "DeleteObject",
  bucket,
  object: action === "put" ? { key, size, eTag: etag } : { key },
  eventTime: time,
});

/** As S3 sends it: the key form-encoded, a sequencer that grows with time. */
function s3Record({ action, bucket, key, size, etag, time }: Change, region: string) {
  const sequencer = BigInt(Date.parse(time)).toString(16).toUpperCase().padStart(18, "0");
  const encoded = new URLSearchParams([["", key]]).toString().slice(1).replaceAll("%2F", "/");
  return {
    eventVersion: "2.1",
    eventSource: "aws:s3",
    awsRegion: region,
    eventTime: time,
    eventName: action === "put" ? "ObjectCreated:Put" : "ObjectRemoved:Delete",
    s3: {
      s3SchemaVersion: "1.0",
      configurationId: "local",
      bucket: { name: bucket, arn: `arn:aws:s3:::${bucket}` },
      object: { key: encoded, sequencer, ...(action === "put" && { size, eTag: etag }) },
    },
  };
}

function signed(secret: string, body: string): Promise<Record<string, string>> | Record<string, string> {
  const timestamp = Math.floor(Date.now() / 1000);
  return signStandardWebhook({ secret, id: `msg_${randomUUID()}`, timestamp, body });
}
