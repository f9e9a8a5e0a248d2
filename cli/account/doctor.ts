// Command `weir doctor`: checks Node, the project, the running Weir and the Cloudflare account, with advice for every
// fault. Changes nothing. A check that cannot be done (no account, no running Weir) is reported, and is no failure.

import { existsSync, statSync } from "node:fs";
import { z } from "zod";
import { archiveSchema } from "../../src/http/operate/answers.ts";
import { MEANING_NEXT, type Models, seesLooksAlone } from "../../src/shapes/model.ts";
import { fetchNamed } from "../../src/shapes/user-agent.ts";
import { openCloudflare } from "../deploy/cloudflare.ts";
import { type AccountState, readAccount } from "../deploy/present.ts";
import { type ProjectWorker, resourcesOf } from "../deploy/resources.ts";
import { drifted, generate } from "../generate/generate.ts";
import { versionOf } from "../generate/version.ts";
import { bad, CliError, good, note, print, printJson } from "../io/output.ts";
import { isFree } from "../io/ports.ts";
import { moveText } from "../operate/archive.ts";
import { doubtPins } from "../project/check.ts";
import { loadProject, type Project } from "../project/project.ts";
import { validate } from "../project/validate.ts";
import { profilesPath, settingsOf } from "../settings/settings.ts";

export interface DoctorOptions {
  root: string;
  env: NodeJS.ProcessEnv;
  json?: boolean;
}

export interface Finding {
  check: string;
  /** `unknown`: the check could not be done. */
  state: "ok" | "bad" | "unknown";
  said: string;
  next?: string;
}

/** Runs every check and prints the findings. @throws CliError (exit code 1) where one is bad */
export async function doctor(options: DoctorOptions): Promise<void> {
  const { root, env } = options;
  const project = loadProject(root);
  const findings = [
    nodeFinding(process.versions.node),
    ...(await localFindings(project)),
    ...meaningFindings(project.definitions),
    ...profileFindings(profilesPath(env)),
    ...pinFindings(project),
    ...(await deployedFindings(project, env)),
    ...(await accountFindings(project, env)),
  ];
  const ill = findings.filter(({ state }) => state === "bad");
  if (options.json) printJson({ ok: ill.length === 0, findings });
  else for (const finding of findings) printFinding(finding);
  if (ill.length > 0) throw new CliError(`${ill.length} of ${findings.length} checks found a fault.`);
}

function printFinding({ check, state, said, next }: Finding): void {
  const mark = state === "ok" ? good : state === "bad" ? bad : note;
  mark(state === "unknown" ? `? ${check}: ${said}` : `${check}: ${said}`);
  if (next !== undefined) print(`    ${next}`);
}

const NODE = [22, 18] as const;

/** Checks whether a version of Node can run TypeScript files. */
export function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const enough = major > NODE[0] || (major === NODE[0] && minor >= NODE[1]);
  return enough
    ? { check: "Node", state: "ok", said: version }
    : {
        check: "Node",
        state: "bad",
        said: version,
        next: `Use Node ${NODE.join(".")} or newer; \`npm ci\` installs one.`,
      };
}

async function localFindings(project: Project): Promise<Finding[]> {
  const { problems } = validate(project);
  const stale = problems.length > 0 ? [] : drifted(project.root, await generate(project));
  const free = await isFree(8787);
  return [
    finding("project", problems.length === 0, "in order", `${problems.length} problems`, "weir validate"),
    finding("generated files", stale.length === 0, "up to date", stale.join(", "), "weir generate"),
    // The port is rightly taken while `weir dev` runs.
    {
      check: "port 8787",
      state: free ? "ok" : "unknown",
      said: free ? "free" : "taken, by `weir dev` perhaps",
    },
  ];
}

const finding = (check: string, ok: boolean, said: string, ill: string, next: string): Finding =>
  ok ? { check, state: "ok", said } : { check, state: "bad", said: ill, next };

/** Says where no model tells what pictures mean. That is no fault, but people wonder. */
export function meaningFindings(models: Models): Finding[] {
  if (!seesLooksAlone(models)) return [];
  const said = "pictures and film are compared by how they look, not by what they mean";
  return [{ check: "models", state: "ok", said, next: MEANING_NEXT }];
}

/** Checks that only the owner can read the profiles, which hold keys. Windows has no such modes. */
function profileFindings(path: string): Finding[] {
  if (process.platform === "win32" || !existsSync(path)) return [];
  const isPrivate = (statSync(path).mode & 0o077) === 0;
  return [
    finding(
      "profiles",
      isPrivate,
      "only yours to read",
      `${path} can be read by others`,
      `chmod 600 ${path}`,
    ),
  ];
}

/** Reports pinned keys, which must be rotated by hand. */
function pinFindings(project: Project): Finding[] {
  return doubtPins(project).map(({ problem, next }) => ({
    check: "pinned keys",
    state: "bad",
    said: problem,
    ...(next === undefined ? {} : { next }),
  }));
}

