// Signed, expiring URLs of the router's own object route, for R2: bindings cannot presign. The signature
// covers connection, bucket, key and expiry, so a URL opens one object for reading and nothing else.
import { Buffer } from "node:buffer";

/** In a connection's place: payloads of invocations, which belong to no connection. No connection can be named so. */
export const PAYLOADS = "(payloads)";

export interface ObjectGrant {
  connection: string;
  bucket: string;
  key: string;
  /** Seconds since the epoch. */
  expires: number;
}

const encoder = new TextEncoder();

async function hmacKey(secret: string) {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  return crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, ["sign", "verify"]);
}

const covered = ({ connection, bucket, key, expires }: ObjectGrant) =>
  encoder.encode(JSON.stringify(["weir-object-v1", connection, bucket, key, expires]));

/** `{base}/v1/objects/{connection}/{key}?bucket&expires&signature`. */
export async function signObjectUrl(base: string, secret: string, grant: ObjectGrant): Promise<string> {
  const signature = Buffer.from(await crypto.subtle.sign("HMAC", await hmacKey(secret), covered(grant)));
  const url = new URL(`/v1/objects/${grant.connection}/${encodeURIComponent(grant.key)}`, base);
  url.searchParams.set("bucket", grant.bucket);
  url.searchParams.set("expires", String(grant.expires));
  url.searchParams.set("signature", signature.toString("base64url"));
  return url.href;
}

/** Whether the signature is this grant's, in constant time (WebCrypto compares). Expiry is the caller's to check. */
export async function isSigned(secret: string, grant: ObjectGrant, signature: string): Promise<boolean> {
  return crypto.subtle.verify(
    "HMAC",
    await hmacKey(secret),
    Buffer.from(signature, "base64url"),
    covered(grant),
  );
}
