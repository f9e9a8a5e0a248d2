// A running Weir as tests speak to it, in the domain's words: put, copy, notify, deliver, invoke, settled. Over
// HTTP alone, so it is the same for the harness in weir.ts and for a `weir dev` of its own.
import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { AwsClient } from "aws4fetch";
import { signStandardWebhook } from "../../cli/senders/sign.ts";
import { localHeaders } from "../../cli/settings/dev-env.ts";
import { objectUrl } from "../../src/source/object-url.ts";

export interface Run {
  id: string;
  event_id: string;
  alias: string;
  status: string;
  attempt: number;
  items: number | null;
  reason: string | null;
  failure: { kind: string; detail: string; where?: string } | null;
  log: string[];
}
export interface Item {
  id: string;
  object: { bucket: string; key: string };
  pipeline: string;
  data: Record<string, unknown>;
  vectors: {
    path: string;
    dims: number;
    model: string | null;
    span: { start: number; end: number } | null;
    values?: number[];
  }[];
}

/** What a sender would tell of a change: of a removal, no size and no ETag. */
export interface Told {
  bucket: string;
  key: string;
  size?: number;
  eTag?: string;
  eventTime: string;
  /** The key that it was copied from, within its bucket. */
  copiedFrom?: string;
}

export interface Address {
  base: string;
  apiKey: string;
  secrets: { CONN_MEDIA_SECRET: string; CONN_PHOTOS_SECRET: string; WEIR_LOCAL_TOKEN: string };
}

/** Where wrangler serves local buckets by S3's protocol. */
const STORE = "/cdn-cgi/local/r2/s3";

const s3Client = () =>
  new AwsClient({
    accessKeyId: "weir-local",
    secretAccessKey: "weir-local-only",
    service: "s3",
    region: "auto",
  });

/** A presigned URL of an object in a local bucket, or of the bucket where the key begins with `?`. */
export async function presigned(base: string, bucket: string, key: string, method = "GET"): Promise<string> {
  const url = key.startsWith("?") ? `${base}${STORE}/${bucket}${key}` : objectUrl(base + STORE, bucket, key);
  const signed = await s3Client().sign(url, { method, aws: { signQuery: true } });
  return signed.url;
}

const metadataHeaders = (metadata: Record<string, string>) =>
  Object.fromEntries(Object.entries(metadata).map(([name, value]) => [`x-amz-meta-${name}`, value]));
const unquoted = (etag: string | null) => (etag ?? "").replaceAll('"', "");

export type Client = ReturnType<typeof openClient>;

