// Command `weir deploy`: checks the project, reads the account, plans, and runs the steps of the plan with wrangler. A
// failed deploy leaves no state: the next one reads the account again and does the steps that are left.

import { spawnSync } from "node:child_process";
import { z } from "zod";
import { writePage } from "../../scripts/page.mjs";
import { workerName } from "../../src/shapes/bindings.ts";
import { drifted, generate } from "../generate/generate.ts";
import { commitOf } from "../git/git.ts";
import { versionsAt } from "../git/versions-at.ts";
import { untilInterrupted } from "../io/interrupt.ts";
import { CliError, good, note, print, printJson } from "../io/output.ts";
import { absentModels, absentText } from "../operate/absent-models.ts";
import { loadProject, type Project } from "../project/project.ts";
import { connectionSecrets, SIGNING_KEY, secretNames, signingKeys } from "../project/secret-names.ts";
import { requireValid } from "../project/validate.ts";
import { isLocal, settingsOf } from "../settings/settings.ts";
import { type Cloudflare, openCloudflare } from "./cloudflare.ts";
import { imageAddress, REGISTRY, stageCompute, stageImage } from "./image.ts";
import { lastMile } from "./last-mile.ts";
import { paceOf } from "./pace.ts";
import { type Plan, type PlanHeader, planOf } from "./plan.ts";
import { readAccount } from "./present.ts";
import { type ProjectResources, resourcesOf, workerConfigsOf } from "./resources.ts";
import { runStep } from "./run-step.ts";
import { type DeploySecrets, secretsOf } from "./secrets.ts";
import { refuseFewerShards } from "./shards.ts";
import { planText, stepText } from "./show.ts";
import type { Step } from "./step.ts";
import { doSteps, type StepsResult } from "./steps.ts";
import { openDoorsOf, readConfig } from "./wrangler-config.ts";

export interface DeployOptions {
  root: string;
  env: NodeJS.ProcessEnv;
  /** Print what would be done, and stop. */
  plan?: boolean;
  /** Skip pipelines whose version is deployed, or, with a revision, is the version at that commit. */
  changed?: string | true;
  force?: boolean;
  json?: boolean;
  /** Public URL of the router; default: WEIR_URL, a profile, or its workers.dev address. */
  url?: string;
  /** Whether stale items are replayed afterwards; default: ask at a terminal. */
  replay?: boolean;
  secretsFile?: string;
}

/** Deploys the project in a folder, or prints the plan. @throws CliError */
export async function deploy(options: DeployOptions): Promise<void> {
  await deployProject(options, loadProject(options.root));
}

/** Deploys a project that has been read, as {@link deploy} does. */
export async function deployProject(options: DeployOptions, project: Project): Promise<void> {
  await requireReady(project);
  await writePage();
  const declared = [
    ...new Set([
      ...workerConfigsOf(project).flatMap(({ config }) => config.secrets?.required ?? []),
      ...secretNames(project.connections),
    ]),
  ];
  const secrets = secretsOf(declared, options.env, options.secretsFile, (readValue) => ({
    ...signingKeys(project.connections, readValue(SIGNING_KEY)),
    ...connectionSecrets(project.connections, readValue),
  }));
  try {
    await planAndDo(options, project, declared, secrets);
  } catch (error) {
    // An answer of the API may repeat a secret.
    if (!(error instanceof CliError)) throw error;
    throw new CliError(secrets.redact(error.message), error.problems, error.code);
  }
}

async function planAndDo(
  options: DeployOptions,
  project: Project,
  declared: string[],
  secrets: DeploySecrets,
): Promise<void> {
  const { root, env } = options;
  const pace = paceOf((seconds) => note(`  waiting ${seconds} s for the limit of the Cloudflare API …`));
  const cloudflare = await openCloudflare(env, root, pace);
  const url = await urlOf(options, cloudflare);
  const resources = await resourcesOf(project, url);
  const commit = commitOf(root);
  const docker = hasDocker(env);
  const present = await readAccount(cloudflare, resources);
  refuseFewerShards(project.connections, present.databases);
  const changed = changedSince(root, options.changed);
  const plan = planOf(resources, present, {
    ...{ url, commit, docker, given: secrets.given },
    ...(changed === undefined ? {} : { changed }),
    ...(options.force === undefined ? {} : { force: options.force }),
  });
  const key = settingsOf(root, env, { url }).key?.value ?? secrets.pick(["WEIR_API_KEY"]).WEIR_API_KEY;
  if (present.workers.size > 0) plan.notices.push(...(await modelNotices(project, url, key)));
  const header = { account: cloudflare.account, url, commit, ...planJson(plan) };
  if (options.plan) {
    if (options.json) printJson({ ok: plan.missing.length === 0, ...header });
    else print(planText(plan, header));
    return;
  }
  if (!options.json) for (const line of planText(plan, header).split("\n")) note(line);
  refuseMissing(plan, options, header);
  await prepareCompute(plan, resources, root, cloudflare);

  const wrangler = {
    ...{ root, env, account: cloudflare.account, token: cloudflare.token },
    ...{ hidden: declared, redact: secrets.redact },
  };
  const finish = async (done: Step[]) => {
    const versions = versionsOf(resources);
    const last = await lastMile(options, { url, key, versions });
    if (options.json) printJson({ ok: !last.failed, ...header, done: done.map(stepJson), ...last.answer });
    if (last.failed) throw last.failed;
  };
  await untilInterrupted(async (interrupted) => {
    void interrupted.then(() =>
      note("Interrupted. The step under way will end; run `weir deploy` again to go on."),
    );
    const run = (step: Step) => runStep(step, wrangler, secrets.pick(step.secrets), pace);
    const result = await doSteps(plan.steps, run, interrupted);
    report(plan, header, result, options.json === true);
    if (result.done.length === plan.steps.length) await finish(result.done);
    else if (options.json) printJson({ ok: false, ...header, done: result.done.map(stepJson) });
  });
}

