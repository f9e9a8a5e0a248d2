// `weir rollback ALIAS [VERSION]`: a pipeline as it was at an earlier version. Git is the truth of what runs, so that
// its folder, and only it, is taken from the commit that had the version; then it is deployed like any change. What
// that does to items is said before anything is done.
import { spawnSync } from "node:child_process";
import { deploy } from "../deploy/deploy.ts";
import { replayCommand } from "../deploy/stale.ts";
import { generate, write } from "../generate/generate.ts";
import { versionOf } from "../generate/version.ts";
import { gitIn } from "../git/git.ts";
import { versionsInGit, type Was } from "../git/history.ts";
import { ask, canAsk } from "../io/ask.ts";
import { CliError, good, note, print, printJson } from "../io/output.ts";
import { openClient, type Version } from "../operate/client.ts";
import { counted } from "../operate/replay-text.ts";
import { loadProject, type Pipeline, type Project } from "../project/project.ts";
import { validate } from "../project/validate.ts";
import { whatDiffers } from "./rollback-differs.ts";

export interface RollbackOptions {
  root: string;
  env: NodeJS.ProcessEnv;
  alias: string;
  /** Its first digits will do; default: the one before the present one. */
  version?: string;
  /** Say what would be done, and stop. */
  plan?: boolean;
  yes?: boolean;
  commit?: boolean;
  deploy?: boolean;
  replay?: boolean;
  url?: string;
  secretsFile?: string;
  json?: boolean;
}

interface Rollback {
  pipeline: Pipeline;
  from: string;
  to: Was;
  files: string[];
  items: Items;
}

/** How much is stored of both versions; unknown where Weir could not say. */
type Items = { asked: true; stale: Count; current: Count } | { asked: false; why: string };
type Count = { objects: number; items: number };

/** @throws CliError where there is no such version, the folder holds changes, or the version cannot be had again. */
export async function rollback(options: RollbackOptions): Promise<void> {
  const { root, alias, json } = options;
  const rolled = await planned(options);
  const answer = answerOf(alias, rolled);
  const text = planText(alias, rolled, options.deploy !== false);
  if (json) note(text);
  else print(text);
  if (options.plan) return json ? printJson({ ok: true, ...answer }) : undefined;
  await agreed(options);
  await restore(root, rolled);
  for (const name of write(root, await generate(root))) note(`wrote ${name}`);
  const commit = options.commit ? committed(root, alias, rolled) : null;
  good(`${alias} is at version ${rolled.to.version} again in this tree`);
  if (commit === null)
    note("commit and push it: the next deploy from git would bring the other version back");
  if (options.deploy !== false) {
    const { env, replay, url, secretsFile } = options;
    const given = Object.entries({ replay, url, secretsFile }).filter(([, value]) => value !== undefined);
    await deploy({ root, env, changed: true, ...Object.fromEntries(given) });
  }
  if (json) printJson({ ok: true, ...answer, rollback_commit: commit, deployed: options.deploy !== false });
}

async function planned({ root, alias, version, url }: RollbackOptions): Promise<Rollback> {
  const { problems } = validate(root);
  if (problems.length > 0) throw new CliError("nothing was rolled back: the project has problems", problems);
  const project = loadProject(root);
  const pipeline = project.pipelines.find(({ name }) => name === alias);
  if (!pipeline) throw new CliError(`there is no pipeline ${alias} in this tree`, [], 4);
  const git = gitIn(root);
  const changes = git("status", "--porcelain", "--", pipeline.folder);
  if (changes === undefined)
    throw new CliError("this folder is not in git, so nothing earlier is known of it");
  if (changes !== "") {
    throw new CliError(
      `${pipeline.folder} holds changes that are in no commit, and would be lost: commit or stash them\n${changes}`,
    );
  }
  const from = await versionOf(project, pipeline);
  const to = chosen(root, alias, from, version);
  const files = git("diff", "--name-only", "--relative", to.commit, "--", pipeline.folder) ?? "";
  return {
    pipeline,
    from,
    to,
    files: files.split("\n").filter(Boolean),
    items: await itemsOf(root, alias, to, url),
  };
}

/** The version that is meant, and the newest commit that has it. */
function chosen(root: string, alias: string, from: string, version: string | undefined): Was {
  const known: Was[] = [];
  for (const was of versionsInGit(root, alias)) {
    if (was.version === from) continue;
    if (version === undefined) return was;
    known.push(was);
  }
  if (version !== undefined && from.startsWith(version)) {
    throw new CliError(`${alias} is at version ${from} in this tree already`, [], 2);
  }
  const found = known.filter((was) => version !== undefined && was.version.startsWith(version));
  if (found[0] && found.length === 1) return found[0];
  const which = found.length > 1 ? `several versions of ${alias} begin with ${version}` : undefined;
  const list = (found.length > 1 ? found : known).slice(0, 10).map(wasText).join("\n");
  const none =
    version === undefined
      ? `${alias} has had no other version in git`
      : `no version ${version} of ${alias} in git`;
  throw new CliError([which ?? none, list].filter(Boolean).join("\n"), [], which ? 2 : 4);
}

