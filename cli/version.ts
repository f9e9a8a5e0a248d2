// A pipeline's version: a hash of everything that decides what it computes. It is the same on any machine
// and in any folder, and changes exactly when the bundled handler, the config or models.json changes.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import type { Pipeline, Project } from "./project.ts";

/** The first 16 hex digits of a SHA-256 over handler, config and models. */
export async function versionOf(project: Project, pipeline: Pipeline): Promise<string> {
  const folder = join(project.root, pipeline.folder);
  const handler = pipeline.handler === "handler.py" ? pythonSource(folder) : await bundle(folder);
  const hash = createHash("sha256");
  for (const part of [handler, canonical(pipeline.config), canonical(project.models)]) {
    // Lengths first, so that no text can move from one part to the next unnoticed.
    hash.update(`${Buffer.byteLength(part)}\n`).update(part);
  }
  return hash.digest("hex").slice(0, 16);
}

/** JSON with sorted names and without `$schema`: equal values are equal texts. */
export function canonical(value: unknown): string {
  return JSON.stringify(value ?? null, (key, inner: unknown) => {
    if (key === "$schema") return undefined;
    if (inner === null || typeof inner !== "object" || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

async function bundle(folder: string): Promise<string> {
  const result = await build({
    absWorkingDir: folder,
    entryPoints: ["handler.ts"],
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "browser", "import"],
    external: ["weir", "cloudflare:*", "node:*", "#weir/*", "#pipeline/*"],
    // Comments would carry paths, and neither they nor spaces change what is computed.
    minifyWhitespace: true,
    legalComments: "none",
    loader: { ".txt": "text", ".wasm": "binary", ".bin": "binary" },
    tsconfigRaw: {},
    logLevel: "silent",
  });
  return result.outputFiles.map((file) => file.text).join("\n");
}

function pythonSource(folder: string): string {
  const read = (name: string) =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : "";
  return canonical({ handler: read("handler.py"), requirements: read("requirements.txt") });
}
