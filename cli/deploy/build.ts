// Hashes of what a deploy uploads: of a Worker its bundle, wrangler.toml and settings; of compute its image. The hash
// is deployed with the Worker as WEIR_BUILD, so that the next deploy can skip an unchanged Worker. The commit is left
// out: a commit that changes no byte of a Worker is no reason to replace it. Weir's own code is bundled once for all
// pipelines, since there may be a thousand.
import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative } from "node:path";
import { build } from "esbuild";
import { canonical } from "../../src/shapes/canonical.ts";
import { imageFiles } from "./image.ts";
import type { WranglerConfig } from "./wrangler-config.ts";

/** Hash of a Worker's upload: the first 16 hex digits of a SHA-256 over all that it consists of. */
export async function buildOf(path: string, config: WranglerConfig, settings: object): Promise<string> {
  const folder = dirname(path);
  const alias = Object.entries(config.alias ?? {}).map(([name, target]) => [name, join(folder, target)]);
  const code = await bundle(folder, [config.main], { alias: Object.fromEntries(alias) });
  const assets = config.assets?.directory ? filesUnder(join(folder, config.assets.directory)) : {};
  return hash({ code, config, assets, settings });
}

/** What a pipeline's Worker has of Weir, beside its own handler. */
const PIPELINE_SOURCES = ["worker.ts", "python.ts", "sdk.ts", "../../src/client/client.ts"];
/** What `version` covers: comments and spaces of a handler change nothing. */
const HANDLER = "#pipeline/handler";

/**
 * Makes the function that hashes the uploads of pipelines: each over Weir's code, which is the same in all of them, its
 * version, which is a hash of its handler and config, and the JSON files that its wrangler.toml puts in for names.
 */
export function pipelineBuilds(): (
  path: string,
  config: WranglerConfig,
  parts: { version: string; settings: object },
) => Promise<string> {
  const bundles = new Map<string, Promise<string>>();
  const files = new Map<string, string>();
  return async (path, config, { version, settings }) => {
    const folder = dirname(path);
    const sources = dirname(join(folder, config.main));
    const code =
      bundles.get(sources) ??
      bundle(sources, PIPELINE_SOURCES, { external: ["#weir/*", "#pipeline/*"] }).then(hash);
    bundles.set(sources, code);
    const json = Object.entries(config.alias ?? {}).filter(([name]) => name !== HANDLER);
    const named = json.map(([name, target]) => {
      const file = join(folder, target);
      const content = files.get(file) ?? hash(JSON.parse(readFileSync(file, "utf8")));
      files.set(file, content);
      return [name, content];
    });
    return hash({ code: await code, config, named: Object.fromEntries(named), version, settings });
  };
}

/** Bundles as wrangler would, near enough that each change of what is uploaded is one of the bundle. */
async function bundle(
  folder: string,
  entries: string[],
  { alias = {}, external = [] }: { alias?: Record<string, string>; external?: string[] },
): Promise<string[]> {
  const { outputFiles } = await build({
    absWorkingDir: folder,
    entryPoints: entries.map((entry) => join(folder, entry)),
    outdir: folder,
    alias,
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "browser", "import"],
    external: ["cloudflare:*", "node:*", ...builtinModules, ...external],
    // Comments would contain paths.
    minifyWhitespace: true,
    legalComments: "none",
    loader: {
      ".txt": "text",
      ".html": "text",
      ".sql": "text",
      ".py": "text",
      ".wasm": "binary",
      ".bin": "binary",
    },
    tsconfigRaw: {},
    logLevel: "silent",
  });
  return outputFiles.map((file) => file.text);
}

/** Hash of a project's compute image, over every file that goes into it. */
export const imageOf = (root: string): string =>
  hash(
    Object.fromEntries(
      [...imageFiles(root)].map(([path, from]) => [path, hash(readFileSync(from, "base64"))]),
    ),
  );

function filesUnder(folder: string): Record<string, string> {
  const files = globSync("**/*", { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return Object.fromEntries(
    files.map((file) => [relative(folder, file), hash(readFileSync(file, "base64"))]),
  );
}

const hash = (value: unknown) => createHash("sha256").update(canonical(value)).digest("hex").slice(0, 16);
