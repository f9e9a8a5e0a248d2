// The headers that prove a body to a connection, for every scheme whose secret is one that we hold too.
// Neighbours: sign.ts makes the signatures; deliver.ts sends what is proven here.
import type { Scheme, SecretRef } from "../../src/shapes/connection.ts";
import { basicCredentials, signBackblaze, signSigV4, signStandardWebhook } from "./sign.ts";

export interface Proving {
  /** A secret's value by its name. */
  secrets: Readonly<Record<string, string>>;
  url: string;
  body: string;
  /** Names this delivery. */
  id: string;
  /** Milliseconds since the epoch. */
  now: number;
}

/** Headers for one scheme; `undefined` where only the real sender can sign, or the secret is not at hand. */
export async function proofFor(
  scheme: Scheme,
  proving: Proving,
): Promise<Record<string, string> | undefined> {
  const { secrets, url, body, id, now } = proving;
  const secret = secretsOf(scheme)
    .filter((ref) => typeof ref === "string" || Date.parse(ref.expires) > now)
    .map((ref) => secrets[typeof ref === "string" ? ref : ref.name])
    // With a public key one can check and not sign.
    .find((value) => value !== undefined && !value.startsWith("whpk_"));
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
    case "sigv4":
      return signSigV4({
        accessKeyId: scheme.access_key_id,
        secretAccessKey: secret,
        region: scheme.region,
        service: scheme.service,
        url,
        body,
        now,
      });
    case "eventbridge":
      if (scheme.auth.type === "api-key") return { [scheme.auth.header]: secret };
      return scheme.auth.type === "basic"
        ? basicCredentials(scheme.auth.username, secret)
        : { authorization: `Bearer ${secret}` };
    default:
      return undefined;
  }
}

function secretsOf(scheme: Scheme): SecretRef[] {
  if (scheme.scheme === "eventbridge") return scheme.auth.secrets;
  return "secrets" in scheme ? scheme.secrets : [];
}
