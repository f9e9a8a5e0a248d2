// Deaths: how many runs of a pipeline have ended as dead letters in each minute, and the newest cause, for the circuit
// breaker (cron/circuit-breaker.ts). The shards report them; the letters themselves stay there.
import type { D1Database } from "@cloudflare/workers-types";
import { field, fields } from "./sql.ts";

/** How long deaths are counted back, ms. */
export const DEATHS_KEEP_MS = 3_600_000;

/** Counts deaths: one row for each pipeline and minute. */
export async function recordDeaths(
  db: D1Database,
  dead: { alias: string; detail: string; runs: number; at: number }[],
): Promise<void> {
  if (dead.length === 0) return;
  const rows = dead.map(({ alias, detail, runs, at }) => ({
    alias,
    detail,
    runs,
    minute: Math.floor(at / 60_000),
  }));
  await db.prepare(SQL.record).bind(JSON.stringify(rows)).run();
}

export interface FailingPipeline {
  alias: string;
  deaths: number;
  /** Cause of the newest. */
  detail: string;
}

/** Pipelines that are not paused and of which at least so many runs died since a time. */
export async function listFailing(db: D1Database, since: number, deaths: number): Promise<FailingPipeline[]> {
  const { results } = await db
    .prepare(SQL.failing)
    .bind(Math.floor(since / 60_000), deaths)
    .all<FailingPipeline>();
  return results;
}

/** Forgets deaths that no breaker looks at any more. */
export async function forgetDeaths(db: D1Database, now: number): Promise<void> {
  await db
    .prepare("DELETE FROM deaths WHERE minute < ?")
    .bind(Math.floor((now - DEATHS_KEEP_MS) / 60_000))
    .run();
}

const SQL = {
  record: `
    INSERT INTO deaths (alias, minute, deaths, detail)
    SELECT ${fields("alias", "minute")}, sum(${field("runs")}), max(${field("detail")}) FROM json_each(?1) AS j GROUP BY 1, 2
    ON CONFLICT (alias, minute) DO UPDATE SET deaths = deaths + excluded.deaths, detail = excluded.detail`,
  // Beside max(), SQLite gives the other columns of the row that has it: the newest minute of each.
  failing: `
    SELECT alias, sum(deaths) AS deaths, detail, max(minute) FROM deaths
    WHERE minute >= ?1 AND alias NOT IN (SELECT alias FROM paused)
    GROUP BY alias HAVING sum(deaths) >= ?2`,
};
