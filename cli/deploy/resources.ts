// What the project asks an account to hold: read from the generated wrangler.toml files, which are what wrangler
// deploys, and from connections.json for the rules that no wrangler.toml can say. Says nothing of any account.
import { readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { databasesOf, QUEUES } from "../project/bindings.ts";
import { type Project, packageRoot } from "../project/project.ts";
import { buildOf, imageOf } from "./build.ts";
import { readConfig, type WranglerConfig } from "./wrangler-config.ts";

export interface ProjectWorker {
  name: string;
  role: "compute" | "pipeline" | "router";
  /** Its wrangler.toml, relative to the root. */
  config: string;
  /** Hash of all that its upload consists of. */
  build: string;
  /** A pipeline's name and version. */
  alias?: string;
  version?: string;
  /** Names of the secrets that it declares. */
  secrets: string[];
  /** Queues it consumes, and when its cron rings. */
  consumes: string[];
  crons: string[];
}

export interface ProjectDatabase {
  name: string;
  /** The wrangler.toml that names its migrations. */
  config: string;
  migrations: string[];
}

export interface ProjectResources {
  queues: string[];
  buckets: string[];
  databases: ProjectDatabase[];
  /** In the order in which they must be there: what others bind to comes first. */
  workers: ProjectWorker[];
  /** R2 buckets that tell of their objects. */
  rules: { bucket: string; queue: string }[];
  /** Hash of compute's image. */
  image: string;
}

interface Read {
  role: ProjectWorker["role"];
  alias?: string;
  path: string;
  config: WranglerConfig;
}

/** The wrangler.toml of each Worker that is deployed, in the order of deploying. */
export function configsOf({ root, pipelines }: Project): Read[] {
  const compute = relative(root, join(packageRoot, "workers/compute/wrangler.toml"));
  const workers: Omit<Read, "config">[] = [
    { role: "compute", path: compute },
    ...pipelines.map(({ name, folder }) => ({
      role: "pipeline" as const,
      alias: name,
      path: `${folder}/wrangler.toml`,
    })),
    { role: "router", path: "wrangler.toml" },
  ];
  return workers.map((worker) => ({ ...worker, config: readConfig(root, worker.path) }));
}

/** Everything a project asks for, when its router is reached at `url`. */
export async function resourcesOf(project: Project, url: string): Promise<ProjectResources> {
  const { root } = project;
  const read = configsOf(project);
  const workers = await Promise.all(
    read.map(async ({ role, alias, path, config }): Promise<ProjectWorker> => {
      const version = config.vars?.WEIR_VERSION;
      return {
        name: config.name,
        role,
        config: path,
        build: await buildOf(join(root, path), config, role === "compute" ? {} : { url }),
        ...(alias === undefined ? {} : { alias }),
        ...(typeof version === "string" ? { version } : {}),
        secrets: config.secrets?.required ?? [],
        consumes: config.queues?.consumers.map(({ queue }) => queue) ?? [],
        crons: config.triggers?.crons ?? [],
      };
    }),
  );
  const configs = read.map(({ config }) => config);
  const { connections } = project;
  return {
    queues: unique(
      configs.flatMap(({ queues }) =>
        [...(queues?.producers ?? []), ...(queues?.consumers ?? [])].flatMap((it) =>
          it.dead_letter_queue ? [it.queue, it.dead_letter_queue] : [it.queue],
        ),
      ),
    ),
    buckets: unique(configs.flatMap(({ r2_buckets }) => (r2_buckets ?? []).map((it) => it.bucket_name))),
    databases: databasesIn(root, read, databasesOf(connections)),
    workers,
    rules: Object.values(connections).flatMap((it) =>
      it.kind === "r2" && it.events.some(({ scheme }) => scheme === "r2-queue")
        ? it.buckets.map((bucket) => ({ bucket, queue: QUEUES.r2 }))
        : [],
    ),
    image: imageOf(root),
  };
}

function databasesIn(root: string, read: readonly Read[], named: string[]): ProjectDatabase[] {
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
