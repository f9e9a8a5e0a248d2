// Standard Webhooks (standardwebhooks.com): HMAC (`v1`) or Ed25519 (`v1a`) over `id.timestamp.body`.
// Several signatures and several secrets at once let either side rotate; one match proves it. Svix, where the
// standard comes from, sends the same under names of its own: `svix-id`, `svix-timestamp`, `svix-signature`.
import { fail, ok, type Result } from "../../shapes/failure.ts";
import { equal, hmacSha256, strictBase64 } from "../digest.ts";
import { unproven, type Verifier } from "./contract.ts";
import { currentSecrets } from "./keys.ts";

/** Seconds that a timestamp may be off, either way. */
export const TOLERANCE_SECONDS = 300;
/** Signatures looked at in one header: a list is for rotation, not for guessing. */
const MAX_SIGNATURES = 16;

type Key = { version: "v1" | "v1a"; bytes: Uint8Array<ArrayBuffer> };

export const standardWebhooks: Verifier<"standard-webhooks"> = {
  claims: ({ headers }) => prefixOf(headers) !== undefined,

  async verify({ headers, body, receivedAt }, { secrets }, trust) {
    // All three are of one family: an id of the one says nothing of a signature of the other.
    const prefix = prefixOf(headers) ?? "webhook";
    const idName = `${prefix}-id`;
    const timestampName = `${prefix}-timestamp`;
    const id = headers.get(idName);
    const timestamp = headers.get(timestampName) ?? "";
    const signatures = (headers.get(`${prefix}-signature`) ?? "").split(" ").slice(0, MAX_SIGNATURES);
    if (!id) return unproven("The delivery has no id.", idName);
    if (!/^\d{1,12}$/.test(timestamp)) {
      return unproven("The timestamp is not a number of seconds.", timestampName);
    }
    if (Math.abs(receivedAt / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) {
      return unproven(`The timestamp is more than ${TOLERANCE_SECONDS} s off.`, timestampName);
    }
    const current = currentSecrets(secrets, trust, receivedAt);
    if (!current.ok) return current;

    for (const { name, value } of current.value) {
      const key = parseKey(name, value);
      if (!key.ok) return key;
      for (const signature of signatures) {
        if (!(await matches(signature, key.value, `${id}.${timestamp}.`, body))) continue;
        const covered = new Headers({ [idName]: id, [timestampName]: timestamp });
        return ok({ scheme: "standard-webhooks", replayId: id, payload: body, headers: covered });
      }
    }
    return unproven("No signature matches.", `${prefix}-signature`);
  },
};

/** Which family of headers a delivery has: the one with a signature, else the one with an id. */
const prefixOf = (headers: Headers) =>
  PREFIXES.find((prefix) => headers.has(`${prefix}-signature`)) ??
  PREFIXES.find((prefix) => headers.has(`${prefix}-id`));
const PREFIXES = ["webhook", "svix"] as const;

/** `whsec_` (or nothing) and base64 is an HMAC key, `whpk_` and base64 an Ed25519 public key. */
function parseKey(name: string, text: string): Result<Key> {
  const [, prefix, encoded = ""] = /^(whsec_|whpk_)?(.*)$/s.exec(text) ?? [];
  const bytes = strictBase64(encoded);
  const version = prefix === "whpk_" ? "v1a" : "v1";
  if (bytes !== undefined && bytes.length > 0 && (version === "v1" || bytes.length === 32)) {
    return ok({ version, bytes });
  }
  return fail("unavailable", `The secret ${name} is not a Standard Webhooks key.`, {
    where: name,
    expected: "whsec_ and base64, or whpk_ and the base64 of a 32-byte Ed25519 public key",
    retry_after_seconds: 60,
  });
}

async function matches(signature: string, key: Key, prefix: string, body: Uint8Array): Promise<boolean> {
  const comma = signature.indexOf(",");
  if (signature.slice(0, comma) !== key.version) return false;
  const given = strictBase64(signature.slice(comma + 1));
  if (given === undefined) return false;
  if (key.version === "v1") return given.length === 32 && equal(given, hmacSha256(key.bytes, prefix, body));
  if (given.length !== 64) return false;
  const head = new TextEncoder().encode(prefix);
  const signed = new Uint8Array(head.length + body.length);
  signed.set(head);
  signed.set(body, head.length);
  const publicKey = await crypto.subtle.importKey("raw", key.bytes, "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", publicKey, given, signed);
}
