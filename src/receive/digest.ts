/// <reference types="node" />
// Cryptographic primitives of the doors: HMAC, comparison in constant time, strict base64. The only file of
// `receive/` that imports from `node:`; public-key work is WebCrypto's, the plain hash is in shapes/hash.ts.
import { Buffer } from "node:buffer";
import { createHmac, hash, timingSafeEqual } from "node:crypto";

/** HMAC-SHA256 over the parts, one after another. */
export function hmacSha256(key: string | Uint8Array, ...parts: (string | Uint8Array)[]): Uint8Array {
  const mac = createHmac("sha256", key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** Equality in constant time: digests are compared, so that neither length nor content shows in time. */
export function equal(given: string | Uint8Array, expected: string | Uint8Array): boolean {
  return timingSafeEqual(hash("sha256", given, "buffer"), hash("sha256", expected, "buffer"));
}

/** Canonical, padded base64 only: anything that would not encode back to itself is refused. */
export function strictBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? new Uint8Array(bytes) : undefined;
}

/** Lower-case hex. */
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
