// Compute's image: Weir's server with the project's models and Python requirements. They are copied into one folder,
// from which wrangler builds the image: it hands the Dockerfile over by standard input, where Docker heeds no
// Dockerfile.dockerignore, so whatever else were in the folder would be in the build.
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { parse, stringify } from "smol-toml";
import type { ProjectSettings } from "../../src/shapes/project-settings.ts";
import { packageRoot } from "../project/project.ts";

const DOCKERFILE = "workers/compute/Dockerfile";
const SERVER = [
  DOCKERFILE,
  "workers/compute/server/**/*",
  "src/shapes/{canonical,contract,failure,model,user-agent,vector}.ts",
  "package.json",
  "package-lock.json",
];
const PROJECT = ["models.json", "models/**/*", "pipelines/*/requirements.txt"];

/** Name of the container application, and of its image. */
export const CONTAINER = "weir-compute";
export const REGISTRY = "registry.cloudflare.com";
const COMPUTE_CONFIG = "workers/compute/wrangler.toml";
/** Folder below the project from which the image is built. */
export const IMAGE_FOLDER = ".weir/image";
/** The compute Worker's configuration for one account: with the pushed image. */
export const STAGED_CONFIG = ".weir/compute/wrangler.toml";

/** Where an image is pushed to. Its tag is the hash of its files, so that what runs says what it was built of. */
export const imageAddress = (account: string, hash: string): string =>
  `${REGISTRY}/${account}/${CONTAINER}:${hash}`;

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

/** Copies the image's files, and nothing else, into a folder of the project. */
export function stageImage(root: string): void {
  const stage = join(root, IMAGE_FOLDER);
  rmSync(stage, { recursive: true, force: true });
  for (const [path, from] of imageFiles(root)) {
    mkdirSync(dirname(join(stage, path)), { recursive: true });
    cpSync(from, join(stage, path));
  }
  cpSync(join(packageRoot, DOCKERFILE), join(stage, "Dockerfile"));
}

/** Writes the compute Worker's configuration with the image at `address` and the project's instances. */
export function stageCompute(root: string, address: string, compute: ProjectSettings["compute"]): void {
  const path = join(root, STAGED_CONFIG);
  mkdirSync(dirname(path), { recursive: true });
  const config = parse(readFileSync(join(packageRoot, COMPUTE_CONFIG), "utf8"));
  const main = relative(dirname(path), join(packageRoot, dirname(COMPUTE_CONFIG), String(config.main)));
  const containers = (config.containers as Record<string, unknown>[]).map(
    ({ image_build_context: _, ...container }) => ({
      ...container,
      image: address,
      instance_type: compute.instance_type,
      max_instances: compute.instances,
    }),
  );
  writeFileSync(path, stringify({ ...config, main, containers }));
}
