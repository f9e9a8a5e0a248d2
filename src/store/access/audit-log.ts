// The audit log on record: who changed what through the API, when, and how it ended. Written by http/gate/gate.ts,
// which puts a row down before the change and its end after it.
import type { D1Database } from "@cloudflare/workers-types";

/** How long a row is kept. */
export const AUDIT_KEEP_MS = 400 * 24 * 3_600_000;

/** `done`; `repeated`: answered as the first time, by its Idempotency-Key; `refused`: 4xx; `failed`: 5xx. */
export type AuditOutcome = "done" | "repeated" | "refused" | "failed";

/** A change as it begins, or one that was refused at the door and has ended with it. */
export interface Change {
  id: string;
  at: number;
  key_id: string;
  key_name: string;
  action: string;
  target: string | null;
  request_id: string;
  refused?: { status: number };
}

/** How it ended. `target` and `detail` are what the route had to say of it. */
export interface ChangeEnd {
  id: string;
  target: string | null;
  detail: string | null;
  outcome: AuditOutcome;
  status: number;
  ended_at: number;
}

/** Each change clears away more old rows than it makes, so that none waits for a clean-up of its own. */
const EXPIRE = `
  DELETE FROM audit_log
  WHERE rowid IN (SELECT rowid FROM audit_log WHERE at <= ?1 ORDER BY at LIMIT 3)`;

export async function beginChange(db: D1Database, change: Change): Promise<void> {
  const { id, at, key_id, key_name, action, target, request_id, refused } = change;
  const end = refused ? ["refused", refused.status, at] : [null, null, null];
  await db.batch([
    db.prepare(EXPIRE).bind(at - AUDIT_KEEP_MS),
    db
      .prepare(
        `INSERT INTO audit_log
           (id, at, key_id, key_name, action, target, request_id, outcome, status, ended_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`,
      )
      .bind(id, at, key_id, key_name, action, target, request_id, ...end),
  ]);
}

export async function endChange(db: D1Database, end: ChangeEnd): Promise<void> {
  const { id, target, detail, outcome, status, ended_at } = end;
  await db
    .prepare(
      `UPDATE audit_log SET target = coalesce(?2, target), detail = ?3, outcome = ?4, status = ?5, ended_at = ?6
       WHERE id = ?1`,
    )
    .bind(id, target, detail, outcome, status, ended_at)
    .run();
}
