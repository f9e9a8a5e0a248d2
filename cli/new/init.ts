// `weir init`: makes a Weir project of a folder, from nothing or from a repository whose pipelines are folders with
// a handler and a config.json at its root. Handlers and configs keep every byte: their folders are moved (by git,
// where git knows them) to pipelines/<alias>, the one place that Weir reads, so that a name is said once.
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { type PipelineConfig, pipelineConfigSchema } from "../../src/shapes/config.ts";
import { generate, write } from "../generate/generate.ts";
import { type Problem, readJsonFile } from "../io/json-file.ts";
import { CliError, good, note, print, printJson } from "../io/output.ts";
import { packageRoot } from "../project/project.ts";
import { connectionsText, packageText, routerText } from "./templates.ts";

export interface InitOptions {
  root: string;
  json?: boolean;
}

interface Found {
  /** As it stands at the root now. */
  folder: string;
  config: PipelineConfig;
}

/** Writes what a project needs and has not, and moves pipelines from the root to where they belong. */
export async function init({ root, json }: InitOptions): Promise<void> {
  if (resolve(root) === packageRoot) {
    throw new CliError("this folder is Weir's own: give the folder of your project, `weir init DIR`", [], 2);
  }
  mkdirSync(root, { recursive: true });
  const found = pipelinesAtRoot(root);
  const moved = found.map(({ folder, config }) => ({ from: folder, to: `pipelines/${config.alias}` }));
  for (const { from, to } of moved) {
    move(root, from, to);
    note(`moved ${from} to ${to}`);
  }
  const wrote = writeMissing(root, {
    "connections.json": connectionsText(configsIn(root)),
    "models.json": readFileSync(join(packageRoot, "models.json"), "utf8"),
    "wrangler.toml": routerText(root),
    "package.json": packageText(root),
  });
  if (ignore(root)) wrote.push(".gitignore");
  wrote.push(...write(root, await generate(root)).filter((name) => !wrote.includes(name)));
  for (const name of wrote) note(`wrote ${name}`);
  const invented = Object.keys(JSON.parse(connectionsText(configsIn(root))).connections);
  if (json)
    printJson({ ok: true, moved, wrote, placeholders: wrote.includes("connections.json") ? invented : [] });
  else print(next(root, wrote.includes("connections.json") ? invented : [], found.length));
  good(`${basename(resolve(root))} is a Weir project`);
}

/** Folders at the root that hold a config.json and a handler. Nothing is moved while one of them has a problem. */
function pipelinesAtRoot(root: string): Found[] {
  const isPipeline = (name: string) =>
    !name.startsWith(".") &&
    statSync(join(root, name)).isDirectory() &&
    existsSync(join(root, name, "config.json")) &&
    ["handler.py", "handler.ts"].some((file) => existsSync(join(root, name, file)));
  const problems: Problem[] = [];
  const found = readdirSync(root)
    .filter(isPipeline)
    .sort()
    .flatMap((folder): Found[] => {
      const file = readJsonFile(join(root, folder, "config.json"), `${folder}/config.json`);
      problems.push(...file.problems);
      if (file.value === undefined) return [];
      const parsed = pipelineConfigSchema.safeParse(file.value);
      if (parsed.success) return [{ folder, config: parsed.data }];
      problems.push(
        ...parsed.error.issues.map((it) => file.at(it.path, `${it.path.join(".")}: ${it.message}`)),
      );
      return [];
    });
  const taken = new Map<string, string>();
  for (const { folder, config } of found) {
    const first =
      taken.get(config.alias) ??
      (existsSync(join(root, "pipelines", config.alias)) ? "pipelines" : undefined);
    taken.set(config.alias, folder);
    if (first === undefined) continue;
    const problem = `alias "${config.alias}" is taken by ${first}`;
    const next = "give each pipeline an alias of its own";
    problems.push({ file: `${folder}/config.json`, line: 1, column: 1, problem, next });
  }
  if (problems.length > 0)
    throw new CliError("nothing was moved or written: the pipelines have problems", problems);
  return found;
}

function move(root: string, from: string, to: string): void {
  mkdirSync(dirname(join(root, to)), { recursive: true });
  const { status } = spawnSync("git", ["mv", "--", from, to], { cwd: root, stdio: "ignore" });
  // Not in git, or not known to it yet.
  if (status !== 0) renameSync(join(root, from), join(root, to));
}

function configsIn(root: string): PipelineConfig[] {
  const folder = join(root, "pipelines");
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name, "config.json");
    const parsed = existsSync(path)
      ? pipelineConfigSchema.safeParse(readJsonFile(path, path).value)
      : undefined;
    return parsed?.success ? [parsed.data] : [];
  });
}

/** What is there is kept: a second `weir init` repairs and overwrites nothing. */
function writeMissing(root: string, files: Record<string, string>): string[] {
  return Object.entries(files).flatMap(([name, text]) => {
    if (existsSync(join(root, name))) return [];
    writeFileSync(join(root, name), text);
    return [name];
  });
}

/** Adds to .gitignore what must not get into git, `.weir/` above all: local secrets are in it. */
function ignore(root: string): boolean {
  const path = join(root, ".gitignore");
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  const lines = text.split(/\r?\n/);
  const missing = ["node_modules/", ".weir/", ".wrangler/", "wrangler.local.toml"].filter(
    (line) => !lines.includes(line),
  );
  if (missing.length === 0) return false;
  writeFileSync(path, `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${missing.join("\n")}\n`);
  return true;
}

function next(root: string, invented: string[], pipelines: number): string {
  const here = relative(process.cwd(), root);
  const weir = here === "" ? "weir" : `weir --root ${here}`;
  return [
    ...(invented.length > 0
      ? [
          `connections.json has placeholders for ${invented.join(", ")}: they work on this machine as they are.`,
          "Before you deploy, say there what each one is: docs/sources.md has an example for every sender.",
        ]
      : []),
    ...(pipelines === 0 ? [`${weir} new hello     adds a pipeline`] : []),
    `${weir} validate      checks everything`,
    `${weir} dev           runs it on this machine`,
  ].join("\n");
}
