// Running copies: what the Workers of the local stack are bundled from, in .weir/running. A pipeline's copy is one file
// with its bundled handler, its config and its version, so that one reload changes all three, and no item names code
// that did not make it. Only what builds and is valid is copied: the stack stays on the last good state (decision 060).
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { build, type Plugin } from "esbuild";
import { parse } from "smol-toml";
import { registryPath } from "../generate/generate.ts";
import { hashOf, holdInputs, inputsOf, type VersionInputs } from "../generate/version.ts";
import type { Problem } from "../io/json-file.ts";
import { CliError } from "../io/output.ts";
import type { Table } from "../project/bindings.ts";
import { type Pipeline, type Project, packageRoot } from "../project/project.ts";

/** Folder of the copies, relative to the root. */
export const RUNNING = ".weir/running";
/** Export of a pipeline's copy that names its version; workers/pipeline/worker.ts reads it. */
const VERSION_EXPORT = "WEIR_BUNDLED_VERSION";
const CONFIG_EXPORT = "WEIR_BUNDLED_CONFIG";
const SOURCE_EXPORT = "WEIR_BUNDLED_SOURCE";
/** Times that a handler is read again because it was edited while it was read. */
const MAX_READS = 5;

/** What runs of a pipeline. */
interface Copy {
  pipeline: Pipeline;
  version: string;
  files: string[];
}

/** What stands in the way of a handler. */
interface Broken {
  /** A problem for each error of the build. */
  problems: Problem[];
  /** Version that runs on; undefined where none has run. */
  version: string | undefined;
}

/** Outcome of taking a project up. */
export interface TakenUp {
  /** The project as it runs: a pipeline whose handler does not build is as it was before, or left out. */
  project: Project;
  /** Handlers that do not build, by alias. */
  broken: Map<string, Broken>;
  /** Pipelines that run another version than before, or did not run before. */
  changed: { alias: string; version: string }[];
  /** Files outside the pipelines' folders that handlers are bundled from, relative to the root. */
  imported: string[];
}

export class RunningCopies {
  readonly #copies = new Map<string, Copy>();

