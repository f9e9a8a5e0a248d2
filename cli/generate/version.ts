// Version of a pipeline: a hash of everything that decides what it computes. It changes exactly when the bundled
// handler, the config, a model's definition or compute's contract changes, and is the same on any machine. A model's
// file counts by its SHA-256, which its definition holds.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { type BuildFailure, build, transform } from "esbuild";
import { canonical } from "../../src/shapes/canonical.ts";
import { COMPUTE_CONTRACT } from "../../src/shapes/contract.ts";
import { decidingFields } from "../../src/shapes/model.ts";
import { CliError } from "../io/output.ts";
import type { Pipeline, Project } from "../project/project.ts";

/** Parts that a version is the hash of, and the files that the handler is bundled from. */
export interface VersionInputs {
  /** Bundled handler with the code it imports; in Python, handler.py and requirements.txt. */
  handler: string;
  config: string;
  models: string;
  contract: number;
  /** Files that went into `handler`, relative to the root. */
  files: string[];
}

/** Version of a pipeline: the first 16 hex digits of a SHA-256 over its {@link VersionInputs}. */
export function versionOf(project: Project, pipeline: Pipeline): Promise<string> {
  const version = versions.get(pipeline) ?? readInputs(project, pipeline).then(hashOf);
  versions.set(pipeline, version);
  return version;
}

/** The code that a version is of, as it is bundled, with what it imports: laid out, without comments. */
export async function sourceOf(project: Project, pipeline: Pipeline): Promise<string> {
  const read = await (inputs.get(pipeline) ?? readInputs(project, pipeline));
  if (pipeline.handler === "handler.py") return (JSON.parse(read.handler) as { handler: string }).handler;
  return (await transform(read.handler, { format: "esm" })).code;
}

function readInputs(project: Project, pipeline: Pipeline): Promise<VersionInputs> {
  const read = inputsOf(project, pipeline);
  inputs.set(pipeline, read);
  return read;
}

/** What versions of pipelines were made of. */
const inputs = new WeakMap<Pipeline, Promise<VersionInputs>>();

/** Versions of pipelines that have been read: each is bundled once. A project that may have changed is read anew. */
const versions = new WeakMap<Pipeline, Promise<string>>();

/** Makes a pipeline keep what its version was made of, whatever its files hold since. */
export function holdInputs(pipeline: Pipeline, read: VersionInputs): void {
  inputs.set(pipeline, Promise.resolve(read));
  versions.set(pipeline, Promise.resolve(hashOf(read)));
}

/** Collects what a version is the hash of. `contract` replaces the contract of this Weir. */
export async function inputsOf(
  project: Project,
  pipeline: Pipeline,
  contract: number = COMPUTE_CONTRACT,
): Promise<VersionInputs> {
  const folder = join(project.root, pipeline.folder);
  // What runs may cost changes nothing of what they return.
  const { budget: _, ...config } = pipeline.config ?? {};
  const source = pipeline.handler === "handler.py" ? pythonSource(folder) : bundle(folder);
  const { text, files } = await Promise.resolve(source).catch((error: unknown) => {
    throw notBuilt(project, pipeline, error);
  });
  return {
    handler: text,
    config: canonical(config),
    models: canonical(modelsFor(project, pipeline)),
    contract,
    files: files.map((file) => relative(project.root, file)),
  };
}

/** Version that inputs make. */
export function hashOf({ handler, config, models, contract }: VersionInputs): string {
  const hash = createHash("sha256");
  for (const part of [handler, config, models, `compute ${contract}`]) {
    // Each length goes first, so that text cannot move from one part to the next unnoticed.
    hash.update(`${Buffer.byteLength(part)}\n`).update(part);
  }
  return hash.digest("hex").slice(0, 16);
}

/** Model definitions that a pipeline may use: those that its config names, or all. */
function modelsFor({ models }: Project, { config }: Pipeline): unknown {
  if (typeof models !== "object" || models === null) return models;
  const named: readonly string[] | undefined = config?.models;
  const used = Object.entries(models).filter(([name]) => named?.includes(name) ?? true);
  return Object.fromEntries(
    used.map(([name, model]) => [
      name,
      typeof model === "object" && model !== null ? decidingFields(model) : model,
    ]),
  );
}

async function bundle(folder: string): Promise<HandlerSource> {
  const result = await build({
    absWorkingDir: folder,
    entryPoints: ["handler.ts"],
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "browser", "import"],
    external: ["weir", "cloudflare:*", "node:*", "#weir/*", "#pipeline/*"],
    // Comments would contain paths, and neither they nor spaces change what is computed.
    minifyWhitespace: true,
    legalComments: "none",
    loader: { ".txt": "text", ".wasm": "binary", ".bin": "binary" },
    tsconfigRaw: {},
    logLevel: "silent",
  });
  const files = Object.keys(result.metafile.inputs).map((file) => resolve(folder, file));
  return { text: result.outputFiles.map((file) => file.text).join("\n"), files: files.sort() };
}

/** What esbuild says of a handler that it cannot bundle, with places relative to the root. */
function notBuilt(project: Project, { name, folder }: Pipeline, error: unknown): unknown {
  const errors = (error as Partial<BuildFailure>).errors ?? [];
  if (errors.length === 0) return error;
  const problems = errors.map(({ text, location }) => ({
    file: relative(project.root, resolve(project.root, folder, location?.file ?? "handler.ts")),
    line: location?.line ?? 1,
    column: (location?.column ?? 0) + 1,
    problem: `${text}.`,
  }));
  return new CliError(`The handler of ${name} does not build.`, problems);
}

function pythonSource(folder: string): HandlerSource {
  const files = ["handler.py", "requirements.txt"].map((name) => join(folder, name));
  const [handler, requirements] = files.map((file) => (existsSync(file) ? readFileSync(file, "utf8") : ""));
  return { text: canonical({ handler, requirements }), files: files.filter((file) => existsSync(file)) };
}

interface HandlerSource {
  text: string;
  files: string[];
}
