// The versions of a pipeline: its code and config as they were deployed, and which items each has made. "Which
// items did commit X make" and "which are stale" are the same question, asked of the ledger's `tracked`.
import type { D1Database } from "@cloudflare/workers-types";
import type { PipelineConfig } from "../shapes/config.ts";

interface Row {
  version: string;
  config: string;
  first_seen: number;
  objects: number;
  items: number;
  commits: string | null;
}

/** Newest first. A version goes on record with the first event that it decides. */
export async function listVersions(db: D1Database, alias: string, deployed: string) {
  const { results } = await db.prepare(SQL).bind(alias).all<Row>();
  return results.map(({ config, first_seen, commits, ...row }) => ({
    ...row,
    deployed: row.version === deployed,
    first_seen: new Date(first_seen).toISOString(),
    config: JSON.parse(config) as PipelineConfig,
    commits: (JSON.parse(commits ?? "[]") as (string | null)[]).filter((commit) => commit !== null),
  }));
}

const SQL = `
  SELECT v.version, v.config, v.first_seen, count(t.key) AS objects, coalesce(sum(t.items), 0) AS items,
    json_group_array(DISTINCT t.commit_id) AS commits
  FROM pipeline_versions AS v
  LEFT JOIN tracked AS t ON t.alias = v.alias AND t.version = v.version AND t.items > 0
  WHERE v.alias = ?1
  GROUP BY v.version ORDER BY v.first_seen DESC, v.version`;
