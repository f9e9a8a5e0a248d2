// Files of compute's image: Weir's server, and the project's models and Python requirements. For a project outside
// Weir's own folder they are copied into one folder, from which wrangler builds the image.
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parse, stringify } from "smol-toml";
import { packageRoot } from "../project/project.ts";

const SERVER = [
  "workers/compute/Dockerfile*",
  "workers/compute/server/**/*",
  "src/shapes/{canonical,contract,failure,model,user-agent,vector}.ts",
  "package.json",
  "package-lock.json",
];
const PROJECT = ["models.json", "models/**/*", "pipelines/*/requirements.txt"];

export const COMPUTE_CONFIG = "workers/compute/wrangler.toml";
/** Folder below the project into which the files are copied. */
const STAGE_FOLDER = ".weir/image";

/** Lists the files of a project's image: path in the image's build context → path on disk. */
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
 * Copies the image's files below the project, with a wrangler.toml that builds there, since Docker reads one folder
 * only. Returns the path of the wrangler.toml, relative to the root. Weir's own folder needs no copy.
 */
export function stageImage(root: string): string {
  if (resolve(root) === packageRoot) return COMPUTE_CONFIG;
  const stage = join(root, STAGE_FOLDER);
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
  return `${STAGE_FOLDER}/wrangler.toml`;
}
