// API keys as people read them, newest first: every field but the hash.
import type { D1Database } from "@cloudflare/workers-types";
import type { Scope } from "../shapes/key.ts";
import type { KeyRow } from "../store/access/keys.ts";
import { type ListQuery, page } from "./ledger.ts";

export const listKeys = (db: D1Database, query: ListQuery, now: number) =>
  page(db, "api_keys", ["created_at", "id"], {}, query, (row: KeyRow) => keyOf(row, now));

export function keyOf({ hash: _, scopes, ...row }: KeyRow, now: number) {
  return {
    ...row,
    scopes: JSON.parse(scopes) as Scope[],
    status: statusOf(row, now),
    created_at: new Date(row.created_at).toISOString(),
    expires_at: momentOf(row.expires_at),
    revoked_at: momentOf(row.revoked_at),
    last_used_at: momentOf(row.last_used_at),
  };
}

function statusOf({ revoked_at, expires_at, replaced_by }: Omit<KeyRow, "hash" | "scopes">, now: number) {
  if (revoked_at !== null) return "revoked" as const;
  if (expires_at !== null && expires_at <= now) return "expired" as const;
  return replaced_by === null ? ("live" as const) : ("replaced" as const);
}

const momentOf = (at: number | null) => (at === null ? null : new Date(at).toISOString());
