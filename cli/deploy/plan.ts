// What a deploy would do: the project's wants against what the account holds. Pure: two descriptions in, a list
// of steps out, in the order in which they can be done, each with the wrangler command that does it.
import { isSigningKey } from "../../src/shapes/bindings.ts";
import { SIGNING_KEY } from "../project/bindings.ts";
import type { Present, PresentWorker } from "./present.ts";
import type { ProjectDatabase, ProjectResources, ProjectWorker } from "./resources.ts";

export interface Step {
  kind: "queue" | "bucket" | "database" | "migrations" | "worker" | "rule";
  action: "create" | "change";
  name: string;
  why: string;
  /** For wrangler. */
  args: string[];
  /** Names of the secrets that go along. */
  secrets: string[];
}

export interface Left {
  kind: "queue" | "worker";
  name: string;
  cost: string;
  /** The command that removes it. */
  remove: string;
}

export interface Plan {
  steps: Step[];
  /** Workers that are as they should be, with the reason when it is not "nothing changed". */
  unchanged: { name: string; why: string }[];
  /** Secrets that a Worker declares, nobody has set, and the environment does not hold. */
  missing: { name: string; workers: string[] }[];
  /** In the account, Weir's by name, and no longer asked for. */
  left: Left[];
  /** What a person should hear besides. */
  notices: string[];
}

export interface PlanOptions {
  /** Where the router is reached. */
  url: string;
  commit: string;
  /** Whether an image can be built here. */
  docker: boolean;
  /** Names of the secrets that the environment holds. */
  given: ReadonlySet<string>;
  /** With `--changed`: the versions that count as deployed; `deployed` takes those of the account. */
  changed?: "deployed" | Map<string, string>;
  /** Upload every Worker, changed or not. */
  force?: boolean;
}

/** Compares, and lists what is to be done. */
export function planOf(resources: ProjectResources, present: Present, options: PlanOptions): Plan {
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

/** Why a Worker is to be uploaded, or why not. The first reason that holds is told. */
function decide(
  worker: ProjectWorker,
  resources: ProjectResources,
  present: Present,
  options: PlanOptions,
): Decision {
  const now = present.workers.get(worker.name);
  if (!now) return { why: "not deployed yet" };
  if (options.force) return { why: "asked for by --force" };
  const unset = worker.secrets.filter((name) => !now.secrets.includes(name));
  if (unset.length > 0) return { why: `to be given ${unset.join(", ")}` };
  // A deploy that was cut off after the upload has yet to set these up.
  const unheard = worker.consumes.filter((it) => !present.queues.get(it)?.consumers.includes(worker.name));
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
        ? "what is there was not put there by weir deploy"
        : worker.role === "router"
          ? "its code, settings or registry of pipelines changed"
          : "its code or settings changed",
  };
}

const deployedVersion = (worker: ProjectWorker, now: PresentWorker, { changed }: PlanOptions) =>
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

function migrate({ name, config, migrations }: ProjectDatabase, present: Present): Step[] {
  const pending = migrations.filter((file) => !present.databases.get(name)?.applied.includes(file));
  if (pending.length === 0) return [];
  const args = ["d1", "migrations", "apply", name, "--remote", "-c", config];
  return [{ kind: "migrations", action: "change", name, why: pending.join(", "), args, secrets: [] }];
}

function deployWorker(
  worker: ProjectWorker,
  why: string,
  resources: ProjectResources,
  present: Present,
  { url, commit, docker, given }: PlanOptions,
): Step {
  const now = present.workers.get(worker.name);
  const isCompute = worker.role === "compute";
  // Without Docker the image stays as it is, and so does what is said of it.
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

/** What R2 tells of, by the names that wrangler takes. */
const EVENTS = {
  "object-create": ["PutObject", "CopyObject", "CompleteMultipartUpload"],
  "object-delete": ["DeleteObject", "LifecycleDeletion"],
};

/** R2 refuses rules that overlap, so a rule is made for just what no rule covers. */
function ruleSteps({ bucket, queue }: { bucket: string; queue: string }, present: Present): Step[] {
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
      why: `to hear of ${types.join(" and ")}`,
      args: ["r2", "bucket", "notification", "create", bucket, "--event-types", ...types, "--queue", queue],
      secrets: [],
    },
  ];
}

function missingSecrets(
  workers: ProjectWorker[],
  present: Present,
  given: ReadonlySet<string>,
): Plan["missing"] {
  const missing = workers.flatMap(({ name: worker, secrets }) =>
    secrets
      .filter((name) => !given.has(name) && !present.workers.get(worker)?.secrets.includes(name))
      // Of the derived keys, what they are derived from is what is missing.
      .map((name) => ({ name: isSigningKey(name) ? SIGNING_KEY : name, worker })),
  );
  return [...Map.groupBy(missing, ({ name }) => name)].map(([name, all]) => ({
    name,
    workers: all.map(({ worker }) => worker),
  }));
}

function leftBehind(resources: ProjectResources, present: Present): Left[] {
  const queues = [...present.queues].filter(
    ([name]) => name.startsWith("weir-") && !resources.queues.includes(name),
  );
  const workers = [...present.workers.keys()].filter(
    (name) => name.startsWith("weir-") && !resources.workers.some((worker) => worker.name === name),
  );
  return [
    ...queues.map(
      ([name, { consumers }]): Left => ({
        kind: "queue",
        name,
        cost:
          consumers.length > 0
            ? `consumed by ${consumers.join(", ")}, which goes on`
            : "no consumer: what is sent to it is billed and expires unread",
        remove: `npx wrangler queues delete ${name}`,
      }),
    ),
    ...workers.map(
      (name): Left => ({
        kind: "worker",
        name,
        cost: "nothing while nobody calls it; it keeps its bindings and secrets",
        remove: `npx wrangler delete --name ${name}`,
      }),
    ),
  ];
}

function noticesOf(resources: ProjectResources, present: Present, { docker }: PlanOptions): string[] {
  const compute = resources.workers.find(({ role }) => role === "compute");
  const image = compute && present.workers.get(compute.name)?.image;
  if (docker || image === resources.image) return [];
  return [
    `THE COMPUTE CONTAINER IS NOT DEPLOYED: there is no Docker here to build its image. ${
      image
        ? "The one that is deployed is older than this tree."
        : "Pipelines that use video, images or models fail."
    } Deploy from where Docker runs, as .github/workflows/deploy.yml does.`,
  ];
}

export type PlanHeader = { account: string; url: string; commit: string };
