// Deployments on record: each event names the deployment (the whole registry of an isolate) that decided it, so that the
// filters of that time can be read back. Free of what filters mean.
import type { D1Database } from "@cloudflare/workers-types";
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
  readonly registry: readonly PipelineVersion[];
  /** Whether this isolate has put it on record. */
  isRecorded: boolean;
}

/** The deployment of a registry. Nothing is computed before it is needed: start-up time is short. */
export function openDeployment(registry: readonly PipelineVersion[]): Deployment {
  let id: string | undefined;
  return {
    get id() {
      id ??= sha256Hex(versionsOf(registry)).slice(0, 16);
      return id;
    },
    registry,
    isRecorded: false,
  };
}

const versionsOf = (registry: readonly PipelineVersion[]) =>
  JSON.stringify(Object.fromEntries(registry.map(({ alias, version }) => [alias, version])));

/** Puts a deployment on record, once for each isolate; again is no change. */
export async function recordDeployment(db: D1Database, deployment: Deployment, now: number): Promise<void> {
  if (deployment.isRecorded) return;
  const { id, registry } = deployment;
  const rows = registry.map(({ alias, version, config }) =>
    JSON.stringify({ alias, version, config: JSON.stringify(config) }),
  );
  const parts = [...chunks(rows, (row) => row.length)];
  await db.batch([
    db.prepare(SQL.deployment).bind(id, versionsOf(registry), now),
    ...parts.map((part) => db.prepare(SQL.versions).bind(`[${part.join()}]`, now)),
  ]);
  deployment.isRecorded = true;
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

/** A version of a pipeline on record. */
export interface RecordedVersion {
  version: string;
  config: PipelineConfig;
  first_seen: number;
}

/** Every version of a pipeline that has decided events. */
export async function listConfigs(db: D1Database, alias: string): Promise<RecordedVersion[]> {
  const { results } = await db
    .prepare("SELECT version, config, first_seen FROM pipeline_versions WHERE alias = ?")
    .bind(alias)
    .all<{ version: string; config: string; first_seen: number }>();
  return results.map((row) => ({ ...row, config: JSON.parse(row.config) as PipelineConfig }));
}

/** Destinations of all versions of all pipelines on record, each once. */
export async function listDestinations(db: D1Database): Promise<PipelineConfig["destination"][]> {
  const { results } = await db
    .prepare("SELECT DISTINCT config -> '$.destination' AS destination FROM pipeline_versions")
    .all<{ destination: string }>();
  return results.map(({ destination }) => JSON.parse(destination) as PipelineConfig["destination"]);
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
