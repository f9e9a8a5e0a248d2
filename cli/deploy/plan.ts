// Plan of a deploy: the steps that make an account hold what the project needs, in an order that works, each with its
// wrangler command. Pure: compares resources.ts (the project) with present.ts (the account).
import { isSigningKey } from "../../src/shapes/bindings.ts";
import { SIGNING_KEY } from "../project/bindings.ts";
import type { AccountState, DeployedWorker } from "./present.ts";
import type { ProjectDatabase, ProjectResources, ProjectWorker } from "./resources.ts";

export interface Step {
  kind: "queue" | "bucket" | "database" | "migrations" | "worker" | "rule";
  action: "create" | "change";
  name: string;
  why: string;
  /** Arguments for wrangler. */
  args: string[];
  /** Names of the secrets that are set by the step. */
  secrets: string[];
}

export interface Leftover {
  kind: "queue" | "worker";
  name: string;
  cost: string;
  /** Command that removes it. */
  remove: string;
}

export interface Plan {
  steps: Step[];
  /** Workers that stay as they are, each with the reason. */
  unchanged: { name: string; why: string }[];
  /** Secrets that a Worker declares and that have no value, in the account or here. */
  missing: { name: string; workers: string[] }[];
  /** Queues and Workers in the account that begin with `weir-` and that the project does not need. */
  left: Leftover[];
  /** Further notices for a person. */
  notices: string[];
}

export interface PlanOptions {
  /** Public URL of the router. */
  url: string;
  commit: string;
  /** Whether Docker is here to build an image. */
  docker: boolean;
  /** Names of the secrets that have a value here. */
  given: ReadonlySet<string>;
  /** With `--changed`: Worker → version that counts as deployed; `deployed` takes the versions of the account. */
  changed?: "deployed" | Map<string, string>;
  /** Upload every Worker, changed or not. */
  force?: boolean;
}

/** Compares project and account and lists the steps. */
export function planOf(resources: ProjectResources, present: AccountState, options: PlanOptions): Plan {
  const decided = resources.workers.map((worker) => ({
    worker,
    ...decide(worker, resources, present, options),
  }));
  const steps = [
    ...resources.queues.filter((name) => !present.queues.has(name)).map(createQueue),
    ...resources.buckets.filter((name) => !present.buckets.has(name)).map(createBucket),
    ...resources.databases.filter(({ name }) => !present.databases.has(name)).map(createDatabase),
    ...resources.databases.flatMap((database) => migrate(database, present)),
    ...decided.flatMap(({ worker, why }) =>
      why === undefined ? [] : [deployWorker(worker, why, resources, present, options)],
    ),
    ...resources.rules.flatMap((rule) => ruleSteps(rule, present)),
  ];
  return {
    steps,
    unchanged: decided.flatMap(({ worker, why, left }) =>
      why === undefined ? [{ name: worker.name, why: left }] : [],
    ),
    missing: missingSecrets(resources.workers, present, options.given),
    left: leftBehind(resources, present),
    notices: noticesOf(resources, present, options),
  };
}

type Decision = { why: string; left?: undefined } | { why: undefined; left: string };

/** Decides whether a Worker is uploaded, with the first reason that holds. */
function decide(
  worker: ProjectWorker,
  resources: ProjectResources,
  present: AccountState,
  options: PlanOptions,
): Decision {
  const now = present.workers.get(worker.name);
  if (!now) return { why: "not deployed yet" };
  if (options.force) return { why: "because of --force" };
  const unset = worker.secrets.filter((name) => !now.secrets.includes(name));
  if (unset.length > 0) return { why: `needs the secrets ${unset.join(", ")}` };
  // An earlier deploy may have ended after the upload and before these were set.
  const unheard = worker.consumes.filter(
    (queue) => !present.queues.get(queue)?.consumers.includes(worker.name),
  );
  if (unheard.length > 0) return { why: `does not consume ${unheard.join(", ")} yet` };
  if (worker.crons.some((cron) => !now.crons.includes(cron))) return { why: "its cron is not set" };
  const before = deployedVersion(worker, now, options);
  if (worker.role === "pipeline" && options.changed !== undefined && before === worker.version) {
    return { why: undefined, left: `version ${before} is deployed` };
  }
  if (worker.role === "compute" && options.docker && now.image !== resources.image)
    return { why: "its image changed" };
  if (now.build === worker.build) return { why: undefined, left: "nothing changed" };
  if (worker.version !== undefined && now.version !== undefined && now.version !== worker.version) {
    return { why: `version ${now.version} becomes ${worker.version}` };
  }
  return {
    why:
      now.build === undefined
        ? "was not deployed by weir deploy"
        : worker.role === "router"
          ? "its code, settings or registry of pipelines changed"
          : "its code or settings changed",
  };
}

const deployedVersion = (worker: ProjectWorker, now: DeployedWorker, { changed }: PlanOptions) =>
  changed instanceof Map ? changed.get(worker.name) : now.version;

const createQueue = (name: string): Step => ({
  ...{ kind: "queue", action: "create", name, why: "not there yet", secrets: [] },
  args: ["queues", "create", name],
});

