// Pipelines that are paused: their events are recorded and their runs wait, pending, until they are resumed.
import type { D1Database } from "@cloudflare/workers-types";
import { field } from "./sql.ts";

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

/** Pauses pipelines whose store is full, until a probe succeeds. */
export async function pauseFull(
  db: D1Database,
  full: { alias: string; detail: string }[],
  now: number,
): Promise<void> {
  if (full.length === 0) return;
  await db
    .prepare(SQL.full)
    .bind(JSON.stringify(full), now, now + PROBE_MS)
    .run();
}

/** Ends a pause. What waited is released by the shards (`release`). */
export async function endPause(db: D1Database, alias: string): Promise<void> {
  await db.prepare("DELETE FROM paused WHERE alias = ?").bind(alias).run();
}

export async function listPaused(db: D1Database): Promise<Pause[]> {
  return (await db.prepare("SELECT alias, reason, at FROM paused").all<Pause>()).results;
}

const SQL = {
  full: `
    INSERT INTO paused (alias, reason, at, probe_at)
    SELECT DISTINCT ${field("alias")}, 'its store is full: ' || ${field("detail")}, ?2, ?3
    FROM json_each(?1) AS j WHERE true ON CONFLICT (alias) DO NOTHING`,
};
