// Command `weir rollback`: brings a pipeline back to an earlier version. Restores its folder, and nothing else, from
// the git commit that had the version, then deploys as for any change. Prints first what that does to items.
import { spawnSync } from "node:child_process";
import { deployProject } from "../deploy/deploy.ts";
import { replayCommand } from "../deploy/stale.ts";
import { generate, write } from "../generate/generate.ts";
import { versionOf } from "../generate/version.ts";
import { gitIn } from "../git/git.ts";
import { type PastVersion, versionsInGit } from "../git/history.ts";
import { ask, canAsk } from "../io/ask.ts";
import { CliError, good, note, print, printJson } from "../io/output.ts";
import { openClient, type Version } from "../operate/client.ts";
import { countText } from "../operate/replay-text.ts";
import { loadProject, type Pipeline, type Project } from "../project/project.ts";
import { requireValid } from "../project/validate.ts";
import { differingInputs } from "./rollback-differs.ts";

export interface RollbackOptions {
  root: string;
  env: NodeJS.ProcessEnv;
  alias: string;
  /** First digits of the version; default: the version before the present one. */
  version?: string;
  /** Print what would be done, and stop. */
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
  to: PastVersion;
  files: string[];
  items: ItemCounts;
}

/** Stored objects and items of both versions; `asked` is false where Weir could not answer. */
type ItemCounts = { asked: true; stale: ItemCount; current: ItemCount } | { asked: false; why: string };
type ItemCount = { objects: number; items: number };

/** Rolls a pipeline back. @throws CliError where the version is not in git, the folder has changes, or a step fails */
export async function rollback(options: RollbackOptions): Promise<void> {
  const { root, alias, json } = options;
  const plan = await planRollback(options);
  const answer = answerOf(alias, plan);
  const text = planText(alias, plan, options.deploy !== false);
  if (json) note(text);
  else print(text);
  if (options.plan) return json ? printJson({ ok: true, ...answer }) : undefined;
  await confirmRollback(options);
  const restored = await restore(root, plan);
  for (const name of write(root, await generate(restored))) note(`Wrote ${name}.`);
  const commit = options.commit ? commitRollback(root, alias, plan) : null;
  good(`${alias} is at version ${plan.to.version} again in this tree.`);
  if (commit === null)
    note("Commit and push it. Otherwise the next deploy from git brings the other version back.");
  if (options.deploy !== false) {
    const { env, replay, url, secretsFile } = options;
    const given = Object.entries({ replay, url, secretsFile }).filter(([, value]) => value !== undefined);
    await deployProject({ root, env, changed: true, ...Object.fromEntries(given) }, restored);
  }
  if (json) printJson({ ok: true, ...answer, rollback_commit: commit, deployed: options.deploy !== false });
}

async function planRollback({ root, alias, version, url }: RollbackOptions): Promise<Rollback> {
  const project = loadProject(root);
  requireValid(project, "Nothing was rolled back");
  const pipeline = project.pipelines.find(({ name }) => name === alias);
  if (!pipeline) throw new CliError(`There is no pipeline ${alias} in this tree.`, [], 4);
  const git = gitIn(root);
  const changes = git("status", "--porcelain", "--", pipeline.folder);
  if (changes === undefined) throw new CliError("This folder is not in git, so it has no earlier versions.");
  if (changes !== "") {
    throw new CliError(
      `${pipeline.folder} has uncommitted changes, which would be lost. Commit or stash them:\n${changes}`,
    );
  }
  const from = await versionOf(project, pipeline);
  const to = chooseVersion(root, alias, from, version);
  const files = git("diff", "--name-only", "--relative", to.commit, "--", pipeline.folder) ?? "";
  return {
    pipeline,
    from,
    to,
    files: files.split("\n").filter(Boolean),
    items: await itemsOf(root, alias, to, url),
  };
}

/** Finds the version to go back to, with the newest commit that has it. @throws CliError */
function chooseVersion(root: string, alias: string, from: string, version: string | undefined): PastVersion {
  const versions: PastVersion[] = [];
  for (const was of versionsInGit(root, alias)) {
    if (was.version === from) continue;
    if (version === undefined) return was;
    versions.push(was);
  }
  if (version !== undefined && from.startsWith(version)) {
    throw new CliError(`${alias} is at version ${from} in this tree already.`, [], 2);
  }
  const found = versions.filter((was) => version !== undefined && was.version.startsWith(version));
  if (found[0] && found.length === 1) return found[0];
  const which =
    found.length > 1 ? `Several versions of ${alias} begin with ${version}. Give more digits:` : undefined;
  const list = (found.length > 1 ? found : versions).slice(0, 10).map(wasText).join("\n");
  const none =
    version === undefined
      ? `${alias} has no other version in git.`
      : `There is no version ${version} of ${alias} in git. Its versions:`;
  throw new CliError([which ?? none, list].filter(Boolean).join("\n"), [], which ? 2 : 4);
}