/**
 * Lays out what compute is built and deployed from, and makes sure that its image can be pushed: wrangler finds out only
 * after it has built it. @throws CliError (exit code 3)
 */
async function prepareCompute(
  { steps }: Plan,
  { image, compute }: ProjectResources,
  root: string,
  cloudflare: Cloudflare,
): Promise<void> {
  stageCompute(root, imageAddress(cloudflare.account, image), compute);
  if (!steps.some(({ kind }) => kind === "image")) return;
  stageImage(root);
  const credentials = { expiration_minutes: 1, permissions: ["push", "pull"] };
  await cloudflare.ask(`containers/registries/${REGISTRY}/credentials`, credentials);
}

/** Models that go away while the deployed Weir has vectors of them. */
async function modelNotices(project: Project, url: string, key: string | undefined): Promise<string[]> {
  const absent = await absentModels(project, { url, key });
  if (!absent.isReached) return [`It is unknown whether models of stored vectors go away: ${absent.why}`];
  return absent.models.map(absentText).map(({ problem, next }) => `${problem} ${next}`);
}

/** Deployed versions: alias → version. */
const versionsOf = ({ workers }: ProjectResources) =>
  new Map(
    workers.flatMap(({ alias, version }) =>
      alias === undefined || version === undefined ? [] : [[alias, version] as const],
    ),
  );

function report(plan: Plan, header: PlanHeader, { done, failed }: StepsResult, json: boolean): void {
  if (!failed) {
    if (done.length < plan.steps.length) return;
    const all = `Did ${done.length} steps. Weir is at ${header.url}`;
    good(done.length === 0 ? `Nothing to do: ${header.url} is up to date.` : all);
    return;
  }
  const { step, said } = failed;
  if (json)
    printJson({
      ok: false,
      ...header,
      done: done.map(stepJson),
      failed: { kind: step.kind, name: step.name, said },
    });
  throw new CliError(
    `A step failed after ${done.length} of ${plan.steps.length}: ${stepText(step)}.\n${said}\n` +
      "Finished steps stay. Run `weir deploy` again when the cause is gone: it goes on from here.",
  );
}

const stepJson = ({ kind, action, name, why }: Omit<Step, "secrets">) => ({ kind, action, name, why });

const planJson = ({ steps, ...rest }: Plan) => ({
  steps: steps.map(({ secrets, ...step }) => ({
    ...stepJson(step),
    ...(secrets.length > 0 ? { secrets } : {}),
  })),
  unchanged: rest.unchanged,
  missing_secrets: rest.missing,
  left_behind: rest.left,
  notices: rest.notices,
  api_calls: rest.calls,
});

/** Refuses a project with problems or outdated generated files: a deploy repairs neither. @throws CliError */
async function requireReady(project: Project): Promise<void> {
  requireValid(project, "Nothing was deployed");
  for (const { role, path, config } of workerConfigsOf(project)) {
    const [line] = openDoorsOf(config, role === "router");
    if (line !== undefined)
      throw new CliError(`Nothing was deployed: ${path} must say \`${line}\`, before its first table.`);
  }
  const stale = drifted(project.root, await generate(project)).filter(
    (name) => !name.startsWith("workers/local/"),
  );
  if (stale.length === 0) return;
  throw new CliError(
    `Nothing was deployed: ${stale.join(", ")} are out of date. Run \`weir generate\` and commit.`,
  );
}

async function urlOf({ root, env, url }: DeployOptions, cloudflare: Cloudflare): Promise<string> {
  const set = settingsOf(root, env, url === undefined ? {} : { url });
  if (!isLocal(set.url.value)) return set.url.value;
  if (url !== undefined || env.WEIR_URL) {
    throw new CliError(
      `${set.url.value} (${set.url.from}) is on this machine. Give the public URL of the router with --url.`,
      [],
      2,
    );
  }
  const found = await cloudflare.get("workers/subdomain", z.object({ subdomain: z.string() }));
  if (found) return `https://${readConfig(root, "wrangler.toml").name}.${found.subdomain}.workers.dev`;
  throw new CliError(
    "The account has no workers.dev subdomain. Give the public URL of the router with --url.",
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
  throw new CliError(`git has no registry of pipelines at the revision ${changed} of --changed.`, [], 2);
}

/** Whether a Docker daemon answers, which wrangler needs to build compute's image. */
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
    `Nothing was deployed. These secrets have no value:\n${names}\n` +
      "Set them in the environment, or as NAME=value lines of a file given with --secrets-file.",
  );
}
