// Every scheme as one row: how its sender signs, and what its proof is good for.
import { SignJWT } from "jose";
import {
  basicCredentials,
  signBackblaze,
  signSigV4,
  signStandardWebhook,
  snsNotification,
} from "../../cli/senders/sign.ts";
import {
  ACCESS_KEY,
  AUDIENCE,
  ed25519,
  google,
  type Message,
  NOW,
  otherEd25519,
  otherSnsSigner,
  PUSHER,
  SECRETS,
  snsSigner,
  TOPIC,
  urlOf,
  whsec,
} from "./given.ts";
import { eventBridgeEvent, records, s3Record } from "./records.ts";

export const secret = (name: string) => SECRETS[name] ?? "";
export const BODY = records(s3Record());

export interface Scheme {
  connection: string;
  /** A delivery signed with `key`, or with the connection's own, at a moment. */
  signed(with_: { key?: string; at?: number; body?: string }): Promise<Message>;
  /** A key that another connection has. */
  otherKey: string;
  /** A key of this connection that has expired. */
  expiredKey?: string;
  /** The header (or body field) in which the proof is. */
  proof: string;
  /** Seconds that a delivery is good for, when it says when it was made. */
  window?: number;
  /** Whether the proof covers the body. */
  coversBody: boolean;
  /** What a second, identical delivery hears. */
  replayed: 202 | 401;
}

/** A token as Google signs it for a push. */
export async function googleToken(
  claims: Record<string, unknown>,
  at: number,
  issuer = "https://accounts.google.com",
) {
  const jwt = new SignJWT({ email: PUSHER, email_verified: true, ...claims }).setProtectedHeader({
    alg: "RS256",
    kid: "k1",
  });
  return jwt
    .setIssuer(issuer)
    .setAudience(AUDIENCE)
    .setIssuedAt(at / 1000)
    .setExpirationTime(at / 1000 + 3600)
    .sign(google.privateKey);
}

export const header = (headers: Record<string, string>, body = BODY): Promise<Message> =>
  Promise.resolve({ headers, body });
/** As Ceph RGW sends it: the topic's opaque data in each record. */
function withOpaque(body: string, opaqueData: string): string {
  const { Records }: { Records: object[] } = JSON.parse(body);
  return JSON.stringify({ Records: Records.map((record) => ({ ...record, opaqueData })) });
}

/** The same delivery by the names that Svix gave its headers before they were a standard. */
export const asSvix = (headers: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.replace(/^webhook-/, "svix-"), value]),
  );

