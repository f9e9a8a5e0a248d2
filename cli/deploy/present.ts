// State of a Cloudflare account: its queues, buckets, databases and Workers, with details of those that the project
// needs. Only reads. plan.ts compares it with the project's needs, from resources.ts.
import { z } from "zod";
import type { Cloudflare } from "./cloudflare.ts";
import { type DeployedContainer, readContainer } from "./container.ts";
import type { ProjectResources } from "./resources.ts";

export interface DeployedWorker {
  /** Hash of its upload (build.ts); absent where `weir deploy` did not upload it. */
  build?: string;
  version?: string;
  commit?: string;
  url?: string;
  secrets: string[];
  crons: string[];
}

export interface AccountState {
  account: string;
  /** Queue → Workers that consume it. */
  queues: Map<string, { consumers: string[] }>;
  /** Bucket → notification rules, of those that the project needs. */
  buckets: Map<string, { queue: string; actions: string[]; whole: boolean }[]>;
  /** Database → migrations applied to it, of those that the project needs. */
  databases: Map<string, { applied: string[] }>;
  /** Worker → details, undefined for a Worker that the project does not need. */
  workers: Map<string, DeployedWorker | undefined>;
  /** Bucket → prefixes below which R2 deletes what is old, of those that the project needs. */
  lifecycles: Map<string, string[]>;
  /** The container application of compute, where there is one. */
  container?: DeployedContainer;
}

const queue = z.object({
  queue_name: z.string(),
  consumers: z
    .array(z.object({ script: z.string().optional(), script_name: z.string().optional() }))
    .default([]),
});
const database = z.object({ uuid: z.string(), name: z.string() });
const bucket = z.object({ name: z.string() });
const rules = z.object({
  queues: z
    .array(
      z.object({
        queueName: z.string(),
        rules: z.array(
          z.object({
            actions: z.array(z.string()),
            prefix: z.string().optional(),
            suffix: z.string().optional(),
          }),
        ),
      }),
    )
    .default([]),
});
const lifecycle = z.object({
  rules: z
    .array(
      z.looseObject({
        enabled: z.boolean(),
        conditions: z.object({ prefix: z.string().default("") }).default({ prefix: "" }),
        deleteObjectsTransition: z.unknown().optional(),
      }),
    )
    .default([]),
});
const script = z.object({ id: z.string() });
const deployments = z.object({
  deployments: z.array(
    z.object({ versions: z.array(z.object({ version_id: z.string(), percentage: z.number() })).default([]) }),
  ),
});
const version = z.object({
  resources: z.object({
    bindings: z
      .array(z.looseObject({ type: z.string(), name: z.string(), text: z.string().optional() }))
      .default([]),
  }),
});
const schedules = z.object({ schedules: z.array(z.object({ cron: z.string() })).default([]) });

/**
 * Reads the state of the account. What the project names is looked up by its name; queues and Workers are listed, since
 * those that are left over are named too.
 */
export async function readAccount(
  cloudflare: Cloudflare,
  resources: ProjectResources,
): Promise<AccountState> {
  const [queues, scripts, foundDatabases, foundBuckets, container] = await Promise.all([
    cloudflare.list("queues", queue),
    cloudflare.list("workers/scripts", script),
    readEach(resources.databases, ({ name }) => databaseNamed(cloudflare, name)),
    readEach(resources.buckets, (name) => cloudflare.get(`r2/buckets/${name}`, bucket)),
    readContainer(cloudflare),
  ]);
  const databases = foundDatabases.flatMap(([, found]) => found ?? []);
  const buckets = foundBuckets.flatMap(([, found]) => found ?? []);
  const names = new Set(scripts.map(({ id }) => id));
  const ours = resources.workers.filter(({ name }) => names.has(name));
  const [migrated, ruled, lifecycles, workers] = await Promise.all([
    readEach(databases, ({ uuid }) => appliedIn(cloudflare, uuid)),
    readEach(buckets, ({ name }) => rulesOf(cloudflare, name)),
    readEach(
      buckets.filter(({ name }) => resources.lifecycles.some((rule) => rule.bucket === name)),
      ({ name }) => expiringIn(cloudflare, name),
    ),
    readEach(ours, ({ name, crons }) => workerOf(cloudflare, name, crons.length > 0)),
  ]);
  return {
    account: cloudflare.account,
    queues: new Map(
      queues.map((queue) => [
        queue.queue_name,
        { consumers: queue.consumers.flatMap(({ script, script_name }) => script_name ?? script ?? []) },
      ]),
    ),
    buckets: new Map(ruled.map(([{ name }, found]) => [name, found])),
    databases: new Map(migrated.map(([{ name }, applied]) => [name, { applied }])),
    lifecycles: new Map(lifecycles.map(([{ name }, prefixes]) => [name, prefixes])),
    ...(container && { container }),
    workers: new Map([
      ...[...names].map((name): [string, undefined] => [name, undefined]),
      ...workers.map(([{ name }, found]): [string, DeployedWorker] => [name, found]),
    ]),
  };
}

