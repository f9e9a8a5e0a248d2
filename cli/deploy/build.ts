// Hashes of what a deploy uploads: of a Worker its bundle, wrangler.toml and settings; of compute its image. The hash
// is deployed with the Worker as WEIR_BUILD, so that the next deploy can skip an unchanged Worker. The commit is left
// out: a commit that changes no byte of a Worker is no reason to replace it.
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
  const bundled = await build({
    absWorkingDir: folder,
    entryPoints: [join(folder, config.main)],
    alias: Object.fromEntries(
      Object.entries(config.alias ?? {}).map(([name, target]) => [name, join(folder, target)]),
    ),
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "browser", "import"],
    external: ["cloudflare:*", "node:*", ...builtinModules],
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
  const assets = config.assets?.directory ? filesUnder(join(folder, config.assets.directory)) : {};
  const code = bundled.outputFiles.map((file) => file.text);
  return hash({ code, config, assets, settings });
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
