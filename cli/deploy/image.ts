// What goes into compute's image: Weir's own server, and of the project its models and what its Python handlers
// require. A project that is not Weir's own folder has them laid out together before wrangler builds.
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parse, stringify } from "smol-toml";
import { packageRoot } from "../project/project.ts";

const SERVER = [
  "workers/compute/Dockerfile*",
  "workers/compute/server/**/*",
  "src/shapes/{canonical,contract,failure,model,vector}.ts",
  "package.json",
  "package-lock.json",
];
const PROJECT = ["models.json", "models/**/*", "pipelines/*/requirements.txt"];

export const COMPUTE_CONFIG = "workers/compute/wrangler.toml";
/** Where the files are laid out, below the project. */
const STAGE = ".weir/image";

/** Every file of a project's image, by its path in the build's context. */
export function imageFiles(root: string): Map<string, string> {
  const found = (folder: string, patterns: string[]) =>
    globSync(patterns, { cwd: folder, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path): [string, string] => [relative(folder, path), path]);
  return new Map(
    [...found(packageRoot, SERVER), ...found(root, PROJECT)].sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/**
 * Lays out the image's files below the project, and a wrangler.toml that builds from there: Docker sees one folder
 * only. Returns that file, relative to the root; Weir's own folder is one already.
 */
export function stageImage(root: string): string {
  if (resolve(root) === packageRoot) return COMPUTE_CONFIG;
  const stage = join(root, STAGE);
  rmSync(stage, { recursive: true, force: true });
  for (const [path, from] of imageFiles(root)) {
    mkdirSync(dirname(join(stage, path)), { recursive: true });
    cpSync(from, join(stage, path));
  }
  const config = parse(readFileSync(join(packageRoot, COMPUTE_CONFIG), "utf8"));
  const main = relative(stage, join(packageRoot, dirname(COMPUTE_CONFIG), String(config.main)));
  const containers = (config.containers as Record<string, unknown>[]).map((container) => ({
    ...container,
    image: "./workers/compute/Dockerfile",
    image_build_context: ".",
  }));
  writeFileSync(join(stage, "wrangler.toml"), stringify({ ...config, main, containers }));
  return `${STAGE}/wrangler.toml`;
}
