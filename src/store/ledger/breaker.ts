// The circuit breaker's pauses: those that a machine has set, each with the time of its next probe. Its policy is
// cron/circuit-breaker.ts.
import type { D1Database } from "@cloudflare/workers-types";

/** A pause that ends with the first success. */
export interface BreakerPause {
  alias: string;
  at: number;
  probe_at: number;
}

/** Pauses a pipeline until a probe succeeds; one that is paused already stays as it is. */
export async function tripBreaker(
  db: D1Database,
  { alias, reason, at, probe_at }: BreakerPause & { reason: string },
): Promise<void> {
  await db
    .prepare(
      "INSERT INTO paused (alias, reason, at, probe_at) VALUES (?, ?, ?, ?) ON CONFLICT (alias) DO NOTHING",
    )
    .bind(alias, reason, at, probe_at)
    .run();
}

/** The pauses that the breaker, or a full store, has set. */
export async function listBreakerPauses(db: D1Database): Promise<BreakerPause[]> {
  const { results } = await db
    .prepare("SELECT alias, at, probe_at FROM paused WHERE probe_at IS NOT NULL")
    .all<BreakerPause>();
  return results;
}

export async function setNextProbe(db: D1Database, alias: string, at: number): Promise<void> {
  await db.prepare("UPDATE paused SET probe_at = ?2 WHERE alias = ?1").bind(alias, at).run();
}