const served = z.object({ data: z.array(z.object({ alias: z.string(), version: z.string() })) });

/** Compares the versions that the running Weir serves with those of this tree. */
async function deployedFindings(project: Project, env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const { url, key } = settingsOf(project.root, env);
  const headers = key ? { authorization: `Bearer ${key.value}` } : {};
  const signal = AbortSignal.timeout(5_000);
  const answer = await fetchNamed(`${url.value}/v1/pipelines`, { headers, signal }).catch(() => undefined);
  const check = `Weir at ${url.value}`;
  if (answer?.status === 401 || answer?.status === 403) {
    const said = answer.status === 401 ? "does not accept the API key" : "the API key lacks the scope read";
    return [{ check, state: "bad", said, next: "`weir whoami` prints where the key comes from." }];
  }
  const parsed = answer?.ok ? served.safeParse(await answer.json()) : undefined;
  if (!parsed?.success) return [{ check, state: "unknown", said: "not reached" }];
  const there = new Map(parsed.data.data.map(({ alias, version }) => [alias, version]));
  const findings: Finding[] = [{ check, state: "ok", said: `${there.size} pipelines` }];
  const metrics = await fetchNamed(`${url.value}/metrics`, { headers, signal }).catch(() => undefined);
  findings.push(ledgerFinding(metrics?.ok ? await metrics.text() : ""));
  findings.push(...(await movingFindings(`${url.value}/v1/archive`, headers)));
  for (const pipeline of project.pipelines) {
    const version = await versionOf(project, pipeline);
    const now = there.get(pipeline.name);
    const said = now === undefined ? "not deployed" : `serves version ${now}, this tree is ${version}`;
    findings.push(
      finding(`pipeline ${pipeline.name}`, now === version, `version ${version}`, said, "weir deploy"),
    );
  }
  return findings;
}

/** Share of a shard of the ledger from which on it is time to have more shards; from 95 % on it sheds. */
const FULL_WARNED_SHARE = 0.7;

/** Warns of a ledger that fills up, by what `/metrics` says of its fullest shard. */
export function ledgerFinding(metrics: string): Finding {
  const check = "ledger";
  const value = /^weir_ledger_fullest_shard_ratio (\S+)$/m.exec(metrics)?.[1];
  if (value === undefined) return { check, state: "unknown", said: "its size was not to be had" };
  const share = Number(value);
  return finding(
    check,
    share < FULL_WARNED_SHARE,
    `its fullest shard is ${(share * 100).toFixed(0)} % full`,
    `its fullest shard is ${(share * 100).toFixed(0)} % full`,
    'weir ledger grow NUMBER (docs/operations.md, "More shards for the ledger")',
  );
}

const archived = archiveSchema.pick({ moving: true });

/** Says how far the move of the ledger of the release before has come, while one is under way. */
async function movingFindings(url: string, headers: Record<string, string>): Promise<Finding[]> {
  const signal = AbortSignal.timeout(5_000);
  const answer = await fetchNamed(url, { headers, signal }).catch(() => undefined);
  const parsed = answer?.ok ? archived.safeParse(await answer.json()) : undefined;
  const moving = parsed?.data?.moving;
  return moving ? [{ check: "ledger", state: "ok", said: moveText(moving) }] : [];
}

async function accountFindings(project: Project, env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const check = "Cloudflare account";
  if (!env.CLOUDFLARE_API_TOKEN)
    return [{ check, state: "unknown", said: "CLOUDFLARE_API_TOKEN is not set" }];
  try {
    const cloudflare = await openCloudflare(env, project.root);
    const resources = await resourcesOf(project, settingsOf(project.root, env).url.value);
    const present = await readAccount(cloudflare, resources);
    return [
      { check, state: "ok", said: cloudflare.account },
      ...resources.workers.flatMap(({ name, secrets }) => secretFindings(name, secrets, present)),
      ...queueFindings(resources.workers, present),
    ];
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return [{ check, state: "bad", said: error.message }];
  }
}

function secretFindings(worker: string, secrets: string[], present: AccountState): Finding[] {
  const now = present.workers.get(worker);
  if (!now) return [{ check: `Worker ${worker}`, state: "bad", said: "not deployed", next: "weir deploy" }];
  const missing = secrets.filter((name) => !now.secrets.includes(name));
  return missing.map((name) => ({
    check: `Worker ${worker}`,
    state: "bad",
    said: `its secret ${name} is not set`,
    next: `npx wrangler secret put ${name} --name ${worker}`,
  }));
}

/** Finds queues without their consumer: their messages wait until they expire. */
function queueFindings(workers: ProjectWorker[], present: AccountState): Finding[] {
  return workers.flatMap(({ name, consumes }) =>
    consumes
      .filter((queue) => !present.queues.get(queue)?.consumers.includes(name))
      .map((queue): Finding => {
        const said = present.queues.has(queue) ? `is not consumed by ${name}` : "is not there";
        return { check: `queue ${queue}`, state: "bad", said, next: "weir deploy" };
      }),
  );
}
