// Deployments on record: each event names the deployment (the whole registry of an isolate) that decided it, so that the
// filters of that time can be read back. Free of what filters mean.
import type { D1Database, D1PreparedStatement } from "@cloudflare/workers-types";
import type { PipelineConfig } from "../../shapes/config.ts";
import { sha256Hex } from "../../shapes/hash.ts";
import { chunks } from "../chunks.ts";

interface PipelineVersion {
  alias: string;
  version: string;
  config: PipelineConfig;
}

/** A registry that goes on record with the first events that an isolate records. */
export interface Deployment {
  /** The same pipelines at the same versions have the same id. */
  readonly id: string;
  /** Statements that record it, for the transaction of its first events; none once that is committed. */
  statements(db: D1Database, now: number): D1PreparedStatement[];
  /** To be called when the transaction is committed. */
  committed(): void;
}

/** The deployment of a registry. Nothing is computed before it is needed: start-up time is short. */
export function openDeployment(registry: readonly PipelineVersion[]): Deployment {
  const versions = () =>
    JSON.stringify(Object.fromEntries(registry.map((pipeline) => [pipeline.alias, pipeline.version])));
  let id: string | undefined;
  let isCommitted = false;
  return {
    get id() {
      id ??= sha256Hex(versions()).slice(0, 16);
      return id;
    },
    statements(db, now) {
      if (isCommitted) return [];
      const rows = registry.map(({ alias, version, config }) =>
        JSON.stringify({ alias, version, config: JSON.stringify(config) }),
      );
      const parts = [...chunks(rows, (row) => row.length)];
      return [
        db.prepare(SQL.deployment).bind(this.id, versions(), now),
        ...parts.map((part) => db.prepare(SQL.versions).bind(`[${part.join()}]`, now)),
      ];
    },
    committed() {
      isCommitted = true;
    },
  };
}

/** A pipeline's version and config in a deployment, or null where there was none, or none is known. */
export async function versionThen(
  db: D1Database,
  deployment: string | undefined,
  alias: string,
): Promise<{ version: string; config: PipelineConfig } | null> {
  if (deployment === undefined) return null;
  const row = await db
    .prepare(SQL.versionIn)
    .bind(deployment, alias)
    .first<{ version: string; config: string }>();
  return row && { version: row.version, config: JSON.parse(row.config) as PipelineConfig };
}

const SQL = {
  deployment:
    "INSERT INTO deployments (id, versions, first_seen) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO NOTHING",
  versions: `
    INSERT INTO pipeline_versions (alias, version, config, first_seen)
    SELECT j.value ->> '$.alias', j.value ->> '$.version', j.value ->> '$.config', ?2
    FROM json_each(?1) AS j WHERE true ON CONFLICT (alias, version) DO NOTHING`,
  versionIn: `
    SELECT v.version, v.config
    FROM deployments AS d
    JOIN json_each(d.versions) AS j ON j.key = ?2
    JOIN pipeline_versions AS v ON v.alias = j.key AND v.version = j.value
    WHERE d.id = ?1`,
};
