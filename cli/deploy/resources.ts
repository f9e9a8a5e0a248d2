// Resources that a project needs in an account: queues, buckets, databases, Workers, notification rules. Read from the
// generated wrangler.toml files, and rules from connections.json, since no wrangler.toml can hold them.
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { QUEUES } from "../../src/shapes/bindings.ts";
import type { ProjectSettings } from "../../src/shapes/project-settings.ts";
import { versionOf } from "../generate/version.ts";
import { databasesOf, PAYLOADS_EXPIRE } from "../project/bindings.ts";
import { ownConfig, type Project } from "../project/project.ts";
import { heldTogether } from "../project/secret-names.ts";
import { buildOf, imageOf, pipelineBuilds } from "./build.ts";
import { readConfig, type WranglerConfig } from "./wrangler-config.ts";

export interface ProjectWorker {
  name: string;
  role: "ledger" | "compute" | "search" | "pipeline" | "router";
  /** Path of its wrangler.toml, relative to the root. */
  config: string;
  /** Hash of its upload (build.ts). */
  build: string;
  /** Alias and version, of a pipeline Worker. */
  alias?: string;
  version?: string;
  /** Names of the secrets that it declares. */
  secrets: string[];
  /** Queues that it consumes, and its cron expressions. */
  consumes: string[];
  crons: string[];
}

export interface ProjectDatabase {
  name: string;
  /** Path of the wrangler.toml that names its migrations. */
  config: string;
  migrations: string[];
}

export interface ProjectResources {
  queues: string[];
  buckets: string[];
  databases: ProjectDatabase[];
  /** Workers in the order of deploying: a Worker comes after those that it binds to. */
  workers: ProjectWorker[];
  /** Notification rules: the queue that gets the events of a bucket. */
  rules: { bucket: string; queue: string }[];
  lifecycles: LifecycleRule[];
  /** Secret that holds those of a connection → their names. */
  heldTogether: ReadonlyMap<string, string[]>;
  /** Hash of compute's image, and on what it runs. */
  image: string;
  compute: ProjectSettings["compute"];
}

/** What R2 deletes by itself: objects below a prefix, so many days old. */
export interface LifecycleRule {
  bucket: string;
  prefix: string;
  days: number;
}

interface WorkerConfig {
  role: ProjectWorker["role"];
  alias?: string;
  path: string;
  config: WranglerConfig;
}

/** Reads the wrangler.toml of every Worker, in the order of deploying. */
export function workerConfigsOf({ root, pipelines }: Project): WorkerConfig[] {
  const workers: Omit<WorkerConfig, "config">[] = [
    { role: "ledger", path: ownConfig(root, "ledger") },
    { role: "compute", path: ownConfig(root, "compute") },
    { role: "search", path: ownConfig(root, "search") },
    ...pipelines.map(({ name, folder }) => ({
      role: "pipeline" as const,
      alias: name,
      path: `${folder}/wrangler.toml`,
    })),
    { role: "router", path: "wrangler.toml" },
  ];
  return workers.map((worker) => ({ ...worker, config: readConfig(root, worker.path) }));
}

/** Collects the resources of a project whose router is reached at `url`. */
export async function resourcesOf(project: Project, url: string): Promise<ProjectResources> {
  const { root } = project;
  const read = workerConfigsOf(project);
  const pipelineBuild = pipelineBuilds();
  const build = async ({ role, alias, path, config }: WorkerConfig): Promise<string> => {
    const pipeline = project.pipelines.find(({ name }) => role === "pipeline" && name === alias);
    const at = join(root, path);
    if (pipeline)
      return pipelineBuild(at, config, { version: await versionOf(project, pipeline), settings: { url } });
    if (role === "router") return buildOf(at, config, { url });
    return buildOf(at, config, role === "compute" ? project.settings.compute : {});
  };
  const workers: ProjectWorker[] = [];
  // One after another: a thousand bundles at once take more memory than there is.
  for (const worker of read) {
    const { role, alias, path, config } = worker;
    const version = config.vars?.WEIR_VERSION;
    workers.push({
      name: config.name,
      role,
      config: path,
      build: await build(worker),
      ...(alias === undefined ? {} : { alias }),
      ...(typeof version === "string" ? { version } : {}),
      secrets: config.secrets?.required ?? [],
      consumes: config.queues?.consumers.map(({ queue }) => queue) ?? [],
      crons: config.triggers?.crons ?? [],
    });
  }
  const configs = read.map(({ config }) => config);
  const { connections } = project;
  return {
    queues: unique(
      configs.flatMap(({ queues }) =>
        [...(queues?.producers ?? []), ...(queues?.consumers ?? [])].flatMap((entry) =>
          entry.dead_letter_queue ? [entry.queue, entry.dead_letter_queue] : [entry.queue],
        ),
      ),
    ),
    buckets: unique(
      configs.flatMap(({ r2_buckets }) => (r2_buckets ?? []).map((bucket) => bucket.bucket_name)),
    ),
    databases: databasesIn(root, read, databasesOf(connections)),
    workers,
    rules: Object.values(connections).flatMap((connection) =>
      connection.kind === "r2" && connection.events.some(({ scheme }) => scheme === "r2-queue")
        ? connection.buckets.map((bucket) => ({ bucket, queue: QUEUES.r2Events }))
        : [],
    ),
    lifecycles: [PAYLOADS_EXPIRE],
    heldTogether: heldTogether(connections),
    image: imageOf(root),
    compute: project.settings.compute,
  };
}

function databasesIn(root: string, read: readonly WorkerConfig[], named: string[]): ProjectDatabase[] {
  const found = new Map<string, ProjectDatabase>(
    named.map((name) => [name, { name, config: "wrangler.toml", migrations: [] }]),
  );
  for (const { path, config } of read) {
    for (const { database_name: name, migrations_dir: dir } of config.d1_databases ?? []) {
      if (dir === undefined || found.get(name)?.migrations.length) continue;
      const files = readdirSync(join(root, dirname(path), dir)).filter((file) => file.endsWith(".sql"));
      found.set(name, { name, config: path, migrations: files.sort() });
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

const unique = (values: string[]) => [...new Set(values)].sort();