const createBucket = (name: string): Step => ({
  ...{ kind: "bucket", action: "create", name, why: "not there yet", secrets: [] },
  args: ["r2", "bucket", "create", name],
});

const createDatabase = ({ name }: ProjectDatabase): Step => ({
  ...{ kind: "database", action: "create", name, why: "not there yet", secrets: [] },
  args: ["d1", "create", name],
});

function migrate({ name, config, migrations }: ProjectDatabase, present: AccountState): Step[] {
  const pending = migrations.filter((file) => !present.databases.get(name)?.applied.includes(file));
  if (pending.length === 0) return [];
  const args = ["d1", "migrations", "apply", name, "--remote", "-c", config];
  return [{ kind: "migrations", action: "change", name, why: pending.join(", "), args, secrets: [] }];
}

function deployWorker(
  worker: ProjectWorker,
  why: string,
  resources: ProjectResources,
  present: AccountState,
  { url, commit, docker, given }: PlanOptions,
): Step {
  const now = present.workers.get(worker.name);
  const isCompute = worker.role === "compute";
  // Without Docker the image stays as it is, and so does its hash.
  const image = docker ? resources.image : (now?.image ?? "");
  const vars = isCompute ? { WEIR_IMAGE: image } : { WEIR_COMMIT: commit, WEIR_URL: url };
  return {
    kind: "worker",
    action: present.workers.has(worker.name) ? "change" : "create",
    name: worker.name,
    why,
    args: [
      ...["deploy", "-c", worker.config],
      ...Object.entries({ WEIR_BUILD: worker.build, ...vars }).flatMap(([name, value]) => [
        "--var",
        `${name}:${value}`,
      ]),
      ...(isCompute && !docker ? ["--containers-rollout=none"] : []),
    ],
    secrets: worker.secrets.filter((name) => given.has(name)),
  };
}

/** Actions of R2 notifications, by the event types that wrangler takes. */
const EVENTS = {
  "object-create": ["PutObject", "CopyObject", "CompleteMultipartUpload"],
  "object-delete": ["DeleteObject", "LifecycleDeletion"],
};

/** Steps for notifications of a bucket. R2 refuses overlapping rules, so only actions without a rule get one. */
function ruleSteps({ bucket, queue }: { bucket: string; queue: string }, present: AccountState): Step[] {
  const rules = (present.buckets.get(bucket) ?? []).filter((rule) => rule.whole && rule.queue === queue);
  const covered = new Set(rules.flatMap(({ actions }) => actions));
  const types = Object.entries(EVENTS).flatMap(([type, actions]) =>
    actions.every((action) => covered.has(action)) ? [] : [type],
  );
  if (types.length === 0) return [];
  return [
    {
      kind: "rule",
      action: rules.length === 0 ? "create" : "change",
      name: `${bucket} → ${queue}`,
      why: `to get ${types.join(" and ")} events`,
      args: ["r2", "bucket", "notification", "create", bucket, "--event-types", ...types, "--queue", queue],
      secrets: [],
    },
  ];
}

function missingSecrets(
  workers: ProjectWorker[],
  present: AccountState,
  given: ReadonlySet<string>,
): Plan["missing"] {
  const missing = workers.flatMap(({ name: worker, secrets }) =>
    secrets
      .filter((name) => !given.has(name) && !present.workers.get(worker)?.secrets.includes(name))
      // A missing derived key means that the key it is derived from is missing.
      .map((name) => ({ name: isSigningKey(name) ? SIGNING_KEY : name, worker })),
  );
  return [...Map.groupBy(missing, ({ name }) => name)].map(([name, all]) => ({
    name,
    workers: [...new Set(all.map(({ worker }) => worker))],
  }));
}

function leftBehind(resources: ProjectResources, present: AccountState): Leftover[] {
  const queues = [...present.queues].filter(
    ([name]) => name.startsWith("weir-") && !resources.queues.includes(name),
  );
  const workers = [...present.workers.keys()].filter(
    (name) => name.startsWith("weir-") && !resources.workers.some((worker) => worker.name === name),
  );
  return [
    ...queues.map(
      ([name, { consumers }]): Leftover => ({
        kind: "queue",
        name,
        cost:
          consumers.length > 0
            ? `consumed by ${consumers.join(", ")}, which goes on`
            : "no consumer: its messages are billed and expire unread",
        remove: `npx wrangler queues delete ${name}`,
      }),
    ),
    ...workers.map(
      (name): Leftover => ({
        kind: "worker",
        name,
        cost: "free while nobody calls it; it keeps its bindings and secrets",
        remove: `npx wrangler delete --name ${name}`,
      }),
    ),
  ];
}

function noticesOf(resources: ProjectResources, present: AccountState, { docker }: PlanOptions): string[] {
  const compute = resources.workers.find(({ role }) => role === "compute");
  const image = compute && present.workers.get(compute.name)?.image;
  if (docker || image === resources.image) return [];
  return [
    `THE COMPUTE CONTAINER IS NOT DEPLOYED, because there is no Docker here to build its image. ${
      image
        ? "The deployed container is older than this tree."
        : "Pipelines that use video, images or models fail."
    } Deploy from where Docker runs, as .github/workflows/deploy.yml does.`,
  ];
}

export type PlanHeader = { account: string; url: string; commit: string };
