// Command `weir init`: turns a folder into a Weir project. Folders at the root with a handler and a config.json are
// moved to pipelines/<alias>, by git where git knows them; their files stay unchanged. Missing files are written.
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
import { MEANING_NEXT } from "../../src/shapes/model.ts";
import { generate, write } from "../generate/generate.ts";
import { askFor, canAsk } from "../io/ask.ts";
import { type Problem, readJsonFile } from "../io/json-file.ts";
import { CliError, good, note, print, printJson } from "../io/output.ts";
import { type AddOptions, addModel } from "../models/add.ts";
import { CATALOGUE } from "../models/catalogue.ts";
import { loadProject, packageRoot } from "../project/project.ts";
import { connectionsText, packageText, routerText } from "./templates.ts";

export interface InitOptions {
  root: string;
  env: NodeJS.ProcessEnv;
  /** The model that tells what pictures and film mean, as `weir models add` takes it; `none`: looks alone. */
  model?: string;
  json?: boolean;
}

interface RootPipeline {
  /** Name of the folder at the root. */
  folder: string;
  config: PipelineConfig;
}

/** Moves pipelines from the root to pipelines/ and writes the files that a project lacks. @throws CliError */
export async function init({ root, env, model, json }: InitOptions): Promise<void> {
  if (resolve(root) === packageRoot) {
    throw new CliError(
      "This folder is Weir itself. Give the folder of your project: `weir init DIR`.",
      [],
      2,
    );
  }
  mkdirSync(root, { recursive: true });
  const found = pipelinesAtRoot(root);
  const moved = found.map(({ folder, config }) => ({ from: folder, to: `pipelines/${config.alias}` }));
  for (const { from, to } of moved) {
    move(root, from, to);
    note(`Moved ${from} to ${to}.`);
  }
  const wrote = writeMissing(root, {
    "connections.json": connectionsText(configsIn(root)),
    "models.json": readFileSync(join(packageRoot, "models.json"), "utf8"),
    "wrangler.toml": routerText(root),
    "package.json": packageText(root),
  });
  if (ignore(root)) wrote.push(".gitignore");
  const isNew = wrote.includes("models.json");
  const chosen = model ?? (isNew && !json && canAsk() ? await askForModel() : NO_MODEL);
  const fault = chosen === NO_MODEL ? undefined : await addAsDefault({ root, env, model: chosen });
  wrote.push(...write(root, await generate(loadProject(root))).filter((name) => !wrote.includes(name)));
  for (const name of wrote) note(`Wrote ${name}.`);
  const invented = wrote.includes("connections.json")
    ? Object.keys(JSON.parse(connectionsText(configsIn(root))).connections)
    : [];
  const added = chosen === NO_MODEL || fault ? null : chosen;
  if (json) printJson({ ok: !fault, moved, wrote, placeholders: invented, model: added });
  else print(nextSteps(root, invented, found.length));
  good(`${basename(resolve(root))} is a Weir project.`);
  if (isNew && added === null)
    note(`Pictures and film are compared by how they look, not by what they mean. ${MEANING_NEXT}`);
  if (fault) throw fault;
}

/** What a person answers, or says with --model, who wants none. */
const NO_MODEL = "none";

async function askForModel(): Promise<string> {
  const usable = Object.entries(CATALOGUE).filter(([, { seesPictures }]) => seesPictures);
  note("Out of the box Weir compares how pictures look. A model finds them by what they mean, in words:");
  for (const [name, { use, licence }] of usable) note(`  ${name}: ${use} (${licence})`);
  const names = usable.map(([name]) => name).join(", ");
  return askFor(
    `Which one shall it be: ${names}, another as OWNER/NAME, or none? [${NO_MODEL}]`,
    (answer) => answer || NO_MODEL,
  );
}

/** Adds the model; where that fails, what to say of it once the project is there. */
async function addAsDefault(options: Omit<AddOptions, "default">): Promise<CliError | undefined> {
  try {
    await addModel({ ...options, default: true });
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const again = `The project is there without it. To try again: weir models add ${options.model} --default`;
    return new CliError(`${error.message} ${again}`, error.problems, error.code);
  }
}

/** Finds folders at the root with a config.json and a handler. @throws CliError where one of them has a problem */
function pipelinesAtRoot(root: string): RootPipeline[] {
  const isPipeline = (name: string) =>
    !name.startsWith(".") &&
    statSync(join(root, name)).isDirectory() &&
    existsSync(join(root, name, "config.json")) &&
    ["handler.py", "handler.ts"].some((file) => existsSync(join(root, name, file)));
  const problems: Problem[] = [];
  const found = readdirSync(root)
    .filter(isPipeline)
    .sort()
    .flatMap((folder): RootPipeline[] => {
      const file = readJsonFile(join(root, folder, "config.json"), `${folder}/config.json`);
      problems.push(...file.problems);
      if (file.value === undefined) return [];
      const parsed = pipelineConfigSchema.safeParse(file.value);
      if (parsed.success) return [{ folder, config: parsed.data }];
      problems.push(
        ...parsed.error.issues.map((issue) =>
          file.at(issue.path, `${issue.path.join(".")}: ${issue.message}`),
        ),
      );
      return [];
    });
  const taken = new Map<string, string>();
  for (const { folder, config } of found) {
    const owner =
      taken.get(config.alias) ??
      (existsSync(join(root, "pipelines", config.alias)) ? "pipelines" : undefined);
    taken.set(config.alias, folder);
    if (owner === undefined) continue;
    const problem = `The alias "${config.alias}" is taken by ${owner}.`;
    const nextSteps = "Give each pipeline its own alias.";
    problems.push({ file: `${folder}/config.json`, line: 1, column: 1, problem, next: nextSteps });
  }
  if (problems.length > 0)
    throw new CliError("Nothing was moved or written: the pipelines have problems.", problems);
  return found;
}

function move(root: string, from: string, to: string): void {
  mkdirSync(dirname(join(root, to)), { recursive: true });
  const { status } = spawnSync("git", ["mv", "--", from, to], { cwd: root, stdio: "ignore" });
  // The folder is not in git, or git does not track it yet.
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

/** Writes files that do not exist and returns their names. An existing file is never overwritten. */
function writeMissing(root: string, files: Record<string, string>): string[] {
  return Object.entries(files).flatMap(([name, text]) => {
    if (existsSync(join(root, name))) return [];
    writeFileSync(join(root, name), text);
    return [name];
  });
}

/** Adds missing lines to .gitignore, above all `.weir/`, which holds local secrets. Returns whether it did. */
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

function nextSteps(root: string, invented: string[], pipelines: number): string {
  const here = relative(process.cwd(), root);
  const weir = here === "" ? "weir" : `weir --root ${here}`;
  return [
    ...(invented.length > 0
      ? [
          `connections.json has placeholders for ${invented.join(", ")}, which work on this machine as they are.`,
          "Before you deploy, replace each with the real connection: docs/sources.md has an example for every sender.",
        ]
      : []),
    ...(pipelines === 0 ? [`${weir} new hello     adds a pipeline`] : []),
    `${weir} validate      checks everything`,
    `${weir} dev           runs it on this machine`,
  ].join("\n");
}
