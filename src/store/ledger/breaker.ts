// The circuit breaker's statements: pausing pipelines that fail without exception, resuming those that work again, and
// taking one run at a time as a probe. Its policy is cron/circuit-breaker.ts.
import type { D1Database } from "@cloudflare/workers-types";
import type { PendingRun } from "./rows.ts";
import { PENDING_MS } from "./runs.ts";

export interface TrippedPipeline {
  alias: string;
  reason: string;
}

/** Pauses pipelines of which at least `letters` runs ended dead since `since` and none succeeded. */
export async function tripBreaker(
  db: D1Database,
  since: number,
  letters: number,
  now: number,
  probeAt: number,
): Promise<TrippedPipeline[]> {
  const { results } = await db.prepare(SQL.trip).bind(since, letters, now, probeAt).all<TrippedPipeline>();
  return results;
}

/** Ends the breaker's pauses of pipelines that have had a success since. Returns which. */
export async function resumeRecovered(db: D1Database): Promise<string[]> {
  const { results } = await db.prepare(SQL.recovered).all<{ alias: string }>();
  return results.map(({ alias }) => alias);
}

/** Takes the oldest waiting run of each pipeline whose probe is due, and sets the next probe. */
export async function takeProbes(db: D1Database, now: number, nextAt: number): Promise<PendingRun[]> {
  const [probes] = await db.batch<PendingRun>([
    db.prepare(SQL.probe).bind(now, now + PENDING_MS),
    db.prepare("UPDATE paused SET probe_at = ?2 WHERE probe_at <= ?1").bind(now, nextAt),
  ]);
  return probes?.results ?? [];
}

const SQL = {
  trip: `
    INSERT INTO paused (alias, reason, at, probe_at)
    SELECT d.alias,
      'circuit breaker: ' || count(*) || ' runs ended dead and none succeeded; the newest: ' || (
        SELECT n.failure ->> '$.detail' FROM dead_letters AS n WHERE n.alias = d.alias ORDER BY n.at DESC LIMIT 1),
      ?3, ?4
    FROM dead_letters AS d WHERE d.at >= ?1
    GROUP BY d.alias
    HAVING count(*) >= ?2 AND NOT EXISTS (
      SELECT 1 FROM runs AS r WHERE r.alias = d.alias AND r.status = 'succeeded' AND r.created_at >= ?1)
    ON CONFLICT (alias) DO NOTHING
    RETURNING alias, reason`,
  recovered: `
    DELETE FROM paused WHERE probe_at IS NOT NULL AND EXISTS (
      SELECT 1 FROM runs AS r WHERE r.alias = paused.alias AND r.status = 'succeeded' AND r.ended_at > paused.at)
    RETURNING alias`,
  probe: `
    UPDATE runs SET due_at = ?2, reason = 'probe of a paused pipeline'
    WHERE id IN (
      SELECT (SELECT r.id FROM runs AS r WHERE r.alias = p.alias AND r.status = 'pending' ORDER BY r.created_at, r.id LIMIT 1)
      FROM paused AS p WHERE p.probe_at <= ?1)
    RETURNING id AS run_id, event_id, alias, cause, attempt, forgiven`,
};