export function openClient({ base, apiKey, secrets }: Address) {
  const s3 = s3Client();
  const fetchWeir = (path: string, init: RequestInit = {}) => fetch(base + path, init);
  const api = (path: string, init: RequestInit = {}) =>
    fetchWeir(path, {
      ...init,
      headers: { authorization: `Bearer ${apiKey}`, ...(init.headers as Record<string, string>) },
    });
  const read = async <T>(path: string): Promise<T> => {
    const response = await api(path);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
  /** Every row of a list, page after page. */
  const all = async <T>(path: string): Promise<T[]> => {
    const rows: T[] = [];
    for (let cursor = ""; ; ) {
      const next = `${path}${path.includes("?") ? "&" : "?"}limit=200${cursor && `&cursor=${cursor}`}`;
      const page = await read<{ data: T[]; next?: string }>(next);
      rows.push(...page.data);
      if (page.next === undefined) return rows;
      cursor = encodeURIComponent(page.next);
    }
  };
  const post = async <T>(path: string, body: object = {}): Promise<T> => {
    const headers = { "content-type": "application/json" };
    const response = await api(path, { method: "POST", headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
  /** Asks again until it is so; fails with what was last seen. */
  const until = async <T>(
    ask: () => Promise<T>,
    isSo: (value: T) => boolean,
    withinMs = 40_000,
  ): Promise<T> => {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const value = await ask();
      if (isSo(value)) return value;
      if (Date.now() > deadline)
        throw new Error(`it never came to that; last seen: ${JSON.stringify(value, null, 1)}`);
      await pause(50);
    }
  };

  /** A local door, which stands in for Cloudflare. */
  const local = async (path: string, body: string) => {
    const headers = localHeaders(secrets);
    const response = await fetchWeir(`/__local/${path}`, { method: "POST", headers, body });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  };

  const s3Url = (bucket: string, key: string) => objectUrl(base + STORE, bucket, key);

  return {
    fetch: fetchWeir,
    api,
    read,
    all,
    post,
    until,

    /** Puts an object into a local bucket, by S3's own protocol. Returns what a notification would say. */
    async put(bucket: string, key: string, body: Uint8Array | string, metadata: Record<string, string> = {}) {
      const response = await s3.fetch(s3Url(bucket, key), {
        method: "PUT",
        body: typeof body === "string" ? body : Buffer.from(body),
        headers: metadataHeaders(metadata),
      });
      if (!response.ok) throw new Error(`put: ${response.status} ${await response.text()}`);
      const eTag = unquoted(response.headers.get("etag"));
      return { bucket, key, size: Buffer.byteLength(body), eTag, eventTime: new Date().toISOString() };
    },
    /** CopyObject within a bucket: with its metadata, or with other. Null where there is nothing to copy. */
    async copy(bucket: string, from: string, to: string, metadata?: Record<string, string>) {
      const source = new URL(s3Url(bucket, from)).pathname.replace(`${STORE}/`, "/");
      const replaced = metadata && { "x-amz-metadata-directive": "REPLACE", ...metadataHeaders(metadata) };
      const response = await s3.fetch(s3Url(bucket, to), {
        method: "PUT",
        headers: { "x-amz-copy-source": source, ...replaced },
      });
      const said = await response.text();
      if (response.status === 404) return null;
      if (!response.ok) throw new Error(`copy: ${response.status} ${said}`);
      const head = await s3.fetch(s3Url(bucket, to), { method: "HEAD" });
      const size = Number(head.headers.get("content-length"));
      const eTag = unquoted(head.headers.get("etag"));
      return { bucket, key: to, size, eTag, eventTime: new Date().toISOString(), copiedFrom: from };
    },
    async remove(bucket: string, key: string) {
      const response = await s3.fetch(s3Url(bucket, key), { method: "DELETE" });
      if (!response.ok) throw new Error(`delete: ${response.status}`);
      return { bucket, key, eventTime: new Date().toISOString() };
    },
    /** What is in the bucket under a key: its text and metadata, or null. */
    async object(bucket: string, key: string) {
      const response = await s3.fetch(s3Url(bucket, key));
      const body = await response.text();
      if (response.status === 404) return null;
      if (!response.ok) throw new Error(`get: ${response.status} ${body}`);
      const named = [...response.headers].flatMap(([name, value]) =>
        name.startsWith("x-amz-meta-") ? [[name.slice("x-amz-meta-".length), value] as const] : [],
      );
      return { body, metadata: Object.fromEntries(named) as Record<string, string> };
    },
    /** Sends the message that R2 would put into the queue. */
    async notifyR2({ bucket, eventTime, copiedFrom, ...object }: Told) {
      const action =
        object.eTag === undefined ? "DeleteObject" : copiedFrom === undefined ? "PutObject" : "CopyObject";
      const copySource = copiedFrom === undefined ? {} : { copySource: { bucket, object: copiedFrom } };
      const body = JSON.stringify({ account: "test", action, bucket, object, eventTime, ...copySource });
      await local("r2-notification", body);
    },
    /** Rings the cron, as Cloudflare does every minute. */
    ringCron: () => local("cron", "{}"),
    /** The S3 `Records[]` body that AWS would send of it. */
    s3Records({ bucket, key, size, eTag, eventTime, copiedFrom }: Told) {
      const created = copiedFrom === undefined ? "ObjectCreated:Put" : "ObjectCreated:Copy";
      const encoded = encodeURIComponent(key).replaceAll("%20", "+").replaceAll("%2F", "/");
      const record = {
        eventVersion: "2.1",
        eventSource: "aws:s3",
        awsRegion: "us-east-1",
        eventTime,
        eventName: eTag === undefined ? "ObjectRemoved:Delete" : created,
      };
      return JSON.stringify({
        Records: [{ ...record, s3: { bucket: { name: bucket }, object: { key: encoded, size, eTag } } }],
      });
    },
    /** Delivers a body, signed by Standard Webhooks. */
    async deliver(connection: "conn_media" | "conn_photos", body: string) {
      const secret = connection === "conn_media" ? secrets.CONN_MEDIA_SECRET : secrets.CONN_PHOTOS_SECRET;
      const headers = signStandardWebhook({
        id: `msg_${randomBytes(8).toString("hex")}`,
        timestamp: Math.floor(Date.now() / 1000),
        body,
        secret,
      });
      return fetchWeir(`/v1/connections/${connection}/events`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body,
      });
    },
    invoke: (alias: string, body: unknown, query = "") =>
      api(`/v1/pipelines/${alias}/invoke${query}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    /** Runs of the newest event of a key, once all have come to an end. */
    async settled(key: string, count: number): Promise<Run[]> {
      const runs = async () => {
        const { data } = await read<{ data: { id: string }[] }>(
          `/v1/events?key=${encodeURIComponent(key)}&limit=1`,
        );
        const event = data[0];
        return event ? (await read<{ data: Run[] }>(`/v1/runs?event_id=${event.id}`)).data : [];
      };
      const final = ["succeeded", "dead", "skipped", "cancelled"];
      return until(
        runs,
        (found) => found.length >= count && found.every((run) => final.includes(run.status)),
      );
    },
    items: async (collection: string, key: string, query = "") =>
      (
        await read<{ data: Item[] }>(
          `/v1/collections/${collection}/items?key=${encodeURIComponent(key)}${query}`,
        )
      ).data,
  };
}
