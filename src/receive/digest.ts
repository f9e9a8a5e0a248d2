/// <reference types="node" />
// The few cryptographic primitives that doors need: digests, HMAC, constant-time comparison, strict
// base64. The only file of `receive/` that imports from `node:`; public-key work is WebCrypto's.
import { Buffer } from "node:buffer";
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** Lower-case hex SHA-256. */
export const sha256Hex = (data: string | Uint8Array): string =>
  createHash("sha256").update(data).digest("hex");

/** HMAC-SHA256 over the parts, one after another. */
export function hmacSha256(key: string | Uint8Array, ...parts: (string | Uint8Array)[]): Uint8Array {
  const mac = createHmac("sha256", key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** Equality in constant time: digests are compared, so that neither length nor content shows in time. */
export function equal(given: string | Uint8Array, wanted: string | Uint8Array): boolean {
  const digest = (data: string | Uint8Array) => createHash("sha256").update(data).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

/** Canonical, padded base64 only: anything that would not encode back to itself is refused. */
export function strictBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? new Uint8Array(bytes) : undefined;
}

/** Standard base64 with padding. */
export const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

/** Lower-case hex. */
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