const readEach = <T, R>(values: T[], read: (value: T) => Promise<R>): Promise<[T, R][]> =>
  Promise.all(values.map(async (value): Promise<[T, R]> => [value, await read(value)]));

async function expiringIn(cloudflare: Cloudflare, bucket: string): Promise<string[]> {
  const found = await cloudflare.get(`r2/buckets/${bucket}/lifecycle`, lifecycle);
  return (found?.rules ?? []).flatMap(({ enabled, conditions, deleteObjectsTransition: deletes }) =>
    enabled && deletes ? [conditions.prefix] : [],
  );
}

/** The database of a name: the list is filtered by what names begin with or hold. */
const databaseNamed = async (cloudflare: Cloudflare, name: string) =>
  (await cloudflare.list(`d1/database?name=${encodeURIComponent(name)}`, database)).find(
    (found) => found.name === name,
  );

async function appliedIn(cloudflare: Cloudflare, uuid: string): Promise<string[]> {
  const rows = await cloudflare.select(
    uuid,
    "SELECT name FROM d1_migrations",
    z.object({ name: z.string() }),
  );
  return rows?.map(({ name }) => name) ?? [];
}

async function rulesOf(cloudflare: Cloudflare, bucket: string) {
  const found = await cloudflare.get(`event_notifications/r2/${bucket}/configuration`, rules);
  return (found?.queues ?? []).flatMap(({ queueName, rules }) =>
    rules.map(({ actions, prefix, suffix }) => ({ queue: queueName, actions, whole: !prefix && !suffix })),
  );
}

/**
 * Reads the version of a Worker that serves now; the settings of the script may be those of a version that was
 * uploaded and never deployed.
 */
async function workerOf(cloudflare: Cloudflare, name: string, hasCrons: boolean): Promise<DeployedWorker> {
  const [answer, schedule] = await Promise.all([
    cloudflare.get(`workers/scripts/${name}/deployments`, deployments),
    hasCrons ? cloudflare.get(`workers/scripts/${name}/schedules`, schedules) : undefined,
  ]);
  const serving = answer?.deployments[0]?.versions ?? [];
  // During a gradual rollout two versions serve, so that no single build can be named.
  const [only] = serving;
  const active =
    only && serving.length === 1
      ? await cloudflare.get(`workers/scripts/${name}/versions/${only.version_id}`, version)
      : undefined;
  const bindings = active?.resources.bindings ?? [];
  const text = (key: string) =>
    bindings.find((binding) => binding.name === key && binding.type === "plain_text")?.text;
  const read = (field: "build" | "version" | "commit" | "url", key: string) => {
    const value = text(key);
    return value ? { [field]: value } : {};
  };
  return {
    ...read("build", "WEIR_BUILD"),
    ...read("version", "WEIR_VERSION"),
    ...read("commit", "WEIR_COMMIT"),
    ...read("url", "WEIR_URL"),
    secrets: bindings.filter(({ type }) => type === "secret_text").map((binding) => binding.name),
    crons: schedule?.schedules.map(({ cron }) => cron) ?? [],
  };
}