export const SCHEMES: Record<string, Scheme> = {
  sns: {
    connection: "conn_sns",
    signed: async ({ key = snsSigner.privateKey, at = NOW, body = BODY }) =>
      snsNotification({ topicArn: TOPIC, message: body, messageId: "m", now: at, privateKey: key }),
    otherKey: otherSnsSigner.privateKey,
    proof: "Signature",
    coversBody: true,
    replayed: 202,
  },
  "standard-webhooks v1": {
    connection: "conn_hook",
    signed: ({ key = secret("HOOK"), at = NOW, body = BODY }) =>
      header(signStandardWebhook({ secret: key, id: "m", timestamp: at / 1000, body }), body),
    otherKey: whsec(9),
    expiredKey: secret("HOOK_OLD"),
    proof: "webhook-signature",
    window: 300,
    coversBody: true,
    replayed: 202,
  },
  "standard-webhooks by Svix": {
    connection: "conn_hook",
    signed: ({ key = secret("HOOK"), at = NOW, body = BODY }) =>
      header(asSvix(signStandardWebhook({ secret: key, id: "m", timestamp: at / 1000, body })), body),
    otherKey: whsec(9),
    expiredKey: secret("HOOK_OLD"),
    proof: "svix-signature",
    window: 300,
    coversBody: true,
    replayed: 202,
  },
  "standard-webhooks v1a": {
    connection: "conn_hook_public",
    signed: ({ key, at = NOW, body = BODY }) =>
      header(
        signStandardWebhook({
          secret: key ? otherEd25519.privateKey : ed25519.privateKey,
          id: "m",
          timestamp: at / 1000,
          body,
        }),
        body,
      ),
    otherKey: "another pair",
    proof: "webhook-signature",
    window: 300,
    coversBody: true,
    replayed: 202,
  },
  "eventbridge with an API key": {
    connection: "conn_key",
    signed: ({ key = secret("TOKEN"), body = JSON.stringify(eventBridgeEvent()) }) =>
      header({ "x-weir-key": key }, body),
    otherKey: secret("B2_SECRET"),
    expiredKey: secret("TOKEN_OLD"),
    proof: "x-weir-key",
    coversBody: false,
    replayed: 202,
  },
  "eventbridge with Basic": {
    connection: "conn_eb_basic",
    signed: ({ key = secret("PASSWORD"), body = JSON.stringify(eventBridgeEvent()) }) =>
      header(basicCredentials("weir", key), body),
    otherKey: secret("TOKEN"),
    proof: "authorization",
    coversBody: false,
    replayed: 202,
  },
  "eventbridge with a bearer token": {
    connection: "conn_eb_bearer",
    signed: ({ key = secret("TOKEN"), body = JSON.stringify(eventBridgeEvent()) }) =>
      header({ authorization: `Bearer ${key}` }, body),
    otherKey: secret("PASSWORD").slice(0, 9),
    proof: "authorization",
    coversBody: false,
    replayed: 202,
  },
  sigv4: {
    connection: "conn_sigv4",
    signed: async ({ key = secret("AWS_SECRET"), at = NOW, body = BODY }) => {
      const scope = { region: "us-east-1", service: "execute-api", url: urlOf("conn_sigv4") };
      return {
        headers: await signSigV4({ accessKeyId: ACCESS_KEY, secretAccessKey: key, ...scope, body, now: at }),
        body,
      };
    },
    otherKey: secret("TOKEN"),
    proof: "authorization",
    window: 900,
    coversBody: true,
    replayed: 401,
  },
  bearer: {
    connection: "conn_bearer",
    signed: ({ key = secret("TOKEN"), body = BODY }) => header({ authorization: `Bearer ${key}` }, body),
    otherKey: secret("B2_SECRET"),
    expiredKey: secret("TOKEN_OLD"),
    proof: "authorization",
    coversBody: false,
    replayed: 202,
  },
  basic: {
    connection: "conn_basic",
    signed: ({ key = secret("PASSWORD"), body = BODY }) => header(basicCredentials("weir", key), body),
    otherKey: secret("TOKEN"),
    expiredKey: secret("TOKEN_OLD"),
    proof: "authorization",
    coversBody: false,
    replayed: 202,
  },
  backblaze: {
    connection: "conn_b2",
    signed: ({ key = secret("B2_SECRET"), body = BODY }) => header(signBackblaze(key, body), body),
    otherKey: secret("TOKEN"),
    expiredKey: secret("TOKEN_OLD"),
    proof: "x-bz-event-notification-signature",
    coversBody: true,
    replayed: 202,
  },
  "ceph-opaque": {
    connection: "conn_opaque",
    signed: ({ key = secret("TOKEN"), body = BODY }) => header({}, withOpaque(body, key)),
    otherKey: secret("B2_SECRET"),
    expiredKey: secret("TOKEN_OLD"),
    proof: "opaqueData",
    coversBody: false,
    replayed: 202,
  },
  "google-oidc": {
    connection: "conn_gcs",
    signed: async ({ key, at = NOW, body = BODY }) =>
      header({ authorization: `Bearer ${key ?? (await googleToken({}, at))}` }, body),
    otherKey: `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from(
      JSON.stringify({
        iss: "https://accounts.google.com",
        aud: AUDIENCE,
        email: PUSHER,
        email_verified: true,
        exp: 9e9,
        iat: 0,
      }),
    ).toString("base64url")}.`,
    proof: "authorization",
    window: 3630,
    coversBody: false,
    replayed: 202,
  },
};
