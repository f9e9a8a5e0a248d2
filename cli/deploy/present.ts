// State of a Cloudflare account: its queues, buckets, databases and Workers, with details of those that the project
// needs. Only reads. plan.ts compares it with the project's needs, from resources.ts.
import { z } from "zod";
import type { Cloudflare } from "./cloudflare.ts";
import type { ProjectResources } from "./resources.ts";

export interface DeployedWorker {
  /** Hash of its upload (build.ts); absent where `weir deploy` did not upload it. */
  build?: string;
  image?: string;
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
  /** Bucket → notification rules, read only for buckets that the project needs. */
  buckets: Map<string, { queue: string; actions: string[]; whole: boolean }[]>;
  /** Database → migrations applied to it, read only for databases that the project needs. */
  databases: Map<string, { applied: string[] }>;
  /** Worker → details, undefined for a Worker that the project does not need. */
  workers: Map<string, DeployedWorker | undefined>;
}

const queue = z.object({
  queue_name: z.string(),
  consumers: z
    .array(z.object({ script: z.string().optional(), script_name: z.string().optional() }))
    .default([]),
});
const database = z.object({ uuid: z.string(), name: z.string() });
const buckets = z.object({ buckets: z.array(z.object({ name: z.string() })) });
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

/** Reads the state of the account, with requests in parallel where possible. */
export async function readAccount(
  cloudflare: Cloudflare,
  resources: ProjectResources,
): Promise<AccountState> {
  const [queues, databases, allBuckets, scripts] = await Promise.all([
    cloudflare.list("queues", queue),
    cloudflare.list("d1/database", database),
    cloudflare.get("r2/buckets?per_page=1000", buckets),
    cloudflare.list("workers/scripts", script),
  ]);
  const names = new Set(scripts.map(({ id }) => id));
  const ours = resources.workers.filter(({ name }) => names.has(name));
  const [migrated, ruled, workers] = await Promise.all([
    readEach(
      databases.filter(({ name }) => resources.databases.some((database) => database.name === name)),
      ({ uuid }) => appliedIn(cloudflare, uuid),
    ),
    readEach(
      (allBuckets?.buckets ?? []).filter(({ name }) => resources.buckets.includes(name)),
      ({ name }) => rulesOf(cloudflare, name),
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
    buckets: new Map([
      ...(allBuckets?.buckets ?? []).map(({ name }): [string, never[]] => [name, []]),
      ...ruled.map(([{ name }, found]): [string, typeof found] => [name, found]),
    ]),
    databases: new Map([
      ...databases.map(({ name }): [string, { applied: string[] }] => [name, { applied: [] }]),
      ...migrated.map(([{ name }, applied]): [string, { applied: string[] }] => [name, { applied }]),
    ]),
    workers: new Map([
      ...[...names].map((name): [string, undefined] => [name, undefined]),
      ...workers.map(([{ name }, found]): [string, DeployedWorker] => [name, found]),
    ]),
  };
}

const readEach = <T, R>(values: T[], read: (value: T) => Promise<R>): Promise<[T, R][]> =>
  Promise.all(values.map(async (value): Promise<[T, R]> => [value, await read(value)]));

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
  const read = (field: "build" | "image" | "version" | "commit" | "url", key: string) => {
    const value = text(key);
    return value ? { [field]: value } : {};
  };
  return {
    ...read("build", "WEIR_BUILD"),
    ...read("image", "WEIR_IMAGE"),
    ...read("version", "WEIR_VERSION"),
    ...read("commit", "WEIR_COMMIT"),
    ...read("url", "WEIR_URL"),
    secrets: bindings.filter(({ type }) => type === "secret_text").map((binding) => binding.name),
    crons: schedule?.schedules.map(({ cron }) => cron) ?? [],
  };
}
