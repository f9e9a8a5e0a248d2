// The world in which the doors are tested: one connection per scheme, secrets, a fixed clock, a network
// that answers only what it is told to, and records as their senders write them.
import { generateKeyPairSync } from "node:crypto";
import { selfSigned } from "../../cli/settings/certificate.ts";
import { TtlCache } from "../../src/receive/ttl-cache.ts";
import { keyCache } from "../../src/receive/verify/keys.ts";
import {
  type QuarantineEntry,
  type RefusedDelivery,
  receiveWebhook,
  type WebhookDeps,
} from "../../src/receive/webhook.ts";
import { type Connections, connectionsSchema } from "../../src/shapes/connection.ts";
import type { Event } from "../../src/shapes/event.ts";

export const NOW = Date.parse("2026-11-23T12:00:00.000Z");
export const BUCKET = "media";
export const TOPIC = "arn:aws:sns:us-east-1:123456789012:uploads";
export const AUDIENCE = "https://weir.test/gcs";
export const PUSHER = "push@project.iam.gserviceaccount.com";
export const ACCESS_KEY = "AKIDEXAMPLE";

export const whsec = (fill: number) => `whsec_${Buffer.alloc(24, fill).toString("base64")}`;
export const snsSigner = selfSigned("weir test");
export const otherSnsSigner = selfSigned("someone else");
export const ed25519 = generateKeyPairSync("ed25519");
export const otherEd25519 = generateKeyPairSync("ed25519");
export const google = generateKeyPairSync("rsa", { modulusLength: 2048 });
const rawPublic = ed25519.publicKey.export({ type: "spki", format: "der" }).subarray(-32);

export const SECRETS: Record<string, string> = {
  HOOK: whsec(1),
  HOOK_NEW: whsec(2),
  HOOK_OLD: whsec(3),
  HOOK_PUBLIC: `whpk_${rawPublic.toString("base64")}`,
  TOKEN: "a-token-of-some-length",
  TOKEN_OLD: "a-token-long-gone",
  PASSWORD: "pass:word with ünicode",
  B2_SECRET: "0123456789abcdef0123456789abcdef",
  AWS_SECRET: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  SNS_CERTIFICATE: snsSigner.certificate,
  GOOGLE_JWKS: JSON.stringify({
    keys: [{ ...google.publicKey.export({ format: "jwk" }), kid: "k1", alg: "RS256", use: "sig" }],
  }),
};

const expired = (name: string) => ({ name, expires: "2026-11-23T11:59:59Z" });
const s3 = (...events: unknown[]) => ({
  kind: "s3",
  buckets: [BUCKET],
  region: "us-east-1",
  access_key_id: "KEY",
  secret_access_key: "SECRET",
  events,
});

export const connections: Connections = connectionsSchema.parse({
  connections: {
    conn_sns: s3({ scheme: "sns", topic_arns: [TOPIC], certificate: "SNS_CERTIFICATE" }),
    conn_aws: s3({
      scheme: "sns",
      topic_arns: ["arn:aws:sns:us-west-2:131990247566:dongie-standard-topic"],
    }),
    conn_aws_other: s3({ scheme: "sns", topic_arns: [TOPIC] }),
    conn_hook: s3({ scheme: "standard-webhooks", secrets: ["HOOK", "HOOK_NEW", expired("HOOK_OLD")] }),
    conn_hook_public: s3({ scheme: "standard-webhooks", secrets: ["HOOK_PUBLIC"] }),
    conn_key: s3({
      scheme: "eventbridge",
      auth: { type: "api-key", header: "X-Weir-Key", secrets: ["TOKEN", expired("TOKEN_OLD")] },
      accounts: ["123456789012"],
    }),
    conn_eb_basic: s3({
      scheme: "eventbridge",
      auth: { type: "basic", username: "weir", secrets: ["PASSWORD"] },
    }),
    conn_eb_bearer: s3({ scheme: "eventbridge", auth: { type: "bearer", secrets: ["TOKEN"] } }),
    conn_sigv4: s3({
      scheme: "sigv4",
      access_key_id: ACCESS_KEY,
      secrets: ["AWS_SECRET"],
      region: "us-east-1",
      service: "execute-api",
    }),
    conn_bearer: s3({ scheme: "bearer", secrets: ["TOKEN", expired("TOKEN_OLD")] }),
    conn_basic: s3({ scheme: "basic", username: "weir", secrets: ["PASSWORD", expired("TOKEN_OLD")] }),
    conn_opaque: s3({ scheme: "ceph-opaque", secrets: ["TOKEN", expired("TOKEN_OLD")] }),
    conn_b2: s3({ scheme: "backblaze", secrets: ["B2_SECRET", expired("TOKEN_OLD")] }),
    conn_gcs: s3({ scheme: "google-oidc", audience: AUDIENCE, email: PUSHER, jwks: "GOOGLE_JWKS" }),
    conn_google: s3({ scheme: "google-oidc", audience: AUDIENCE, email: PUSHER }),
    conn_several: s3(
      { scheme: "bearer", secrets: ["TOKEN"] },
      { scheme: "standard-webhooks", secrets: ["HOOK"] },
      { scheme: "google-oidc", audience: AUDIENCE, email: PUSHER, jwks: "GOOGLE_JWKS" },
    ),
    conn_unset: s3({ scheme: "bearer", secrets: ["NEVER_SET"] }),
    conn_queue: { kind: "r2", buckets: [BUCKET, "shared"], events: [{ scheme: "r2-queue" }] },
    conn_queue_too: { kind: "r2", buckets: ["shared"] },
    conn_d1: { kind: "d1", database: "results" },
  },
});

/** A door with everything it did on record. */
export function door(over: Partial<WebhookDeps> & { answer?: (url: string) => Response; at?: number } = {}) {
  const seen = {
    sent: [] as Event[],
    rejected: [] as RefusedDelivery[],
    quarantined: [] as QuarantineEntry[],
    fetched: [] as string[],
  };
  const { answer, at, ...rest } = over;
  const network = async (url: unknown) => {
    seen.fetched.push(String(url));
    if (answer === undefined) throw new TypeError("no network here");
    return answer(String(url));
  };
  const deps: WebhookDeps = {
    connections,
    trust: { secret: (name) => SECRETS[name], fetch: network as typeof fetch, cache: keyCache() },
    now: () => at ?? NOW,
    send: async (events) => void seen.sent.push(...events),
    reject: (rejection) => void seen.rejected.push(rejection),
    quarantine: async (entries) => void seen.quarantined.push(...entries),
    used: new TtlCache(100),
    ...rest,
  };
  const deliver = (connection: string, { headers, body }: Message) =>
    receiveWebhook(
      new Request(urlOf(connection), {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body,
      }),
      connection,
      deps,
    );
  return { ...seen, deps, deliver };
}

export interface Message {
  headers: Record<string, string>;
  body: string;
}

export const urlOf = (connection: string) => `https://weir.test/v1/connections/${connection}/events`;
