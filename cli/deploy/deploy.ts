// `weir deploy`: check the project, read the account, plan, and do it step by step with wrangler. Nothing is kept
// of a run that fails: the next one reads the account again and goes on with what is still to be done.
import { spawnSync } from "node:child_process";
import { z } from "zod";
import { workerName } from "../../src/shapes/bindings.ts";
import { drifted, generate } from "../generate/generate.ts";
import { commitOf } from "../git/git.ts";
import { versionsAt } from "../git/versions-at.ts";
import { untilInterrupted } from "../io/interrupt.ts";
import { CliError, good, note, print, printJson } from "../io/output.ts";
import { signingKeys } from "../project/bindings.ts";
import { loadProject, type Project } from "../project/project.ts";
import { validate } from "../project/validate.ts";
import { isLocal, settingsOf } from "../settings/settings.ts";
import { type Cloudflare, openCloudflare } from "./cloudflare.ts";
import { COMPUTE_CONFIG, stageImage } from "./image.ts";
import { lastMile } from "./last-mile.ts";
import { type Plan, type PlanHeader, planOf, type Step } from "./plan.ts";
import { presentOf } from "./present.ts";
import { configsOf, type ProjectResources, resourcesOf } from "./resources.ts";
import { type Secrets, secretsOf } from "./secrets.ts";
import { planText, stepText } from "./show.ts";
import { type Done, doSteps } from "./steps.ts";
import { runWrangler } from "./wrangler.ts";
import { readConfig } from "./wrangler-config.ts";

export interface DeployOptions {
  root: string;
  env: NodeJS.ProcessEnv;
  /** Print what would be done, and stop. */
  plan?: boolean;
  /** Leave pipelines whose version is deployed; a revision compares with the versions of that commit instead. */
  changed?: string | true;
  force?: boolean;
  json?: boolean;
  /** Where the router is reached; default: WEIR_URL, a profile, or its workers.dev address. */
  url?: string;
  /** Whether what is stale after it is replayed; a person at a terminal is asked. */
  replay?: boolean;
  secretsFile?: string;
}

/** Deploys a project, or plans to. Throws a {@link CliError} when something is in the way or fails. */
export async function deploy(options: DeployOptions): Promise<void> {
  await inOrder(options.root);
  const project = loadProject(options.root);
  const declared = [...new Set(configsOf(project).flatMap(({ config }) => config.secrets?.required ?? []))];
  const secrets = secretsOf(declared, options.env, options.secretsFile, (root) =>
    signingKeys(project.connections, root),
  );
  try {
    await planAndDo(options, project, declared, secrets);
  } catch (error) {
    // Whatever an answer of the API may have repeated.
    if (!(error instanceof CliError)) throw error;
    throw new CliError(secrets.redact(error.message), error.problems, error.code);
  }
}

async function planAndDo(
  options: DeployOptions,
  project: Project,
  declared: string[],
  secrets: Secrets,
): Promise<void> {
  const { root, env } = options;
  const cloudflare = await openCloudflare(env, root);
  const url = await urlOf(options, cloudflare);
  const resources = await resourcesOf(project, url);
  const commit = commitOf(root);
  const docker = hasDocker(env);
  const present = await presentOf(cloudflare, resources);
  const changed = changedSince(root, options.changed);
  const plan = planOf(resources, present, {
    ...{ url, commit, docker, given: secrets.given },
    ...(changed === undefined ? {} : { changed }),
    ...(options.force === undefined ? {} : { force: options.force }),
  });
  const header = { account: cloudflare.account, url, commit, ...planJson(plan) };
  if (options.plan) {
    if (options.json) printJson({ ok: plan.missing.length === 0, ...header });
    else print(planText(plan, header));
    return;
  }
  if (!options.json) for (const line of planText(plan, header).split("\n")) note(line);
  refuseMissing(plan, options, header);

  const wrangler = {
    ...{ root, env, account: cloudflare.account, token: cloudflare.token },
    ...{ hidden: declared, redact: secrets.redact },
  };
  const finish = async (done: Step[]) => {
    const versions = versionsOf(resources);
    const key = settingsOf(root, env, { url }).key?.value ?? secrets.pick(["WEIR_API_KEY"]).WEIR_API_KEY;
    const last = await lastMile(options, { url, key, versions });
    if (options.json) printJson({ ok: !last.failed, ...header, done: done.map(brief), ...last.answer });
    if (last.failed) throw last.failed;
  };
  await untilInterrupted(async (interrupted) => {
    void interrupted.then(() =>
      note("interrupted: the step under way ends; run `weir deploy` again to go on"),
    );
    const run = (step: Step) => {
      note(`  ${stepText(step)} …`);
      return runWrangler(wrangler, argsOf(step, root), secrets.pick(step.secrets));
    };
    const result = await doSteps(plan.steps, run, interrupted);
    report(plan, header, result, options.json === true);
    if (result.done.length === plan.steps.length) await finish(result.done);
    else if (options.json) printJson({ ok: false, ...header, done: result.done.map(brief) });
  });
}

