// The whole of Weir for tests: every Worker of test/project in one workerd (createTestHarness), the real
// compute server, real D1, R2 and queues. Speaks the domain: put, notify, deliver, invoke, settled.
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { AwsClient } from "aws4fetch";
import { createTestHarness } from "wrangler";
import { makeSecrets } from "../../cli/dev-env.ts";
import { signStandardWebhook } from "../../cli/trigger/sign.ts";
import { connectionsSchema } from "../../src/shapes/connection.ts";
import { objectUrl } from "../../src/source/object-url.ts";
import { startServer } from "../../workers/compute/server/main.ts";
import { openFront } from "./front.ts";

const PROJECT = new URL("../project/", import.meta.url);
const at = (path: string) => new URL(path, PROJECT).pathname;

export const API_KEY = "weir_test_key";
const CONNECTIONS = connectionsSchema.parse(
  JSON.parse(readFileSync(at("connections.json"), "utf8")),
).connections;
/** Every secret by its name; those that tests name are surely there. */
type Secrets = Record<string, string> & {
  WEIR_SIGNING_KEY: string;
  CONN_MEDIA_SECRET: string;
  CONN_PHOTOS_SECRET: string;
};
const SECRETS: Secrets = {
  ...makeSecrets(CONNECTIONS, randomBytes),
  WEIR_API_KEY: API_KEY,
  WEIR_SIGNING_KEY: "test-signing-key",
  CONN_MEDIA_SECRET: `whsec_${randomBytes(24).toString("base64")}`,
  CONN_PHOTOS_SECRET: `whsec_${randomBytes(24).toString("base64")}`,
  CONN_PHOTOS_ACCESS_KEY_ID: "weir-local",
  CONN_PHOTOS_SECRET_ACCESS_KEY: "weir-local-only",
};

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

export type Weir = Awaited<ReturnType<typeof startWeir>>;

/** Starts everything. `secrets` replaces some; an empty string unsets one. */
export async function startWeir(secrets: Record<string, string> = {}) {
  const pipelines = readdirSync(at("pipelines"));
  const workers = (base: string, computeUrl: string) => {
    const store = `${base}/cdn-cgi/local/r2/s3`;
    const all = { ...SECRETS, CONN_PHOTOS_ENDPOINT: store, CONN_PEER_ENDPOINT: store, ...secrets };
    const vars = { WEIR_URL: base, COMPUTE_URL: computeUrl, WEIR_COMMIT: "test-commit" };
    return [
      "workers/local/wrangler.toml",
      "wrangler.toml",
      "../../workers/compute/wrangler.toml",
      ...pipelines.map((alias) => `pipelines/${alias}/wrangler.toml`),
    ].map((path) => ({ configPath: at(path), vars, secrets: all }));
  };
  const front = await openFront();
  const base = front.origin;
  const compute = await startServer({ port: 0, host: "127.0.0.1", allowOrigins: [base] });
  const harness = createTestHarness({ workers: workers(base, compute.url) });
  front.leadTo((await harness.listen()).url.origin);
  await harness.getWorker("weir").applyD1Migrations("LEDGER");
  await harness.getWorker("weir").applyD1Migrations("D1_TEST_ITEMS");
  const s3 = new AwsClient({
    accessKeyId: "weir-local",
    secretAccessKey: "weir-local-only",
    service: "s3",
    region: "auto",
  });

  const fetchWeir = (path: string, init: RequestInit = {}) => fetch(base + path, init);
  const api = (path: string, init: RequestInit = {}) =>
    fetchWeir(path, {
      ...init,
      headers: { authorization: `Bearer ${API_KEY}`, ...(init.headers as Record<string, string>) },
    });
  const read = async <T>(path: string): Promise<T> => {
    const response = await api(path);
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

  const s3Url = (bucket: string, key: string) => objectUrl(`${base}/cdn-cgi/local/r2/s3`, bucket, key);

  return {
    base,
    harness,
    compute,
    connections: CONNECTIONS,
    secrets: SECRETS,
    fetch: fetchWeir,
    api,
    read,
    until,

    /** Puts an object into a local bucket, by S3's own protocol. Returns what a notification would say. */
    async put(bucket: string, key: string, body: Uint8Array | string, metadata: Record<string, string> = {}) {
      const headers = Object.fromEntries(
        Object.entries(metadata).map(([name, value]) => [`x-amz-meta-${name}`, value]),
      );
      const response = await s3.fetch(s3Url(bucket, key), {
        method: "PUT",
        body: typeof body === "string" ? body : Buffer.from(body),
        headers,
      });
      if (!response.ok) throw new Error(`put: ${response.status} ${await response.text()}`);
      const eTag = (response.headers.get("etag") ?? "").replaceAll('"', "");
      return { bucket, key, size: Buffer.byteLength(body), eTag, eventTime: new Date().toISOString() };
    },
    async remove(bucket: string, key: string) {
      const response = await s3.fetch(s3Url(bucket, key), { method: "DELETE" });
      if (!response.ok) throw new Error(`delete: ${response.status}`);
      return { bucket, key, eventTime: new Date().toISOString() };
    },
    /** Sends the message that R2 would put into the queue. */
    async notifyR2(object: { bucket: string; key: string; size?: number; eTag?: string; eventTime: string }) {
      const { bucket, eventTime, ...rest } = object;
      const action = rest.eTag === undefined ? "DeleteObject" : "PutObject";
      const body = JSON.stringify({ account: "test", action, bucket, object: rest, eventTime });
      const response = await fetchWeir("/__local/r2-notification", { method: "POST", body });
      if (response.status !== 202) throw new Error(`notify: ${response.status}`);
    },
    /** The S3 `Records[]` body that AWS would send of it. */
    s3Records(object: { bucket: string; key: string; size?: number; eTag?: string; eventTime: string }) {
      const { bucket, key, size, eTag, eventTime } = object;
      const eventName = eTag === undefined ? "ObjectRemoved:Delete" : "ObjectCreated:Put";
      const encoded = encodeURIComponent(key).replaceAll("%20", "+").replaceAll("%2F", "/");
      const record = {
        eventVersion: "2.1",
        eventSource: "aws:s3",
        awsRegion: "us-east-1",
        eventTime,
        eventName,
      };
      return JSON.stringify({
        Records: [{ ...record, s3: { bucket: { name: bucket }, object: { key: encoded, size, eTag } } }],
      });
    },
    /** Delivers a body, signed by Standard Webhooks. */
    async deliver(connection: "conn_media" | "conn_photos", body: string) {
      const secret = connection === "conn_media" ? SECRETS.CONN_MEDIA_SECRET : SECRETS.CONN_PHOTOS_SECRET;
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
    async close() {
      await front.close();
      await harness.close();
      await compute.close();
    },
  };
}
