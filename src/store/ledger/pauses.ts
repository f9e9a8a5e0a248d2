// Pipelines that are paused: their events are recorded and their runs wait, pending, until they are resumed.
import type { D1Database } from "@cloudflare/workers-types";

/** Time between probes of a pipeline that the breaker or a full store has paused, ms. */
export const PROBE_MS = 300_000;

export interface Pause {
  alias: string;
  reason: string;
  at: number;
}

/** Pauses a pipeline. Again is no change. */
export async function pausePipeline(db: D1Database, { alias, reason, at }: Pause): Promise<void> {
  await db
    .prepare("INSERT INTO paused (alias, reason, at) VALUES (?, ?, ?) ON CONFLICT (alias) DO NOTHING")
    .bind(alias, reason, at)
    .run();
}

/** Resumes a pipeline, and makes what waited due at once, for the next sweep. */
export async function resumePipeline(db: D1Database, alias: string): Promise<void> {
  await db.batch([
    db.prepare("DELETE FROM paused WHERE alias = ?").bind(alias),
    db.prepare("UPDATE runs SET due_at = 0 WHERE alias = ? AND status = 'pending'").bind(alias),
  ]);
}

export async function listPaused(db: D1Database): Promise<Pause[]> {
  return (await db.prepare("SELECT alias, reason, at FROM paused").all<Pause>()).results;
}
