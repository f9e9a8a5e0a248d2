// AWS Signature Version 4, verified: the headers that must be signed, the date, the scope, and whether our secret gives
// the same signature. Its stages are in `sigv4-stages.ts`.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
import { ok } from "../../shapes/failure.ts";
import { sha256Hex } from "../../shapes/hash.ts";
import { equal } from "../digest.ts";
import { type Delivery, unproven, type Verifier } from "./contract.ts";
import { currentSecrets } from "./keys.ts";
import { canonicalRequest, signature, stringToSign } from "./sigv4-stages.ts";

/** Seconds that a signed date may be off, either way. */
export const SKEW_SECONDS = 900;
const MUST_BE_SIGNED = ["host", "x-amz-date", "x-amz-content-sha256", "content-type"];

export const sigv4: Verifier<"sigv4"> = {
  claims: ({ headers }) => /^AWS4-HMAC-SHA256\s/.test(headers.get("authorization") ?? ""),

  async verify(delivery, config, trust) {
    const { headers, body, receivedAt } = delivery;
    const claim = parseAuthorization(headers.get("authorization") ?? "");
    if (claim === undefined)
      return unproven("The request has no AWS4-HMAC-SHA256 signature.", "Authorization");
    const { accessKeyId, date, region, service, signedHeaders } = claim;
    if (accessKeyId !== config.access_key_id || region !== config.region || service !== config.service) {
      return unproven("The signature is not for this connection's key, region and service.", "Authorization");
    }
    const unsigned = MUST_BE_SIGNED.find((name) => !signedHeaders.includes(name));
    if (unsigned !== undefined) return unproven("A header that matters is not signed.", unsigned);
    const amzDate = headers.get("x-amz-date") ?? "";
    const signedAt = parseAmzDate(amzDate);
    if (signedAt === undefined || !amzDate.startsWith(date))
      return unproven("The date is not the scope's.", "x-amz-date");
    if (Math.abs(receivedAt - signedAt) > SKEW_SECONDS * 1000) {
      return unproven(`The date is more than ${SKEW_SECONDS} s off.`, "x-amz-date");
    }
    const bodyHash = sha256Hex(body);
    if (headers.get("x-amz-content-sha256") !== bodyHash) {
      return unproven("The signed hash is not the body's.", "x-amz-content-sha256");
    }
    const canonical = canonicalRequest(covered(delivery, signedHeaders), bodyHash, service);
    if (canonical === undefined) return unproven("The request cannot be brought to canonical form.");
    const current = currentSecrets(config.secrets, trust, receivedAt);
    if (!current.ok) return current;
    const scope = { date, region, service };
    const toSign = stringToSign(canonical, amzDate, scope);
    if (!current.value.some(({ value }) => equal(claim.signature, signature(toSign, value, scope)))) {
      return unproven("The signature does not match the request.", "Authorization");
    }
    return ok({
      scheme: "sigv4",
      replayId: claim.signature,
      onceUntil: signedAt + SKEW_SECONDS * 1000,
      payload: body,
      headers: covered(delivery, signedHeaders).headers,
    });
  },
};

/** The request with only those headers that are signed; `host` is the URL's where the runtime hides it. */
function covered({ method, url, headers }: Delivery, names: readonly string[]) {
  const signed = new Headers();
  for (const name of names) {
    const value = headers.get(name) ?? (name === "host" ? url.host : null);
    if (value !== null) signed.set(name, value);
  }
  return { method, url, headers: signed, names };
}

function parseAuthorization(text: string) {
  const [, credential, names, given] =
    /^AWS4-HMAC-SHA256\s+Credential=([^,\s]+),\s*SignedHeaders=([a-z0-9;._-]+),\s*Signature=([0-9a-f]{64})$/.exec(
      text,
    ) ?? [];
  const [, accessKeyId, date, region, service] =
    /^([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request$/.exec(credential ?? "") ?? [];
  if (!names || !given || !accessKeyId || !date || !region || !service) return undefined;
  return { accessKeyId, date, region, service, signedHeaders: names.split(";"), signature: given };
}

/** A time like `20261123T130549Z` as milliseconds. */
function parseAmzDate(text: string): number | undefined {
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? [];
  const signedAt = Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`);
  return Number.isNaN(signedAt) ? undefined : signedAt;
}
