// What a Worker's upload would consist of, as one hash: its bundle, its wrangler.toml and the settings given at
// deploy. Deployed as WEIR_BUILD, so that the next deploy can see that nothing changed and upload nothing.
// The commit is left out on purpose: a commit that changes no byte of a Worker is no reason to replace it.
import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative } from "node:path";
import { build } from "esbuild";
import { canonical } from "../../src/shapes/canonical.ts";
import { imageFiles } from "./image.ts";
import type { WranglerConfig } from "./wrangler-config.ts";

/** The first 16 hex digits of a SHA-256 over everything that an upload of this Worker consists of. */
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
    // Comments would carry paths.
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

/** The same for a project's compute image: every file that goes into it. */
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
