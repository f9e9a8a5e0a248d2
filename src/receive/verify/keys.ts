// Secrets by name, and public keys that were fetched: small, in memory, gone with the isolate.
import type { JWTVerifyGetKey } from "jose";
import type { SecretRef } from "../../shapes/connection.ts";
import { type Failure, fail, ok, type Result } from "../../shapes/failure.ts";
import type { Trust } from "./contract.ts";

/** A bounded map whose entries end. The oldest entry makes room for a new one. */
export class TtlCache<T> {
  readonly #entries = new Map<string, { value: T; until: number }>();
  readonly #capacity: number;

  constructor(capacity = 32) {
    this.#capacity = capacity;
  }

  get(name: string, now: number): T | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined || entry.until > now) return entry?.value;
    this.#entries.delete(name);
    return undefined;
  }

  delete(name: string): void {
    this.#entries.delete(name);
  }

  set(name: string, value: T, until: number): void {
    this.#entries.delete(name);
    const oldest = this.#entries.size >= this.#capacity ? this.#entries.keys().next().value : undefined;
    if (oldest !== undefined) this.#entries.delete(oldest);
    this.#entries.set(name, { value, until });
  }
}

/** The runtime's own key object, by whichever types the runtime has. */
type PublicKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** The public key of one certificate, importable for either hash. */
export interface CertificateKeys {
  sha1: PublicKey;
  sha256: PublicKey;
}

export interface KeyCache {
  certificates: TtlCache<CertificateKeys>;
  /** Why there was no certificate at an address, for as long as it is not asked for again. */
  absent: TtlCache<Failure>;
  /** Certificates that are being fetched: whoever needs one meanwhile waits for the same. */
  flights: Map<string, Promise<Result<CertificateKeys>>>;
  keySets: TtlCache<JWTVerifyGetKey>;
}

/** An empty cache; one per isolate is enough. Forged names are many, so those that failed have more room. */
export const keyCache = (): KeyCache => ({
  certificates: new TtlCache(),
  absent: new TtlCache(1_000),
  flights: new Map(),
  keySets: new TtlCache(8),
});

/** The value of a configured variable. Its absence is this installation's fault, never the sender's. */
export function configured(name: string, trust: Pick<Trust, "secret">): Result<string> {
  const value = trust.secret(name);
  if (value) return ok(value);
  return fail("unavailable", `The secret ${name} is not set.`, {
    where: name,
    next: `Set it with \`wrangler secret put ${name}\`, or in .weir/dev.env for local work.`,
    retry_after_seconds: 60,
  });
}

/** The secrets that are accepted at this moment; past its `expires` one is as if it were not listed. */
export function currentSecrets(
  refs: readonly SecretRef[],
  trust: Pick<Trust, "secret">,
  now: number,
): Result<{ name: string; value: string }[]> {
  const current: { name: string; value: string }[] = [];
  for (const ref of refs) {
    const { name, expires } = typeof ref === "string" ? { name: ref, expires: undefined } : ref;
    if (expires !== undefined && Date.parse(expires) <= now) continue;
    const secret = configured(name, trust);
    if (!secret.ok) return secret;
    current.push({ name, value: secret.value });
  }
  return ok(current);
}
