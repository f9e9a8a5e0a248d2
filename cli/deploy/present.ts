// What an account holds now, of what a project asks for and of what Weir may have left there. Reads only.
// plan.ts compares it with wanted.ts.
import { z } from "zod";
import type { Cloudflare } from "./cloudflare.ts";
import type { ProjectResources } from "./resources.ts";

export interface PresentWorker {
  /** The hash of its upload; absent when something other than `weir deploy` uploaded it. */
  build?: string;
  image?: string;
  version?: string;
  commit?: string;
  url?: string;
  secrets: string[];
  crons: string[];
}

export interface Present {
  account: string;
  /** Each queue with the Workers that consume it. */
  queues: Map<string, { consumers: string[] }>;
  /** Each bucket with its rules; those of buckets that are not asked for are not read. */
  buckets: Map<string, { queue: string; actions: string[]; whole: boolean }[]>;
  /** Each database with the migrations applied to it. */
  databases: Map<string, { applied: string[] }>;
  /** Of Workers that are not asked for, only the name is known. */
  workers: Map<string, PresentWorker | undefined>;
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

/** Reads the account, a handful of requests and some more per Worker, all at once where they may be. */
export async function presentOf(cloudflare: Cloudflare, resources: ProjectResources): Promise<Present> {
  const [queues, databases, allBuckets, scripts] = await Promise.all([
    cloudflare.list("queues", queue),
    cloudflare.list("d1/database", database),
    cloudflare.get("r2/buckets?per_page=1000", buckets),
    cloudflare.list("workers/scripts", script),
  ]);
  const names = new Set(scripts.map(({ id }) => id));
  const ours = resources.workers.filter(({ name }) => names.has(name));
  const [migrated, ruled, workers] = await Promise.all([
    each(
      databases.filter(({ name }) => resources.databases.some((it) => it.name === name)),
      ({ uuid }) => appliedIn(cloudflare, uuid),
    ),
    each(
      (allBuckets?.buckets ?? []).filter(({ name }) => resources.buckets.includes(name)),
      ({ name }) => rulesOf(cloudflare, name),
    ),
    each(ours, ({ name, crons }) => workerOf(cloudflare, name, crons.length > 0)),
  ]);
  return {
    account: cloudflare.account,
    queues: new Map(
      queues.map((it) => [
        it.queue_name,
        { consumers: it.consumers.flatMap(({ script, script_name }) => script_name ?? script ?? []) },
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
      ...workers.map(([{ name }, found]): [string, PresentWorker] => [name, found]),
    ]),
  };
}

const each = <T, R>(values: T[], read: (value: T) => Promise<R>): Promise<[T, R][]> =>
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
 * The version that serves now. Not the script's settings, which may be those of a version that was uploaded
 * and never deployed.
 */
async function workerOf(cloudflare: Cloudflare, name: string, hasCrons: boolean): Promise<PresentWorker> {
  const [answer, rung] = await Promise.all([
    cloudflare.get(`workers/scripts/${name}/deployments`, deployments),
    hasCrons ? cloudflare.get(`workers/scripts/${name}/schedules`, schedules) : undefined,
  ]);
  const serving = answer?.deployments[0]?.versions ?? [];
  // Two versions at once are somebody's gradual rollout: no one build is what serves.
  const [only] = serving;
  const active =
    only && serving.length === 1
      ? await cloudflare.get(`workers/scripts/${name}/versions/${only.version_id}`, version)
      : undefined;
  const bindings = active?.resources.bindings ?? [];
  const text = (key: string) => bindings.find((it) => it.name === key && it.type === "plain_text")?.text;
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
    secrets: bindings.filter(({ type }) => type === "secret_text").map((it) => it.name),
    crons: rung?.schedules.map(({ cron }) => cron) ?? [],
  };
}
