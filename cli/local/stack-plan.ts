// Plan of the stack: which Workers run of a project, and with which settings. Where an edit changes the plan, the
// Workers are started again; anything else they take up by reloading.
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Connections } from "../../src/shapes/connection.ts";
import { ownConfig, type Project } from "../project/project.ts";
import { DEV_ENV, devSecrets, type SettingValues, stackSettings } from "../settings/dev-env.ts";
import { configsOf } from "./local-config.ts";

export interface StackPlan {
  /** Aliases of the pipelines that run. */
  aliases: string[];
  /** Paths of every wrangler.toml with queues, relative to the root. */
  configs: string[];
  /** Paths of those without, which run as they are. */
  others: string[];
  /** Secrets and settings of the Workers. */
  settings: SettingValues;
  /** Environment of compute. */
  compute: SettingValues;
  /** Buckets and databases of the connections. */
  stores: string[];
}

/** Plans the stack for a project, after adding what its .weir/dev.env lacks. @throws CliError */
export function planOf(project: Project, url: string): StackPlan {
  const { root, connections, pipelines } = project;
  const secrets = devSecrets(root, connections, randomBytes);
  const settings = { ...stackSettings(connections, url, secrets), WEIR_LOCAL_URL: url };
  return {
    aliases: pipelines.map(({ name }) => name),
    configs: configsOf(project),
    others: (["compute", "search"] as const).map((name) => ownConfig(root, name)),
    settings,
    compute: computeEnv(root, url, connections, settings),
    stores: Object.values(connections)
      .flatMap((each) => (each.kind === "d1" ? [`${each.database} ${each.shards ?? 1}`] : each.buckets))
      .sort(),
  };
}

/** Says why the Workers must be started again to follow another plan; undefined where they need not be. */
export function changeOf(before: StackPlan, after: StackPlan): string | undefined {
  const added = after.aliases.filter((alias) => !before.aliases.includes(alias));
  const removed = before.aliases.filter((alias) => !after.aliases.includes(alias));
  const names = new Set([...Object.keys(before.settings), ...Object.keys(after.settings)]);
  const settings = [...names].filter((name) => before.settings[name] !== after.settings[name]);
  const parts = [
    ...(added.length > 0 ? [`${added.join(", ")} ${added.length === 1 ? "is" : "are"} new`] : []),
    ...(removed.length > 0 ? [`${removed.join(", ")} ${removed.length === 1 ? "is" : "are"} gone`] : []),
    ...(settings.length > 0 ? [`${DEV_ENV} has another ${settings.join(", ")}`] : []),
    ...(before.stores.join() === after.stores.join()
      ? []
      : ["connections.json has other buckets or databases"]),
  ];
  return parts.length === 0 ? undefined : parts.join("; ");
}

/** Environment of compute. It may read from the stack itself, and from every endpoint that a connection names. */
export function computeEnv(
  root: string,
  url: string,
  connections: Connections["connections"],
  settings: SettingValues,
): SettingValues {
  const endpoints = Object.values(connections).flatMap((connection) =>
    connection.kind === "s3" && connection.endpoint !== undefined
      ? [settings[connection.endpoint] ?? connection.endpoint]
      : [],
  );
  const origins = [url, ...endpoints.filter((endpoint) => URL.canParse(endpoint))].map(
    (endpoint) => new URL(endpoint).origin,
  );
  const models = join(root, "models.json");
  return { COMPUTE_ALLOW_ORIGINS: origins.join(), ...(existsSync(models) && { MODELS: models }) };
}
