// Plan of a deploy: the steps that make an account hold what the project needs, in an order that works, each with its
// wrangler command. Pure: compares resources.ts (the project) with present.ts (the account).
import { isSigningKey } from "../../src/shapes/bindings.ts";
import { SIGNING_KEY } from "../project/secret-names.ts";
import { containerDiffers, containerNotices, runsImage } from "./container.ts";
import { CONTAINER, IMAGE_FOLDER, imageAddress, STAGED_CONFIG } from "./image.ts";
import type { AccountState, DeployedWorker } from "./present.ts";
import type { ProjectResources, ProjectWorker } from "./resources.ts";
import {
  createBucket,
  createDatabase,
  createQueue,
  lifecycleSteps,
  migrate,
  ruleSteps,
  type Step,
} from "./step.ts";

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
  /** Calls to the Cloudflare API that the steps take, at most. */
  calls: number;
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
  const address = imageAddress(present.account, resources.image);
  const isImageDue = options.docker && !runsImage(present.container, address);
  const [build, push] = isImageDue ? imageSteps(resources, address) : [];
  const steps = [
    ...(build ? [build] : []),
    ...resources.queues.filter((name) => !present.queues.has(name)).map(createQueue),
    ...resources.buckets.filter((name) => !present.buckets.has(name)).map(createBucket),
    ...resources.databases.filter(({ name }) => !present.databases.has(name)).map(createDatabase),
    ...resources.databases.flatMap((database) => migrate(database, present)),
    ...(push ? [push] : []),
    ...decided.flatMap(({ worker, why }) =>
      why === undefined ? [] : [deployWorker(worker, why, resources, present, options)],
    ),
    ...resources.rules.flatMap((rule) => ruleSteps(rule, present)),
    ...resources.lifecycles.flatMap((rule) => lifecycleSteps(rule, present)),
  ];
  return {
    steps,
    unchanged: decided.flatMap(({ worker, why, left }) =>
      why === undefined ? [{ name: worker.name, why: left }] : [],
    ),
    missing: missingSecrets(resources, present, options.given),
    left: leftBehind(resources, present),
    notices: noticesOf(resources, present, options),
    calls: steps.reduce((sum, step) => sum + step.calls, 0),
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
  const container = worker.role === "compute" ? containerWhy(resources, present, options) : undefined;
  if (container !== undefined) return { why: container };
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

/** Why the container has to be deployed, where it can be: its image is pushed already, or can be built here. */
function containerWhy(resources: ProjectResources, present: AccountState, { docker }: PlanOptions) {
  const address = imageAddress(present.account, resources.image);
  if (!docker && !runsImage(present.container, address)) return undefined;
  return containerDiffers(present.container, address, resources.compute);
}

const deployedVersion = (worker: ProjectWorker, now: DeployedWorker, { changed }: PlanOptions) =>
  changed instanceof Map ? changed.get(worker.name) : now.version;

/** Builds and pushes compute's image, where the application does not run it and Docker is here. */
function imageSteps({ image }: ProjectResources, address: string): Step[] {
  const tag = `${CONTAINER}:${image}`;
  const step = { kind: "image" as const, action: "create" as const, secrets: [] };
  return [
    {
      ...{ ...step, name: tag, why: "to build it, before anything changes", calls: 2 },
      args: ["containers", "build", IMAGE_FOLDER, "-t", tag],
    },
    {
      ...{ ...step, name: address, why: "to push it, before the Worker needs it", calls: 3 },
      args: ["containers", "push", tag],
    },
  ];
}

/** Calls of `wrangler deploy`, and more for each queue that the Worker consumes or sends to. */
const WORKER_CALLS = 16;
const CONSUMER_CALLS = 3;

function deployWorker(
  worker: ProjectWorker,
  why: string,
  resources: ProjectResources,
  present: AccountState,
  { url, commit, docker, given }: PlanOptions,
): Step {
  const isCompute = worker.role === "compute";
  const bare = isCompute || worker.role === "search" || worker.role === "ledger";
  const vars = bare ? {} : { WEIR_COMMIT: commit, WEIR_URL: url };
  const hasImage = docker || runsImage(present.container, imageAddress(present.account, resources.image));
  return {
    kind: "worker",
    action: present.workers.has(worker.name) ? "change" : "create",
    name: worker.name,
    why,
    args: [
      ...["deploy", "-c", isCompute ? STAGED_CONFIG : worker.config],
      ...Object.entries({ WEIR_BUILD: worker.build, ...vars }).flatMap(([name, value]) => [
        "--var",
        `${name}:${value}`,
      ]),
      ...(isCompute && !hasImage ? ["--containers-rollout=none"] : []),
    ],
    secrets: worker.secrets.filter((name) => given.has(name)),
    calls: WORKER_CALLS + CONSUMER_CALLS * worker.consumes.length,
  };
}

function missingSecrets(
  { workers, heldTogether }: ProjectResources,
  present: AccountState,
  given: ReadonlySet<string>,
): Plan["missing"] {
  const missing = workers.flatMap(({ name: worker, secrets }) =>
    secrets
      .filter((name) => !given.has(name))
      .flatMap((name) => {
        const isSet = present.workers.get(worker)?.secrets.includes(name) === true;
        const parts = heldTogether.get(name);
        const absent = (parts ?? []).filter((part) => !given.has(part));
        // A secret that holds others is replaced whole: some of them alone would lose the rest.
        if (isSet && absent.length === (parts?.length ?? 0)) return [];
        // A missing derived key means that the key it is derived from is missing.
        return parts ? absent : [isSigningKey(name) ? SIGNING_KEY : name];
      })
      .map((name) => ({ name, worker })),
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
  const { container } = present;
  if (docker || runsImage(container, imageAddress(present.account, resources.image)))
    return [...containerNotices(container), ...workerNotices(resources)];
  return [
    ...workerNotices(resources),
    `THE COMPUTE CONTAINER IS NOT DEPLOYED, because there is no Docker here to build its image. ${
      container
        ? "The deployed container is older than this tree."
        : "Pipelines that use video, images or models fail."
    } Deploy from where Docker runs, as .github/workflows/deploy.yml does.`,
  ];
}

/** Workers that an account may have, on the paid plan. */
const MAX_ACCOUNT_WORKERS = 500;

function workerNotices({ workers }: ProjectResources): string[] {
  if (workers.length <= MAX_ACCOUNT_WORKERS) return [];
  return [
    `The project has ${workers.length} Workers, and an account may have ${MAX_ACCOUNT_WORKERS} unless Cloudflare raises it: ` +
      "docs/deploy.md says what to do.",
  ];
}

export type PlanHeader = { account: string; url: string; commit: string };