/** A step's arguments; compute is built from a folder that has the project's models in it. */
const argsOf = ({ args }: Step, root: string) =>
  args.map((arg) => (arg.endsWith(COMPUTE_CONFIG) ? stageImage(root) : arg));

/** alias → version, as the router that is deployed with them names them. */
const versionsOf = ({ workers }: ProjectResources) =>
  new Map(
    workers.flatMap(({ alias, version }) =>
      alias === undefined || version === undefined ? [] : [[alias, version] as const],
    ),
  );

function report(plan: Plan, header: PlanHeader, { done, failed }: Done, json: boolean): void {
  if (!failed) {
    if (done.length < plan.steps.length) return;
    const all = `${done.length} steps; Weir is at ${header.url}`;
    good(done.length === 0 ? `nothing to do: ${header.url} is up to date` : all);
    return;
  }
  const { step, said } = failed;
  if (json)
    printJson({
      ok: false,
      ...header,
      done: done.map(brief),
      failed: { kind: step.kind, name: step.name, said },
    });
  throw new CliError(
    `${stepText(step)} failed, after ${done.length} of ${plan.steps.length} steps:\n${said}\n` +
      "What was done stays. Run `weir deploy` again when the cause is gone: it goes on from here.",
  );
}

const brief = ({ kind, action, name, why }: Omit<Step, "secrets">) => ({ kind, action, name, why });

const planJson = ({ steps, ...rest }: Plan) => ({
  steps: steps.map(({ secrets, ...step }) => ({
    ...brief(step),
    ...(secrets.length > 0 ? { secrets } : {}),
  })),
  unchanged: rest.unchanged,
  missing_secrets: rest.missing,
  left_behind: rest.left,
  notices: rest.notices,
});

/** What is deployed is what was validated and generated: a deploy repairs neither. */
async function inOrder(root: string): Promise<void> {
  const { problems } = validate(root);
  if (problems.length > 0) throw new CliError("nothing was deployed: the project has problems", problems);
  const stale = drifted(root, await generate(root)).filter((name) => !name.startsWith("workers/local/"));
  if (stale.length === 0) return;
  throw new CliError(
    `nothing was deployed: ${stale.join(", ")} differ from what would be generated; run \`weir generate\` and commit`,
  );
}

async function urlOf({ root, env, url }: DeployOptions, cloudflare: Cloudflare): Promise<string> {
  const set = settingsOf(root, env, url === undefined ? {} : { url });
  if (!isLocal(set.url.value)) return set.url.value;
  if (url !== undefined || env.WEIR_URL) {
    throw new CliError(
      `${set.url.value} (${set.url.from}) is this machine: give the URL that the world sees`,
      [],
      2,
    );
  }
  const found = await cloudflare.get("workers/subdomain", z.object({ subdomain: z.string() }));
  if (found) return `https://${readConfig(root, "wrangler.toml").name}.${found.subdomain}.workers.dev`;
  throw new CliError(
    "the account has no workers.dev subdomain: say where the router is reached with --url",
    [],
    2,
  );
}

function changedSince(
  root: string,
  changed: string | true | undefined,
): "deployed" | Map<string, string> | undefined {
  if (changed === undefined) return undefined;
  if (changed === true) return "deployed";
  const versions = versionsAt(root, changed);
  if (versions) return new Map([...versions].map(([alias, version]) => [workerName(alias), version]));
  throw new CliError(`--changed ${changed}: git has no registry of pipelines at that revision`, [], 2);
}

/** Whether a Docker daemon answers; wrangler builds compute's image with it. */
function hasDocker(env: NodeJS.ProcessEnv): boolean {
  const { status } = spawnSync(env.WRANGLER_DOCKER_BIN ?? "docker", ["info"], {
    stdio: "ignore",
    timeout: 10_000,
  });
  return status === 0;
}

function refuseMissing(plan: Plan, { json }: DeployOptions, header: object): void {
  if (plan.missing.length === 0) return;
  if (json) printJson({ ok: false, ...header, done: [] });
  const names = plan.missing.map(({ name, workers }) => `  ${name}  for ${workers.join(", ")}`).join("\n");
  throw new CliError(
    `nothing was deployed: these secrets have no value:\n${names}\n` +
      "Set them in the environment, or as NAME=value lines of a file, and give it with --secrets-file.",
  );
}