  /** Copies what has changed of a valid project. */
  async take(project: Project): Promise<TakenUp> {
    const broken: TakenUp["broken"] = new Map();
    const changed: TakenUp["changed"] = [];
    const running: Pipeline[] = [];
    for (const pipeline of project.pipelines) {
      const before = this.#copies.get(pipeline.name);
      const copy = await copyOf(project, pipeline, before).catch((error: unknown) => {
        if (!(error instanceof CliError)) throw error;
        broken.set(pipeline.name, { problems: error.problems, version: before?.version });
        return before;
      });
      if (!copy) continue;
      if (copy.version !== before?.version) changed.push({ alias: pipeline.name, version: copy.version });
      this.#copies.set(pipeline.name, copy);
      running.push(copy.pipeline);
    }
    for (const name of this.#copies.keys())
      if (!running.some((pipeline) => pipeline.name === name)) this.#copies.delete(name);
    const { connections, models } = project.files;
    for (const [name, { value }] of Object.entries({ connections, models }))
      put(project.root, `${name}.json`, JSON.stringify(value ?? {}));
    const imported = [...this.#copies.values()].flatMap(({ files, pipeline }) =>
      files.filter((file) => !file.startsWith(`${pipeline.folder}/`) && !file.includes("node_modules/")),
    );
    return { project: { ...project, pipelines: running }, broken, changed, imported };
  }
}

/** Path of the copy of the registry, the router's list of pipelines, relative to the root. */
export const REGISTRY_COPY = `${RUNNING}/registry.ts`;

/** Reads the registry as it was generated. */
export function registryIn(root: string): string {
  const router = parse(readFileSync(join(root, "wrangler.toml"), "utf8")) as Table;
  return readFileSync(join(root, registryPath(router)), "utf8");
}

/** Copies a registry whose pipelines run, with the problems that keep files as they are now from running. */
export function copyRegistry(root: string, text: string, problems: readonly Problem[] = []): void {
  const known = [
    "",
    `const problems: { file: string }[] = ${JSON.stringify(problems)};`,
    "for (const entry of registry) {",
    "  // What is wrong outside of the pipelines' folders holds all of them back.",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is code of the copy.
    "  const own = problems.filter(({ file }) => file.startsWith(`${entry.folder}/`) || !file.startsWith('pipelines/'));",
    "  if (own.length > 0) Object.assign(entry, { problems: own });",
    "}",
    "",
  ];
  put(root, "registry.ts", problems.length === 0 ? text : text + known.join("\n"));
}

/** Path of a pipeline's copies, relative to the root. */
export const copyPath = (name: string, file: "pipeline.mjs" | "config.mjs" | "handler.mjs") =>
  `${RUNNING}/${name}/${file}`;

/** Copies a pipeline, unless its copy is of the same version. @throws CliError where its handler does not build */
async function copyOf(project: Project, pipeline: Pipeline, before: Copy | undefined): Promise<Copy> {
  for (let reads = 0; reads < MAX_READS; reads++) {
    const inputs = await inputsOf(project, pipeline);
    const version = hashOf(inputs);
    const text = version === before?.version ? undefined : await textOf(project, pipeline, version);
    // The handler may have been edited between the two: its version is that of the copied text.
    if (text !== undefined && hashOf(await inputsOf(project, pipeline)) !== version) continue;
    if (text !== undefined) {
      put(project.root, `${pipeline.name}/config.mjs`, CONFIG_COPY);
      put(project.root, `${pipeline.name}/handler.mjs`, handlerCopy(pipeline));
      put(project.root, `${pipeline.name}/pipeline.mjs`, text);
    }
    holdInputs(pipeline, inputs);
    return { pipeline, version, files: filesOf(inputs) };
  }
  throw new CliError(`The handler of ${pipeline.name} changes faster than it can be read.`);
}

const filesOf = ({ files }: VersionInputs) => files;
const CONFIG_COPY = `export { ${CONFIG_EXPORT} as default } from "./pipeline.mjs";\n`;

async function textOf(project: Project, pipeline: Pipeline, version: string): Promise<string> {
  const own = [
    `export const ${VERSION_EXPORT} = ${JSON.stringify(version)};`,
    `export const ${CONFIG_EXPORT} = ${JSON.stringify(pipeline.files.config.value)};`,
  ].join("\n");
  return pipeline.handler === "handler.py"
    ? pythonCode(join(project.root, pipeline.folder), own)
    : typescriptCode(project.root, pipeline, own);
}

const pythonCode = (folder: string, own: string) =>
  [
    own,
    `export const ${SOURCE_EXPORT} = ${JSON.stringify(readFileSync(join(folder, "handler.py"), "utf8"))};`,
    "",
  ].join("\n");

/** The handler of a copy, the same for every version. What runs Python reads the config, so it stands apart. */
const handlerCopy = ({ handler }: Pipeline) =>
  handler === "handler.py"
    ? [
        `import { pythonPipeline } from ${JSON.stringify(join(packageRoot, "workers/pipeline/python.ts"))};`,
        `import { ${SOURCE_EXPORT} } from "./pipeline.mjs";`,
        `export { ${VERSION_EXPORT} } from "./pipeline.mjs";`,
        `export default pythonPipeline(${SOURCE_EXPORT});`,
        "",
      ].join("\n")
    : `export { ${VERSION_EXPORT}, default } from "./pipeline.mjs";\n`;

/** Modules that wrangler has its own ways with stay where they are. */
const leaveToWrangler: Plugin = {
  name: "leave-to-wrangler",
  setup({ onResolve }) {
    onResolve({ filter: /^\.{1,2}\/.*\.(wasm(\?module)?|bin)$/ }, ({ path, resolveDir }) => ({
      path: resolve(resolveDir, path),
      external: true,
    }));
  },
};

/** Bundles a handler for wrangler, with the lines of its sources. */
async function typescriptCode(root: string, { name, folder }: Pipeline, own: string): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: join(root, folder),
    // Not written here: the paths in the source map begin at it.
    outfile: join(root, copyPath(name, "pipeline.mjs")),
    entryPoints: ["handler.ts"],
    banner: { js: own },
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "browser", "import"],
    external: ["weir", "cloudflare:*", "node:*", "#weir/*", "#pipeline/*"],
    loader: { ".txt": "text" },
    sourcemap: "inline",
    tsconfigRaw: {},
    logLevel: "silent",
    plugins: [leaveToWrangler],
  });
  return outputFiles.map((file) => file.text).join("\n");
}

/** Writes a copy in one step, so that nobody reads half of it. An unchanged one is left alone. */
function put(root: string, name: string, text: string): void {
  const path = join(root, RUNNING, name);
  if (textAt(path) === text) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

function textAt(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
