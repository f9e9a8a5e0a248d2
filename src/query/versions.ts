// Versions of a pipeline: its config as it was deployed, and how many objects and items each version has produced, by
// the ledger's table `tracked`.
import type { D1Database } from "@cloudflare/workers-types";
import type { PipelineConfig } from "../shapes/config.ts";

interface Row {
  version: string;
  config: string | null;
  first_seen: number | null;
  objects: number;
  items: number;
  commits: string | null;
}

/**
 * Newest first. The deployed version is always among them; it goes on record with the first event that it decides,
 * and has no `first_seen` until then.
 */
export async function listVersions(
  db: D1Database,
  { alias, version, config }: { alias: string; version: string; config: PipelineConfig },
) {
  const { results } = await db.prepare(SQL).bind(alias, version).all<Row>();
  return results.map(({ first_seen, commits, ...row }) => {
    const deployed = row.version === version;
    return {
      ...row,
      deployed,
      first_seen: first_seen === null ? null : new Date(first_seen).toISOString(),
      config: row.config !== null ? (JSON.parse(row.config) as PipelineConfig) : deployed ? config : null,
      commits: (JSON.parse(commits ?? "[]") as (string | null)[]).filter((commit) => commit !== null),
    };
  });
}

/** A version that has items and no record is one whose Worker was deployed just before the router. */
const SQL = `
  WITH produced AS (
    SELECT version, count(*) AS objects, sum(items) AS items, json_group_array(DISTINCT commit_id) AS commits
    FROM tracked WHERE alias = ?1 AND items > 0 AND version IS NOT NULL GROUP BY version
  ), names AS (
    SELECT ?2 AS version UNION SELECT version FROM produced
    UNION SELECT version FROM pipeline_versions WHERE alias = ?1
  )
  SELECT names.version, v.config, v.first_seen, coalesce(produced.objects, 0) AS objects,
    coalesce(produced.items, 0) AS items, produced.commits
  FROM names
  LEFT JOIN produced ON produced.version = names.version
  LEFT JOIN pipeline_versions AS v ON v.alias = ?1 AND v.version = names.version
  ORDER BY v.first_seen IS NOT NULL, v.first_seen DESC, names.version`;
