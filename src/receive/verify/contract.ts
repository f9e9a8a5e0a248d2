// The contract of verifiers: what they are given, and the proof that they return. Each scheme is one file beside this
// one; none parses more of the body than its proof needs, and none knows what an event is.

import type { JWTVerifyGetKey } from "jose";
import type { Scheme, SchemeName } from "../../shapes/connection.ts";
import { type Failure, fail, type Result } from "../../shapes/failure.ts";
import type { TtlCache } from "../ttl-cache.ts";

/** An HTTP request as it came: raw body, and the moment it was received. */
export interface Delivery {
  method: string;
  url: URL;
  headers: Headers;
  body: Uint8Array<ArrayBuffer>;
  /** Milliseconds since the epoch. */
  receivedAt: number;
}

/** Means of verifying: secrets by name, the network, and keys fetched before. */
export interface Trust {
  secret(name: string): string | undefined;
  fetch: typeof fetch;
  cache: KeyCache;
}

/** A message about the subscription itself, proven like any other; carries no event. */
export type Handshake =
  | { kind: "subscription"; topic: string; confirm: URL }
  | { kind: "unsubscription"; topic: string };

export interface Proof {
  scheme: SchemeName;
  /** The sender's own id of this delivery: a second delivery with the same id is a repetition. */
  replayId?: string;
  /** When set, a second use of `replayId` before this moment (ms) is refused, not merely idempotent. */
  onceUntil?: number;
  /** The body after unwrapping (of SNS, the string in Message). */
  payload: Uint8Array<ArrayBuffer> | string;
  /** Headers that the proof covers; no other header may change an event. */
  headers: Headers;
  handshake?: Handshake;
}

/** One scheme: whether a request looks like it, by its headers alone, and whether it proves itself. */
export interface Verifier<S extends SchemeName> {
  claims(delivery: Pick<Delivery, "headers">, config: Extract<Scheme, { scheme: S }>): boolean;
  verify(delivery: Delivery, config: Extract<Scheme, { scheme: S }>, trust: Trust): Promise<Result<Proof>>;
}

/** A refusal for want of proof. `where` names the place; no text says which secret or which byte was wrong. */
export const unproven = (detail: string, where?: string) =>
  fail("unproven", detail, where === undefined ? {} : { where });

/** `Authorization`'s scheme in lower case and what follows it. */
export function authorization(headers: Headers): { kind: string; value: string } | undefined {
  const match = /^(\S+) +(\S.*)$/.exec(headers.get("authorization") ?? "");
  return match?.[1] && match[2] ? { kind: match[1].toLowerCase(), value: match[2].trim() } : undefined;
}

/** The runtime's own key object, by whichever types the runtime has. */
export type PublicKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** The public key of one certificate, importable for either hash. */
export interface CertificateKeys {
  sha1: PublicKey;
  sha256: PublicKey;
}

export interface KeyCache {
  certificates: TtlCache<CertificateKeys>;
  /** Failures of certificates that could not be fetched; while one is here, its address is not asked again. */
  absent: TtlCache<Failure>;
  /** Certificates that are being fetched: further requests wait for the same fetch. */
  flights: Map<string, Promise<Result<CertificateKeys>>>;
  keySets: TtlCache<JWTVerifyGetKey>;
}
