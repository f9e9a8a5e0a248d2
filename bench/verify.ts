// Speed of proving and normalising deliveries over HTTP: events per second for each scheme, with one and with 60 events
// a request, beside a bare Hono handler that only reads the body. Sender and door share a process, and all variants
// are measured in turn, round by round, so that noise falls on all alike.
// `node bench/verify.ts [rounds]`; the last line is JSON.
import { generateKeyPairSync } from "node:crypto";
import { Agent, createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { Hono } from "hono";
import { SignJWT } from "jose";
import {
  basicCredentials,
  signBackblaze,
  signSigV4,
  signStandardWebhook,
  snsNotification,
} from "../cli/senders/sign.ts";
import { selfSigned } from "../cli/settings/certificate.ts";
import { keyCache } from "../src/receive/verify/keys.ts";
import { receiveWebhook } from "../src/receive/webhook.ts";
import { connectionsSchema } from "../src/shapes/connection.ts";

const ROUNDS = Number(process.argv[2] ?? 7);
const SLICE_MS = 50;
const BATCH = 60;
const NOW = Date.now();
const CONNECTIONS = 4;
const PATH = (id: string) => `/v1/connections/${id}/events`;
const TOPIC = "arn:aws:sns:us-east-1:123456789012:bench";

const record = (n: number) => ({
  eventVersion: "2.1",
  eventSource: "aws:s3",
  awsRegion: "us-east-1",
  eventTime: new Date(NOW - n).toISOString(),
  eventName: "ObjectCreated:Put",
  userIdentity: { principalId: "AWS:AIDAEXAMPLE" },
  requestParameters: { sourceIPAddress: "192.0.2.1" },
  responseElements: {
    "x-amz-request-id": "C3D13FE58DE4C810",
    "x-amz-id-2": "FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG",
  },
  s3: {
    s3SchemaVersion: "1.0",
    configurationId: "weir",
    bucket: { name: "media", ownerIdentity: { principalId: "A3NL1KOZZKExample" }, arn: "arn:aws:s3:::media" },
    object: {
      key: `clips/2026/north+gate/${n}.mp4`,
      size: 70_000 + n,
      eTag: "15dcd267e2269be43f8b1a4a3e1271b6",
      sequencer: `0055AED6DCD9${(0x281e5 + n).toString(16).toUpperCase()}`,
    },
  },
});
const body = (size: number) => JSON.stringify({ Records: Array.from({ length: size }, (_, n) => record(n)) });

const sns = selfSigned("bench");
const google = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ed25519 = generateKeyPairSync("ed25519");
const secrets: Record<string, string> = {
  HOOK: `whsec_${Buffer.alloc(24, 7).toString("base64")}`,
  PUBLIC: `whpk_${ed25519.publicKey.export({ type: "spki", format: "der" }).subarray(-32).toString("base64")}`,
  TOKEN: "0123456789abcdef0123456789abcdef",
  CERTIFICATE: sns.certificate,
  JWKS: JSON.stringify({ keys: [{ ...google.publicKey.export({ format: "jwk" }), kid: "k", alg: "RS256" }] }),
};
const token = await new SignJWT({ email: "push@weir.test", email_verified: true })
  .setProtectedHeader({ alg: "RS256", kid: "k" })
  .setIssuer("https://accounts.google.com")
  .setAudience("weir")
  .setIssuedAt(NOW / 1000)
  .setExpirationTime(NOW / 1000 + 3600)
  .sign(google.privateKey);

type Message = { headers: Record<string, string>; body: string };
const hook = (secret: Parameters<typeof signStandardWebhook>[0]["secret"], text: string) => ({
  headers: signStandardWebhook({ secret, id: "msg_1", timestamp: Math.floor(NOW / 1000), body: text }),
  body: text,
});
const keys = {
  accessKeyId: "AK",
  secretAccessKey: secrets.TOKEN ?? "",
  region: "us-east-1",
  service: "execute-api",
};

/** Each scheme: its configuration, and how its sender signs a body. */
const schemes: Record<string, [config: object, sign: (text: string) => Message | Promise<Message>]> = {
  bearer: [
    { scheme: "bearer", secrets: ["TOKEN"] },
    (text) => ({ headers: { authorization: `Bearer ${secrets.TOKEN}` }, body: text }),
  ],
  basic: [
    { scheme: "basic", username: "weir", secrets: ["TOKEN"] },
    (text) => ({ headers: basicCredentials("weir", secrets.TOKEN ?? ""), body: text }),
  ],
  eventbridge: [
    { scheme: "eventbridge", auth: { type: "api-key", header: "x-key", secrets: ["TOKEN"] } },
    (text) => ({ headers: { "x-key": secrets.TOKEN ?? "" }, body: text }),
  ],
  backblaze: [
    { scheme: "backblaze", secrets: ["TOKEN"] },
    (text) => ({ headers: signBackblaze(secrets.TOKEN ?? "", text), body: text }),
  ],
  "standard-webhooks v1": [
    { scheme: "standard-webhooks", secrets: ["HOOK"] },
    (text) => hook(secrets.HOOK ?? "", text),
  ],
  "standard-webhooks v1a": [
    { scheme: "standard-webhooks", secrets: ["PUBLIC"] },
    (text) => hook(ed25519.privateKey, text),
  ],
  sigv4: [
    { scheme: "sigv4", access_key_id: "AK", secrets: ["TOKEN"], region: "us-east-1", service: "execute-api" },
    async (text) => ({
      headers: await signSigV4({ ...keys, url: `https://weir.test${PATH("sigv4")}`, body: text, now: NOW }),
      body: text,
    }),
  ],
  sns: [
    { scheme: "sns", topic_arns: [TOPIC], certificate: "CERTIFICATE" },
    (text) =>
      snsNotification({
        topicArn: TOPIC,
        message: text,
        messageId: "m",
        now: NOW,
        privateKey: sns.privateKey,
      }),
  ],
  "google-oidc": [
    { scheme: "google-oidc", audience: "weir", email: "push@weir.test", jwks: "JWKS" },
    (text) => ({ headers: { authorization: `Bearer ${token}` }, body: text }),
  ],
};

const idOf = (name: string) => name.replace(/\W/g, "_");
const connections = connectionsSchema.parse({
  connections: Object.fromEntries(
    Object.entries(schemes).map(([name, [config]]) => [
      idOf(name),
      {
        kind: "s3",
        buckets: ["media"],
        region: "us-east-1",
        access_key_id: "A",
        secret_access_key: "S",
        events: [config],
      },
    ]),
  ),
});
const deps = {
  connections,
  trust: { secret: (name: string) => secrets[name], fetch, cache: keyCache() },
  now: () => NOW,
  send: async () => {},
  reject: () => {},
  quarantine: async () => {},
};
const app = new Hono()
  .post("/bare", async (c) => {
    await c.req.arrayBuffer();
    return c.body(null, 202);
  })
  .post("/v1/connections/:id/events", async (c) => {
    const result = await receiveWebhook(c.req.raw, c.req.param("id"), deps);
    return result.ok ? c.json(result.value, 202) : c.json(result.failure, 500);
  });

/** A request of Node's HTTP server as Hono takes it, and its answer back. */
const server = createServer(async (incoming, outgoing) => {
  const headers = new Headers(
    Object.entries(incoming.headersDistinct).map(([name, values]) => [name, values?.join(", ") ?? ""]),
  );
  const body = Readable.toWeb(incoming) as ReadableStream<Uint8Array>;
  const request = new Request(`https://weir.test${incoming.url}`, {
    method: "POST",
    headers,
    body,
    duplex: "half",
  });
  const response = await app.fetch(request);
  outgoing.writeHead(response.status).end(Buffer.from(await response.arrayBuffer()));
});
await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
const { port } = server.address() as AddressInfo;
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

/** One delivery over HTTP; the answer must be 202. */
const deliver = (path: string, { headers, body }: Message) =>
  new Promise<void>((done, failed) => {
    const all = {
      "content-type": "application/json",
      host: "weir.test",
      ...headers,
      "content-length": Buffer.byteLength(body),
    };
    const outgoing = httpRequest(
      { agent, port, host: "127.0.0.1", path, method: "POST", headers: all },
      (response) => {
        response.resume().on("end", done);
        if (response.statusCode !== 202) failed(new Error(`${path}: ${response.statusCode}`));
      },
    );
    outgoing.on("error", failed).end(body);
  });

/** Requests per second over a few kept-alive connections. */
async function rate(path: string, message: Message): Promise<number> {
  const start = performance.now();
  let done = 0;
  const sender = async () => {
    while (performance.now() - start < SLICE_MS) {
      await deliver(path, message);
      done++;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, sender));
  return (done * 1000) / (performance.now() - start);
}

interface Variant {
  path: string;
  message: Message;
  /** Requests per second, round by round. */
  rates: number[];
}
const variant = (path: string, message: Message): Variant => ({ path, message, rates: [] });
const base = {
  single: variant("/bare", { headers: {}, body: body(1) }),
  batch: variant("/bare", { headers: {}, body: body(BATCH) }),
};
const proven: Record<string, { single: Variant; batch: Variant }> = {};
for (const [name, [, sign]] of Object.entries(schemes)) {
  const path = PATH(idOf(name));
  proven[name] = {
    single: variant(path, await sign(body(1))),
    batch: variant(path, await sign(body(BATCH))),
  };
}
for (let n = -2; n < ROUNDS; n++) {
  for (const variant of [base, ...Object.values(proven)].flatMap(({ single, batch }) => [single, batch])) {
    const measured = await rate(variant.path, variant.message);
    if (n >= 0) variant.rates.push(measured); // the rounds before are to warm up
  }
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
/** Median of the rounds' own ratios, times a constant. */
const ratio = (a: Variant, b: Variant, times = 1) =>
  Number((times * median(a.rates.map((value, n) => value / (b.rates[n] ?? 1)))).toFixed(2));
const results = Object.fromEntries(
  Object.entries(proven).map(([name, { single, batch }]) => [
    name,
    {
      single_events_per_s: Math.round(median(single.rates)),
      batch_events_per_s: Math.round(median(batch.rates) * BATCH),
      single_to_bare: ratio(single, base.single),
      batch_to_bare: ratio(batch, base.batch),
      batch_to_single: ratio(batch, single, BATCH),
    },
  ]),
);
console.table(results);
console.log(
  JSON.stringify({
    bench: "verify",
    batch: BATCH,
    bare_requests_per_s: {
      single: Math.round(median(base.single.rates)),
      batch: Math.round(median(base.batch.rates)),
    },
    schemes: results,
  }),
);
agent.destroy();
server.close();
