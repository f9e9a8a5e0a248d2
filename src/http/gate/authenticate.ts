// Authentication: which API key a request comes with, the root key (the secret WEIR_API_KEY, every scope) or a created
// key of the ledger. Without either the routes are closed, not open. What the caller may do is decided in gate.ts.
import type { Env } from "../../env.ts";
import { equal } from "../../receive/digest.ts";
import type { Failure } from "../../shapes/failure.ts";
import { sha256Hex } from "../../shapes/hash.ts";
import { type Caller, SCOPES, type Scope } from "../../shapes/key.ts";
import { logError } from "../../shapes/log.ts";
import { findKeyByHash, type KeyRow, noteUse } from "../../store/access/keys.ts";
import { isKey } from "./key-format.ts";

/** Time that an isolate trusts what it has read of a key, ms. For as long a revoked key may still be taken. */
export const KEY_CACHE_MS = 30_000;
/** Least time between two notes of a key's use, ms. */
const USE_NOTE_MS = 60_000;
/** Keys that an isolate remembers at most. */
const MAX_CACHED_KEYS = 1_000;

const ROOT: Caller = { id: "root", name: "WEIR_API_KEY", scopes: SCOPES, expires_at: null };

/** `stale`: the key is one of ours, and no longer valid. */
export type AuthResult =
  | { is: "known"; caller: Caller }
  | { is: "stale"; caller: Caller; failure: Failure }
  | { is: "unknown"; failure: Failure };

const keyCache = new Map<string, { row: KeyRow; until: number }>();
/** Keys that the ledger does not have, each until it is looked up again. Apart, lest made-up keys crowd real ones out. */
const unknownUntil = new Map<string, number>();

/** After a change of a key: this isolate reads each anew. Other isolates learn of it within {@link KEY_CACHE_MS}. */
export const forgetKeys = (): void => {
  keyCache.clear();
  unknownUntil.clear();
};
/** The rate limit of look-ups of keys that are not known, by the caller's address: `ratelimits` in wrangler.toml. */
const LOOKUP_LIMIT = "KEY_LOOKUPS";

/**
 * Tells whose request this is, by at most one read of D1; `later` takes work that need not be waited for. `address` is
 * where the request comes from: who makes keys up is sent away after some.
 */
export async function authenticate(
  { authorization, address = "unknown" }: { authorization: string | undefined; address?: string | undefined },
  env: Env,
  now: number,
  later: (work: Promise<unknown>) => void,
): Promise<AuthResult> {
  const given = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
  if (given !== undefined && isKey(given)) return identifyCreatedKey({ given, address }, env, now, later);
  const root = env.setting("WEIR_API_KEY");
  if (root === undefined) {
    const failure: Failure = {
      kind: "unavailable",
      detail: "this Weir has no API key, so it serves nothing that needs one",
      next: "set one: `npx wrangler secret put WEIR_API_KEY`, locally a line in .weir/dev.env",
      retry_after_seconds: 60,
    };
    return { is: "unknown", failure };
  }
  if (given === undefined) return notIdentified("the request has no API key");
  if (equal(given, root)) return { is: "known", caller: ROOT };
  return notIdentified("the API key is not valid");
}

async function identifyCreatedKey(
  { given, address }: { given: string; address: string },
  env: Env,
  now: number,
  later: (work: Promise<unknown>) => void,
): Promise<AuthResult> {
  const hash = sha256Hex(given);
  const row = await readKey(hash, address, env, now);
  if (row === "unknown") return notIdentified("the API key is not valid");
  if (row === "unread") {
    const detail = "the API key could not be looked up";
    return { is: "unknown", failure: { kind: "unavailable", detail, next: "try again" } };
  }
  if (row === "unasked") {
    const detail = "too many API keys that are not known came from this address";
    const failure: Failure = { kind: "too_many_requests", detail, retry_after_seconds: 60 };
    return { is: "unknown", failure };
  }
  const { id, name, expires_at, revoked_at } = row;
  const caller: Caller = { id, name, scopes: JSON.parse(row.scopes) as Scope[], expires_at };
  const over = revoked_at !== null ? "was revoked" : isOver(expires_at, now) ? "has expired" : undefined;
  if (over !== undefined) {
    const at = new Date(revoked_at ?? expires_at ?? now).toISOString();
    const failure = unproven(`the API key "${name}" (${id}) ${over}, at ${at}`);
    return { is: "stale", caller, failure };
  }
  if ((row.last_used_at ?? 0) <= now - USE_NOTE_MS) {
    row.last_used_at = now;
    later(noteUse(env.ledger(), id, now, now - USE_NOTE_MS).catch(logUnnotedUse));
  }
  return { is: "known", caller };
}

/** `unasked`: the ledger was not asked, as the address has asked too often for what is not there. */
async function readKey(
  hash: string,
  address: string,
  env: Env,
  now: number,
): Promise<KeyRow | "unknown" | "unread" | "unasked"> {
  const cached = keyCache.get(hash);
  if (cached && cached.until > now) return cached.row;
  if ((unknownUntil.get(hash) ?? 0) > now) return "unknown";
  if (!cached && !(await env.isWithin(LOOKUP_LIMIT, address))) return "unasked";
  // The hash of a secret is what is compared, by an index: how long that takes tells nothing of the secret.
  const row = await findKeyByHash(env.ledger(), hash).catch(() => "unread" as const);
  keyCache.delete(hash);
  if (row === "unread") return row;
  if (row === null) {
    if (unknownUntil.size >= MAX_CACHED_KEYS) unknownUntil.clear();
    unknownUntil.set(hash, now + KEY_CACHE_MS);
    return "unknown";
  }
  if (keyCache.size >= MAX_CACHED_KEYS) keyCache.clear();
  keyCache.set(hash, { row, until: now + KEY_CACHE_MS });
  return row;
}

const isOver = (expires_at: number | null, now: number) => expires_at !== null && expires_at <= now;

const unproven = (detail: string): Failure => ({
  kind: "unproven",
  detail,
  where: "Authorization",
  expected: "Bearer and an API key of this Weir",
});

const notIdentified = (detail: string): AuthResult => ({ is: "unknown", failure: unproven(detail) });

const logUnnotedUse = (error: unknown) => logError("key.use_unnoted", { error: String(error) });
