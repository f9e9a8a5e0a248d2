// `weir preview`: what a change would do once it is deployed, as Markdown for a comment on a pull request. It only
// puts together what other commands say; each is run as a person would run it, and refuses for itself.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { canonical } from "../../src/shapes/canonical.ts";
import { versionOf } from "../generate/version.ts";
import { fileAt } from "../git/git.ts";
import { versionsAt } from "../git/versions-at.ts";
import { CliError, print, printJson } from "../io/output.ts";
import { loadProject, type Pipeline, packageRoot } from "../project/project.ts";

export interface PreviewOptions {
  root: string;
  env: NodeJS.ProcessEnv;
  /** The revision that the change starts from. */
  base: string;
  json?: boolean;
}

/** Objects of each changed pipeline that are run for the comment. */
const SAMPLE = 20;

/** Prints the preview. What cannot be asked is said in its place; only a project with problems fails. */
export async function preview({ root, env, base, json }: PreviewOptions): Promise<void> {
  const project = loadProject(root);
  const validated = await weir(root, env, ["validate"]);
  const changed = project.pipelines.filter((pipeline) => filtersChanged(root, pipeline, base));
  const sections = [
    "## Weir",
    `${validated.ok ? "In order." : "**Not in order.**"}\n\n${fenced(validated.said)}`,
    "### Versions",
    await versions(root, base),
    "### Plan",
    env.CLOUDFLARE_API_TOKEN
      ? fenced((await weir(root, env, ["deploy", "--changed", "--plan"])).said)
      : "No account was given (`CLOUDFLARE_API_TOKEN` is not set), so none was compared.",
    "### Filters",
    changed.length === 0 ? "No filter changed." : await filters(root, env, changed),
    "### Items",
    validated.ok
      ? await shadows(root, env, await ofAnotherVersion(root, base))
      : "Nothing was compared: the project is not in order.",
  ];
  const markdown = sections.join("\n\n");
  if (json) printJson({ ok: validated.ok, markdown });
  else print(markdown);
  if (!validated.ok) throw new CliError("the project has problems");
}

interface Versioned {
  name: string;
  now: string;
  /** At the base; undefined where it was not there. */
  was: string | undefined;
}

async function versioned(root: string, base: string): Promise<Versioned[]> {
  const before = versionsAt(root, base) ?? new Map<string, string>();
  const project = loadProject(root);
  return Promise.all(
    project.pipelines.map(async (pipeline) => {
      const { name } = pipeline;
      return { name, now: await versionOf(project, pipeline), was: before.get(name) };
    }),
  );
}

async function versions(root: string, base: string): Promise<string> {
  const rows = (await versioned(root, base)).map(({ name, now, was }) => {
    const what = was === undefined ? "new" : was === now ? "unchanged" : `was \`${was}\``;
    return `| ${name} | \`${now}\` | ${what} |`;
  });
  return ["| pipeline | version | |", "|---|---|---|", ...rows].join("\n");
}

/** A new pipeline has no items to be compared with. */
const ofAnotherVersion = async (root: string, base: string): Promise<string[]> =>
  (await versioned(root, base)).flatMap(({ name, now, was }) =>
    was === undefined || was === now ? [] : [name],
  );

/** One after the other: each starts a Worker and a compute server of its own. */
async function shadows(root: string, env: NodeJS.ProcessEnv, changed: string[]): Promise<string> {
  if (changed.length === 0) return "No pipeline that has items is of another version.";
  if (!env.WEIR_URL) return "`WEIR_URL` is not set, so nothing was compared with what is stored.";
  const sections: string[] = [];
  for (const name of changed) {
    const { said } = await weir(root, env, ["compare", name, "--sample", String(SAMPLE)]);
    sections.push(`**${name}**\n\n${fenced(said)}`);
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

async function filters(root: string, env: NodeJS.ProcessEnv, changed: Pipeline[]): Promise<string> {
  if (!env.WEIR_URL) return "`WEIR_URL` is not set, so no recorded events were asked.";
  const url = env.WEIR_URL;
  const sections = changed.map(async ({ name }) => {
    const { said } = await weir(root, env, ["filter", "diff", name, "--url", url]);
    return `**${name}**\n\n${fenced(said)}`;
  });
  return (await Promise.all(sections)).join("\n\n");
}

async function weir(
  root: string,
  env: NodeJS.ProcessEnv,
  args: string[],
): Promise<{ ok: boolean; said: string }> {
  const child = spawn(process.execPath, [join(packageRoot, "cli/bin.mjs"), "--root", root, ...args], {
    env: { ...env, NO_COLOR: "1", FORCE_COLOR: "0" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  }
  const [code] = (await once(child, "close")) as [number | null];
  return { ok: code === 0, said };
}

/** A fence longer than any in the text, so that nothing in it can end it and speak as the comment. */
function fenced(text: string): string {
  const fence = "`".repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map(([run]) => run.length + 1)));
  return `${fence}\n${text.trim()}\n${fence}`;
}
