// Idempotency keys on record: who holds a key, and what was answered to the first request that came with it.
// The middleware is http/gate/idempotency.ts.
import type { D1Database } from "@cloudflare/workers-types";

/** A request that holds its key. `at` tells it from a later holder of the same key. */
export interface HeldKey {
  key: string;
  route: string;
  body_hash: string;
  at: number;
}

export interface KeptAnswer {
  status: number;
  answer: string;
  location: string | null;
}

export type KeyClaim =
  | { is: "ours" }
  | { is: "in_progress" }
  | { is: "another_body" }
  | ({ is: "answered" } & KeptAnswer);

export const KEEP_MS = 24 * 3_600_000;
/** Age of a request in progress, ms, from which it counts as gone: no pipeline may run for as long. */
const GONE_MS = 900_000;

/** Takes the key, or returns the state of the request that holds it, in one transaction: of two requests one gets it. */
export async function claimKey(db: D1Database, held: HeldKey): Promise<KeyClaim> {
  const { key, route, body_hash, at } = held;
  const [, taken, found] = await db.batch<{ body_hash: string } & (KeptAnswer | { status: null })>([
    db.prepare(SQL.expire).bind(at - KEEP_MS),
    db.prepare(SQL.claim).bind(key, route, body_hash, at, at - KEEP_MS, at - GONE_MS),
    db.prepare(SQL.find).bind(key, route),
  ]);
  if (taken?.results.length) return { is: "ours" };
  const row = found?.results[0];
  if (!row) throw new Error("an idempotency key was neither free nor taken");
  if (row.body_hash !== body_hash) return { is: "another_body" };
  if (row.status === null) return { is: "in_progress" };
  const { status, answer, location } = row;
  return { is: "answered", status, answer, location };
}

/** Keeps the answer, for repetitions of the request. */
export async function keepAnswer(
  db: D1Database,
  held: HeldKey,
  { status, answer, location }: KeptAnswer,
): Promise<void> {
  const { key, route, at } = held;
  await db.prepare(SQL.keep).bind(key, route, at, status, answer, location).run();
}

/** Frees the key: the next request with it counts as the first. */
export async function releaseKey(db: D1Database, { key, route, at }: HeldKey): Promise<void> {
  await db.prepare(SQL.release).bind(key, route, at).run();
}

/** Frees the key of an answer that holds no longer; one that another request has taken since is left to it. */
export async function freeAnswered(db: D1Database, { key, route }: HeldKey, answer: string): Promise<void> {
  await db.prepare(SQL.free).bind(key, route, answer).run();
}

const SQL = {
  // Each request clears more rows than it makes, so that none waits for a clean-up of its own.
  expire: `
    DELETE FROM idempotency
    WHERE rowid IN (SELECT rowid FROM idempotency WHERE at <= ?1 ORDER BY at LIMIT 50)`,
  // Free is also a key whose request has vanished.
  claim: `
    INSERT INTO idempotency (key, route, body_hash, at) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (key, route) DO UPDATE
      SET body_hash = excluded.body_hash, at = excluded.at, status = NULL, answer = NULL, location = NULL
      WHERE at <= ?5 OR (status IS NULL AND at <= ?6)
    RETURNING key`,
  find: "SELECT body_hash, status, answer, location FROM idempotency WHERE key = ?1 AND route = ?2",
  keep: `
    UPDATE idempotency SET status = ?4, answer = ?5, location = ?6
    WHERE key = ?1 AND route = ?2 AND at = ?3 AND status IS NULL`,
  free: "DELETE FROM idempotency WHERE key = ?1 AND route = ?2 AND answer = ?3",
  release: "DELETE FROM idempotency WHERE key = ?1 AND route = ?2 AND at = ?3 AND status IS NULL",
};
