// Signed, expiring URLs of the router's own object route, for R2: bindings cannot presign. The signature
// covers connection, bucket, key and expiry, so a URL opens one object for reading and nothing else. Each connection's
// URLs are signed with a key of its own, so that a Worker can be given what signs for one and for no other.
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";

/**
 * In a connection's place: payloads of invocations and pictures of questions, which belong to no connection. No
 * connection can be named so.
 */
export const PAYLOADS = "(payloads)";

export interface ObjectGrant {
  connection: string;
  bucket: string;
  key: string;
  /** Seconds since the epoch. */
  expires: number;
}

/**
 * The key that signs a connection's URLs (or those of {@link PAYLOADS}), from the root key, which only the router and
 * the command hold: HMAC-SHA-256 in hex. Neither the root key nor another connection's follows from it.
 */
export const signingKeyOf = (root: string, connection: string): string =>
  createHmac("sha256", root)
    .update(JSON.stringify(["weir-signing-key-v1", connection]))
    .digest("hex");

const encoder = new TextEncoder();

export async function hmacKey(secret: string) {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  return crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, ["sign", "verify"]);
}

const covered = ({ connection, bucket, key, expires }: ObjectGrant) =>
  encoder.encode(JSON.stringify(["weir-object-v1", connection, bucket, key, expires]));

/** `{base}/v1/objects/{connection}/{key}?bucket&expires&signature`, by the connection's own key. */
export async function signObjectUrl(base: string, key: string, grant: ObjectGrant): Promise<string> {
  const signature = Buffer.from(await crypto.subtle.sign("HMAC", await hmacKey(key), covered(grant)));
  const url = new URL(`/v1/objects/${grant.connection}/${encodeURIComponent(grant.key)}`, base);
  url.searchParams.set("bucket", grant.bucket);
  url.searchParams.set("expires", String(grant.expires));
  url.searchParams.set("signature", signature.toString("base64url"));
  return url.href;
}

/** Whether the signature is this grant's, in constant time (WebCrypto compares). Expiry is the caller's to check. */
export async function isSigned(root: string, grant: ObjectGrant, signature: string): Promise<boolean> {
  return crypto.subtle.verify(
    "HMAC",
    await hmacKey(signingKeyOf(root, grant.connection)),
    Buffer.from(signature, "base64url"),
    covered(grant),
  );
}
