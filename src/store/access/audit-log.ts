// The audit log on record: who changed what through the API, when, and how it ended. Written by http/gate/gate.ts,
// which puts a row down before the change and its end after it.
import type { D1Database } from "@cloudflare/workers-types";

/** How long a row is kept. */
export const AUDIT_KEEP_MS = 400 * 24 * 3_600_000;

/** `done`; `repeated`: answered as the first time, by its Idempotency-Key; `refused`: 4xx; `failed`: 5xx. */
export type AuditOutcome = "done" | "repeated" | "refused" | "failed";

/** A change as it begins, or one that was refused at the door and has ended with it. */
export interface AuditedChange {
  id: string;
  at: number;
  key_id: string;
  key_name: string;
  action: string;
  target: string | null;
  request_id: string;
  refused?: { status: number };
}

/** The end of a change. `target` and `detail` are the facts that its route added. */
export interface ChangeEnd {
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

/**
 * Rows of one key and one action in an hour; what is more is counted in one row further, by how it ended. So a key
 * that invokes once a second for 400 days leaves some 350 MB of rows, and not 21 GB.
 */
export const MAX_ROWS_AN_HOUR = 60;
const HOUR_MS = 3_600_000;

/** The row of an hour in which a key's further changes of one kind are counted. */
const furtherId = ({ key_id, action, at }: Pick<AuditedChange, "key_id" | "action" | "at">) =>
  `aud_further ${key_id} ${action} ${Math.floor(at / HOUR_MS)}`;

const INSERT = `
  INSERT INTO audit_log (id, at, key_id, key_name, action, target, request_id, outcome, status, ended_at)
  SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
  WHERE (SELECT count(*) FROM (
    SELECT 1 FROM audit_log WHERE key_id = ?3 AND at >= ?11 AND at < ?12 AND action = ?5 LIMIT ?13)) < ?13`;
const COUNT_FURTHER = `
  INSERT INTO audit_log (id, at, key_id, key_name, action, detail, request_id)
  SELECT ?2, ?3, ?4, ?5, ?6, '{"further":1}', ?7 WHERE NOT EXISTS (SELECT 1 FROM audit_log WHERE id = ?1)
  ON CONFLICT (id) DO UPDATE SET detail = json_set(detail, '$.further', detail ->> '$.further' + 1)`;

export async function beginChange(db: D1Database, change: AuditedChange): Promise<void> {
  const { id, at, key_id, key_name, action, target, request_id, refused } = change;
  const end = refused ? ["refused", refused.status, at] : [null, null, null];
  const hour = at - (at % HOUR_MS);
  await db.batch([
    db.prepare(EXPIRE).bind(at - AUDIT_KEEP_MS),
    db
      .prepare(INSERT)
      .bind(
        ...[id, at, key_id, key_name, action, target, request_id, ...end],
        ...[hour, hour + HOUR_MS, MAX_ROWS_AN_HOUR],
      ),
    db.prepare(COUNT_FURTHER).bind(id, furtherId(change), at, key_id, key_name, action, request_id),
  ]);
}

export async function endChange(db: D1Database, change: AuditedChange, end: ChangeEnd): Promise<void> {
  const { target, detail, outcome, status, ended_at } = end;
  await db.batch([
    db
      .prepare(
        `UPDATE audit_log SET target = coalesce(?2, target), detail = ?3, outcome = ?4, status = ?5, ended_at = ?6
         WHERE id = ?1`,
      )
      .bind(change.id, target, detail, outcome, status, ended_at),
    db
      .prepare(
        `UPDATE audit_log
         SET detail = json_set(detail, '$.' || ?3, coalesce(detail ->> ('$.' || ?3), 0) + 1),
           outcome = ?3, status = ?4, ended_at = ?5
         WHERE id = ?2 AND NOT EXISTS (SELECT 1 FROM audit_log WHERE id = ?1)`,
      )
      .bind(change.id, furtherId(change), outcome, status, ended_at),
  ]);
}
