// Secrets by name, and the isolate's cache of fetched public keys.
import type { SecretRef } from "../../shapes/connection.ts";
import { fail, ok, type Result } from "../../shapes/failure.ts";
import { TtlCache } from "../ttl-cache.ts";
import type { KeyCache, Trust } from "./contract.ts";
/** An empty cache; one per isolate is enough. Failures have more room than keys, since forged names are many. */
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