const wasText = ({ version, commit, at, subject }: Was) =>
  `  ${version}  ${commit.slice(0, 9)}  ${at}  ${subject}`;

async function itemsOf(root: string, alias: string, to: Was, url?: string): Promise<Items> {
  try {
    const client = openClient(root, url === undefined ? {} : { url });
    const { data } = await client.get<{ data: Version[] }>(
      `/v1/pipelines/${encodeURIComponent(alias)}/versions`,
    );
    const current = data.find(({ version }) => version === to.version);
    const others = data.filter(({ version }) => version !== to.version);
    const sum = (of: keyof Count) => others.reduce((all, one) => all + one[of], 0);
    return {
      asked: true,
      stale: { objects: sum("objects"), items: sum("items") },
      current: { objects: current?.objects ?? 0, items: current?.items ?? 0 },
    };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { asked: false, why: error.message };
  }
}

function planText(alias: string, { pipeline, from, to, files, items }: Rollback, deploys: boolean): string {
  const count = ({ objects, items }: Count) => `${counted(items, "item")} of ${counted(objects, "object")}`;
  return [
    `${alias}: version ${from} → ${to.version}`,
    `  as at     ${to.commit.slice(0, 9)} of ${to.at}: ${to.subject}`,
    ...files.map((file, at) => `  ${at === 0 ? "files   " : "        "}  ${file}`),
    ...(items.asked
      ? [
          `  items     ${count(items.stale)} were made by other versions: they stay as they are, and are stale`,
          `            ${count(items.current)} were made by ${to.version}: they are current again`,
          ...(items.stale.objects > 0 ? [`  anew by   ${replayCommand([alias])}`] : []),
        ]
      : [`  items     what they were made by is not known: ${items.why}`]),
    `  then      ${deploys ? "weir deploy --changed" : `nothing is deployed; \`weir dev\` takes ${pipeline.folder} up at once`}`,
  ].join("\n");
}

const answerOf = (alias: string, { from, to, files, items }: Rollback) => ({
  ...{ alias, from, to: to.version, commit: to.commit, subject: to.subject, files, items },
});

async function agreed({ yes }: RollbackOptions): Promise<void> {
  if (yes) return;
  if (!canAsk())
    throw new CliError("nothing was done: nobody is here to be asked; say --yes, or --plan", [], 2);
  if (!(await ask("Do it?"))) throw new CliError("nothing was done");
}

/** Takes the folder from the commit, and back again where that is not the version. */
async function restore(root: string, { pipeline, to }: Rollback): Promise<void> {
  const from = (commit: string) => {
    const args = ["restore", `--source=${commit}`, "--staged", "--worktree", "--", pipeline.folder];
    const { status, stderr } = spawnSync("git", args, { cwd: root, encoding: "utf8" });
    if (status !== 0) throw new CliError(`git could not restore ${pipeline.folder}: ${stderr.trim()}`);
  };
  from(to.commit);
  const project = loadProject(root);
  const again = await versionIn(project, pipeline.name);
  if (again.version === to.version) return;
  const differs = await whatDiffers(project, pipeline.name, to.commit);
  from("HEAD");
  throw new CliError(
    `nothing was changed: with ${pipeline.folder} as at ${to.commit.slice(0, 9)} the version would be ` +
      `${again.version ?? `none (${again.why})`}, not ${to.version}, because these are not as they were then:\n` +
      `${differs.map((one) => `  ${one}`).join("\n")}\n` +
      "Restore them as well, which changes other pipelines too, or deploy that commit as a whole.",
  );
}

async function versionIn(project: Project, alias: string): Promise<{ version?: string; why?: string }> {
  const pipeline = project.pipelines.find(({ name }) => name === alias);
  if (!pipeline?.config || !pipeline.handler) return { why: "its config or handler is not there" };
  return versionOf(project, pipeline).then(
    (version) => ({ version }),
    (error: unknown) => ({ why: String(error).split("\n")[0] ?? "" }),
  );
}

/** The folder and what was generated of it, as one commit; nothing else that may be staged goes along. */
function committed(root: string, alias: string, { pipeline, to }: Rollback): string {
  const git = gitIn(root);
  const generated = (git("diff", "--name-only", "--relative") ?? "").split("\n").filter(Boolean);
  const subject = `Roll ${alias} back to version ${to.version}`;
  const body = `As at ${to.commit}: ${to.subject}`;
  const paths = [
    pipeline.folder,
    ...generated.filter((name) => /(^|\/)(registry\.generated\.ts|wrangler\.toml)$/.test(name)),
  ];
  const { status, stderr } = spawnSync(
    "git",
    ["commit", "-q", "-m", subject, "-m", body, "--only", "--", ...paths],
    {
      cwd: root,
      encoding: "utf8",
    },
  );
  if (status !== 0)
    throw new CliError(
      `git could not commit: ${stderr.trim()}\nThe tree is rolled back; nothing was deployed`,
    );
  return git("rev-parse", "HEAD") ?? "";
}