const wasText = ({ version, commit, at, subject }: PastVersion) =>
  `  ${version}  ${commit.slice(0, 9)}  ${at}  ${subject}`;

async function itemsOf(root: string, alias: string, to: PastVersion, url?: string): Promise<ItemCounts> {
  try {
    const client = openClient(root, url === undefined ? {} : { url });
    const { data } = await client.get<{ data: Version[] }>(
      `/v1/pipelines/${encodeURIComponent(alias)}/versions`,
    );
    const current = data.find(({ version }) => version === to.version);
    const others = data.filter(({ version }) => version !== to.version);
    const sum = (field: keyof ItemCount) => others.reduce((all, entry) => all + entry[field], 0);
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
  const count = ({ objects, items }: ItemCount) =>
    `${countText(items, "item")} of ${countText(objects, "object")}`;
  return [
    `${alias}: version ${from} → ${to.version}`,
    `  commit    ${to.commit.slice(0, 9)} of ${to.at}: ${to.subject}`,
    ...files.map((file, index) => `  ${index === 0 ? "files   " : "        "}  ${file}`),
    ...(items.asked
      ? [
          `  items     ${count(items.stale)} were made by other versions: they stay, and are stale`,
          `            ${count(items.current)} were made by ${to.version}: they are current again`,
          ...(items.stale.objects > 0 ? [`  anew by   ${replayCommand([alias])}`] : []),
        ]
      : [`  items     the versions that made them are unknown: ${items.why}`]),
    `  then      ${deploys ? "weir deploy --changed" : `nothing is deployed; \`weir dev\` takes ${pipeline.folder} up at once`}`,
  ].join("\n");
}

const answerOf = (alias: string, { from, to, files, items }: Rollback) => ({
  ...{ alias, from, to: to.version, commit: to.commit, subject: to.subject, files, items },
});

async function confirmRollback({ yes }: RollbackOptions): Promise<void> {
  if (yes) return;
  if (!canAsk())
    throw new CliError(
      "Nothing was done: there is no terminal for the confirmation. Give --yes, or --plan.",
      [],
      2,
    );
  if (!(await ask("Roll back?"))) throw new CliError("Nothing was done.");
}

/** Restores the folder from the commit and returns the project. Undoes that where it does not give the version. */
async function restore(root: string, { pipeline, to }: Rollback): Promise<Project> {
  const from = (commit: string) => {
    const args = ["restore", `--source=${commit}`, "--staged", "--worktree", "--", pipeline.folder];
    const { status, stderr } = spawnSync("git", args, { cwd: root, encoding: "utf8" });
    if (status !== 0) throw new CliError(`git could not restore ${pipeline.folder}: ${stderr.trim()}.`);
  };
  from(to.commit);
  const project = loadProject(root);
  const again = await versionIn(project, pipeline.name);
  if (again.version === to.version) return project;
  const differs = await differingInputs(project, pipeline.name, to.commit);
  from("HEAD");
  throw new CliError(
    `Nothing was changed. With ${pipeline.folder} of commit ${to.commit.slice(0, 9)} the version would be ` +
      `${again.version ?? `none (${again.why})`}, not ${to.version}, because these have changed since:\n` +
      `${differs.map((input) => `  ${input}`).join("\n")}\n` +
      "Restore them too, which may change other pipelines, or deploy that commit as a whole.",
  );
}

async function versionIn(project: Project, alias: string): Promise<{ version?: string; why?: string }> {
  const pipeline = project.pipelines.find(({ name }) => name === alias);
  if (!pipeline?.config || !pipeline.handler) return { why: "its config or handler is missing" };
  return versionOf(project, pipeline).then(
    (version) => ({ version }),
    (error: unknown) => ({ why: String(error).split("\n")[0] ?? "" }),
  );
}

/** Commits the folder and its generated files, and nothing else that is staged. Returns the commit. */
function commitRollback(root: string, alias: string, { pipeline, to }: Rollback): string {
  const git = gitIn(root);
  const generated = (git("diff", "--name-only", "--relative") ?? "").split("\n").filter(Boolean);
  const subject = `Roll ${alias} back to version ${to.version}`;
  const body = `Restored from ${to.commit}: ${to.subject}`;
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
      `git could not commit: ${stderr.trim()}\nThe tree is rolled back; nothing was deployed.`,
    );
  return git("rev-parse", "HEAD") ?? "";
}
