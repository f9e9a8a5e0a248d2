// API keys on record. A key itself is never kept: only its SHA-256. A slow, salted hash protects what people
// choose and could be guessed; 160 random bits cannot be guessed, and each request would pay for the slowness.
import type { D1Database } from "@cloudflare/workers-types";
import type { Scope } from "../../shapes/key.ts";

/** A key as it is kept, times in milliseconds. */
export interface KeyRow {
  id: string;
  name: string;
  prefix: string;
  hash: string;
  /** A JSON array. */
  scopes: string;
  created_at: number;
  created_by: string;
  expires_at: number | null;
  revoked_at: number | null;
  replaced_by: string | null;
  last_used_at: number | null;
}

export interface NewKey {
  id: string;
  name: string;
  prefix: string;
  hash: string;
  scopes: readonly Scope[];
  created_at: number;
  created_by: string;
  expires_at: number | null;
}

export const findKeyByHash = (db: D1Database, hash: string): Promise<KeyRow | null> =>
  db.prepare("SELECT * FROM api_keys WHERE hash = ?1").bind(hash).first<KeyRow>();

export const findKey = (db: D1Database, id: string): Promise<KeyRow | null> =>
  db.prepare("SELECT * FROM api_keys WHERE id = ?1").bind(id).first<KeyRow>();

export async function addKey(db: D1Database, key: NewKey): Promise<void> {
  await inserting(db, key).run();
}

/**
 * Puts `next` in the place of a key, which stays valid until `until`, or until it expires if that is sooner.
 * @returns whether the key was there to be replaced: neither revoked, expired, nor replaced already
 */
export async function replaceKey(db: D1Database, id: string, next: NewKey, until: number): Promise<boolean> {
  const [replaced] = await db.batch([
    db
      .prepare(
        `UPDATE api_keys SET replaced_by = ?2, expires_at = min(coalesce(expires_at, ?3), ?3)
         WHERE id = ?1 AND revoked_at IS NULL AND replaced_by IS NULL AND coalesce(expires_at, ?4 + 1) > ?4`,
      )
      .bind(id, next.id, until, next.created_at),
    inserting(db, next, id),
  ]);
  return replaced?.meta.changes === 1;
}

/**
 * Ends a key at once, and every key that it was given up for: those it made itself, and are its own in other hands. Again
 * is no change. @returns the key as it is then, or null where there is none
 */
export async function revokeKey(db: D1Database, id: string, now: number): Promise<KeyRow | null> {
  const row = await db
    .prepare("UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1 RETURNING *")
    .bind(id, now)
    .first<KeyRow>();
  const next = row?.replaced_by ? await findKey(db, row.replaced_by) : null;
  if (next && next.created_by === id) await revokeKey(db, next.id, now);
  return row;
}

/** Notes a use, unless one was noted since `before`. */
export async function noteUse(db: D1Database, id: string, now: number, before: number): Promise<void> {
  await db
    .prepare("UPDATE api_keys SET last_used_at = ?2 WHERE id = ?1 AND coalesce(last_used_at, 0) <= ?3")
    .bind(id, now, before)
    .run();
}

/** `replaces`: only where that key has just been given this one in its place. */
function inserting(db: D1Database, key: NewKey, replaces?: string) {
  const { id, name, prefix, hash, scopes, created_at, created_by, expires_at } = key;
  return db
    .prepare(
      `INSERT INTO api_keys (id, name, prefix, hash, scopes, created_at, created_by, expires_at)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
       WHERE ?9 IS NULL OR EXISTS (SELECT 1 FROM api_keys WHERE id = ?9 AND replaced_by = ?1)`,
    )
    .bind(
      id,
      name,
      prefix,
      hash,
      JSON.stringify(scopes),
      created_at,
      created_by,
      expires_at,
      replaces ?? null,
    );
}
