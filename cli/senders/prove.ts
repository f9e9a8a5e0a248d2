// Proves a body to a connection: makes the signed request, for every scheme whose secret is here. sign.ts makes the
// signatures; deliver.ts and trigger.ts send the requests.
import type { Scheme, SecretRef } from "../../src/shapes/connection.ts";
import { privateName } from "../settings/pins.ts";
import {
  basicCredentials,
  signBackblaze,
  signGoogleToken,
  signSigV4,
  signStandardWebhook,
  snsNotification,
} from "./sign.ts";

export interface DeliveryFacts {
  /** Value of each secret, by name. */
  secrets: Readonly<Record<string, string | undefined>>;
  url: string;
  body: string;
  contentType?: string;
  /** Id of the delivery. */
  id: string;
  /** Milliseconds since the epoch. */
  now: number;
}

/** Headers and body of a POST request that proves itself. */
export interface SignedRequest {
  headers: Record<string, string>;
  body: string;
}

/** Makes the request for a scheme; undefined where only the real sender can sign, or the secret is not here. */
export async function prove(scheme: Scheme, proving: DeliveryFacts): Promise<SignedRequest | undefined> {
  const { body, contentType = "application/json" } = proving;
  if (scheme.scheme === "sns") return proveSns(scheme, proving);
  const headers = await headersFor(scheme, proving);
  if (headers === undefined) return undefined;
  const sent = scheme.scheme === "ceph-opaque" ? withOpaque(body, secretOf(scheme, proving)) : body;
  return { headers: { "content-type": contentType, ...headers }, body: sent };
}

async function headersFor(
  scheme: Scheme,
  proving: DeliveryFacts,
): Promise<Record<string, string> | undefined> {
  const { url, body, id, now, contentType } = proving;
  if (scheme.scheme === "google-oidc") {
    const key = scheme.jwks && proving.secrets[privateName(scheme.jwks)];
    return key ? { authorization: `Bearer ${await signGoogleToken({ ...scheme, key, now })}` } : undefined;
  }
  const secret = secretOf(scheme, proving);
  if (secret === undefined) return undefined;
  switch (scheme.scheme) {
    case "standard-webhooks":
      return signStandardWebhook({ secret, id, timestamp: Math.floor(now / 1000), body });
    case "bearer":
      return { authorization: `Bearer ${secret}` };
    case "basic":
      return basicCredentials(scheme.username, secret);
    case "backblaze":
      return signBackblaze(secret, body);
    case "ceph-opaque":
      return {};
    case "sigv4": {
      const { access_key_id: accessKeyId, region, service } = scheme;
      const headers = contentType === undefined ? {} : { "content-type": contentType };
      return signSigV4({ accessKeyId, secretAccessKey: secret, region, service, url, body, now, headers });
    }
    case "eventbridge":
      if (scheme.auth.type === "api-key") return { [scheme.auth.header.toLowerCase()]: secret };
      return scheme.auth.type === "basic"
        ? basicCredentials(scheme.auth.username, secret)
        : { authorization: `Bearer ${secret}` };
    default:
      return undefined;
  }
}

function proveSns(scheme: Extract<Scheme, { scheme: "sns" }>, { secrets, body, id, now }: DeliveryFacts) {
  const privateKey = scheme.certificate && secrets[privateName(scheme.certificate)];
  const [topicArn] = scheme.topic_arns;
  if (!privateKey || !topicArn) return undefined;
  return snsNotification({ topicArn, message: body, messageId: id, now, privateKey });
}

/** Finds the first secret that has not expired and is here. */
function secretOf(scheme: Scheme, { secrets, now }: DeliveryFacts): string | undefined {
  return (
    secretsOf(scheme)
      .filter((ref) => typeof ref === "string" || Date.parse(ref.expires) > now)
      .map((ref) => secrets[typeof ref === "string" ? ref : ref.name])
      // A public key can check a signature but not make one.
      .find((value) => value !== undefined && !value.startsWith("whpk_"))
  );
}

function secretsOf(scheme: Scheme): SecretRef[] {
  if (scheme.scheme === "eventbridge") return scheme.auth.secrets;
  return "secrets" in scheme ? scheme.secrets : [];
}

/** Puts the topic's opaque data into every record, as Ceph's RGW does. */
function withOpaque(body: string, secret: string | undefined): string {
  const message: { Records?: object[] } = JSON.parse(body);
  const records = message.Records?.map((record) => ({ ...record, opaqueData: secret }));
  return JSON.stringify({ ...message, Records: records });
}
