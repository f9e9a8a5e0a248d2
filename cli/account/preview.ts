// Command `weir preview`: prints what a change would do once deployed, as Markdown for a comment on a pull request.
// Runs other commands (validate, deploy --plan, filter diff, compare) and puts their output together.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { canonical } from "../../src/shapes/canonical.ts";
import { versionOf } from "../generate/version.ts";
import { fileAt } from "../git/git.ts";
import { versionsAt } from "../git/versions-at.ts";
import { CliError, print, printJson } from "../io/output.ts";
import { loadProject, type Pipeline, type Project, packageRoot } from "../project/project.ts";

export interface PreviewOptions {
  root: string;
  env: NodeJS.ProcessEnv;
  /** Revision that the change starts from. */
  base: string;
  json?: boolean;
}

/** Number of objects that are run for each changed pipeline. */
const SAMPLE_OBJECTS = 20;

/** Prints the preview. A part that cannot be found out says so. @throws CliError where the project has problems */
export async function preview({ root, env, base, json }: PreviewOptions): Promise<void> {
  const project = loadProject(root);
  const validated = await runWeir(root, env, ["validate"]);
  const changed = project.pipelines.filter((pipeline) => filtersChanged(root, pipeline, base));
  const changes = await versionChanges(project, base);
  const sections = [
    "## Weir",
    `${validated.ok ? "In order." : "**Not in order.**"}\n\n${fenced(validated.output)}`,
    "### Versions",
    versionTable(changes),
    "### Plan",
    env.CLOUDFLARE_API_TOKEN
      ? fenced((await runWeir(root, env, ["deploy", "--changed", "--plan"])).output)
      : "`CLOUDFLARE_API_TOKEN` is not set, so no account was compared.",
    "### Filters",
    changed.length === 0 ? "No filter changed." : await filterDiffs(root, env, changed),
    "### Items",
    validated.ok
      ? await comparisons(root, env, changedPipelines(changes))
      : "Nothing was compared: the project is not in order.",
  ];
  const markdown = sections.join("\n\n");
  if (json) printJson({ ok: validated.ok, markdown });
  else print(markdown);
  if (!validated.ok) throw new CliError("The project has problems; `weir validate` lists them.");
}

interface VersionChange {
  name: string;
  now: string;
  /** Version at the base; undefined where the pipeline did not exist. */
  was: string | undefined;
}

async function versionChanges(project: Project, base: string): Promise<VersionChange[]> {
  const before = versionsAt(project.root, base) ?? new Map<string, string>();
  return Promise.all(
    project.pipelines.map(async (pipeline) => {
      const { name } = pipeline;
      return { name, now: await versionOf(project, pipeline), was: before.get(name) };
    }),
  );
}

function versionTable(changes: VersionChange[]): string {
  const rows = changes.map(({ name, now, was }) => {
    const what = was === undefined ? "new" : was === now ? "unchanged" : `was \`${was}\``;
    return `| ${name} | \`${now}\` | ${what} |`;
  });
  return ["| pipeline | version | |", "|---|---|---|", ...rows].join("\n");
}

/** Names of pipelines of another version than at the base. A new pipeline has no items to compare. */
const changedPipelines = (changes: VersionChange[]): string[] =>
  changes.flatMap(({ name, now, was }) => (was === undefined || was === now ? [] : [name]));

/** Compares items of changed pipelines, one pipeline after the other, since each starts its own compute server. */
async function comparisons(root: string, env: NodeJS.ProcessEnv, changed: string[]): Promise<string> {
  if (changed.length === 0) return "No pipeline that has items is of another version.";
  if (!env.WEIR_URL) return "`WEIR_URL` is not set, so nothing was compared with stored items.";
  const sections: string[] = [];
  for (const name of changed) {
    const { output } = await runWeir(root, env, ["compare", name, "--sample", String(SAMPLE_OBJECTS)]);
    sections.push(`**${name}**\n\n${fenced(output)}`);
  }
  return sections.join("\n\n");
}

function filtersChanged(root: string, { folder, config }: Pipeline, base: string): boolean {
  const text = fileAt(root, base, `${folder}/config.json`);
  if (text === undefined || !config) return false;
  try {
    const before = JSON.parse(text) as { source?: { filters?: unknown } };
    return canonical(before.source?.filters ?? {}) !== canonical(config.source.filters);
  } catch {
    return true;
  }
}

async function filterDiffs(root: string, env: NodeJS.ProcessEnv, changed: Pipeline[]): Promise<string> {
  if (!env.WEIR_URL) return "`WEIR_URL` is not set, so no recorded events were compared.";
  const url = env.WEIR_URL;
  const sections = changed.map(async ({ name }) => {
    const { output } = await runWeir(root, env, ["filter", "diff", name, "--url", url]);
    return `**${name}**\n\n${fenced(output)}`;
  });
  return (await Promise.all(sections)).join("\n\n");
}

async function runWeir(
  root: string,
  env: NodeJS.ProcessEnv,
  args: string[],
): Promise<{ ok: boolean; output: string }> {
  const child = spawn(process.execPath, [join(packageRoot, "cli/bin.mjs"), "--root", root, ...args], {
    env: { ...env, NO_COLOR: "1", FORCE_COLOR: "0" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const [code] = (await once(child, "close")) as [number | null];
  return { ok: code === 0, output: output };
}

/** Puts text into a Markdown fence that is longer than any fence in the text, so that the text cannot close it. */
function fenced(text: string): string {
  const fence = "`".repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map(([run]) => run.length + 1)));
  return `${fence}\n${text.trim()}\n${fence}`;
}
