// A model's files from its source into a folder of this project's `.weir/`, checked, and what they say of themselves. What
// an earlier attempt brought is used again. models.json and models/ are not touched here.
import { existsSync, linkSync, mkdirSync, readFileSync, statfsSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { CliError, note } from "../io/output.ts";
import { type ChosenFiles, MAX_FILE_BYTES } from "./choose.ts";
import { CONFIGS, type ConfigName, type Configs } from "./configs.ts";
import { differenceOf, hashesOf } from "./hashes.ts";
import { type GraphInfo, graphInfo } from "./onnx-graph.ts";
import { megabytes } from "./progress.ts";
import type { ModelSource, SourceFile } from "./source.ts";

export interface Gathering {
  source: ModelSource;
  /** Where fetched files go, by their paths in the source. */
  raw: string;
  /** Where a file would be that was added before; looked at by name. */
  earlier: string;
}

/** A model's file that is here. */
export interface GatheredModel {
  source: SourceFile;
  path: string;
  sha256: string;
  graph: GraphInfo;
  /** Files of weights beside it, by the names that it calls them. */
  external: Map<string, string>;
}

/** Brings a file here unless it is; resolves to its path and SHA-256. @throws CliError */
export async function gatherFile(
  gathering: Gathering,
  file: SourceFile,
): Promise<{ path: string; sha256: string }> {
  const { source, raw, earlier } = gathering;
  const path = join(raw, file.path);
  const before = join(earlier, posix.basename(file.path));
  if (!existsSync(path) && file.sha256 !== undefined && existsSync(before)) {
    mkdirSync(dirname(path), { recursive: true });
    linkSync(before, path);
  }
  if (existsSync(path)) {
    const hashes = await hashesOf(path, file);
    const found = { bytes: hashes.bytes, ...hashes.digest() };
    if (differenceOf(file, found) === undefined) return { path, sha256: found.sha256 };
  }
  requireRoom(gathering, file);
  const sha256 = await source.fetch(file, path);
  if (file.bytes > 1_000_000) note(`${file.path}: ${megabytes(file.bytes)}, checked`);
  return { path, sha256 };
}

/** Refuses before the first byte what the disk has no room for. */
function requireRoom({ raw }: Gathering, { path, bytes }: SourceFile): void {
  mkdirSync(raw, { recursive: true });
  const { bavail, bsize } = statfsSync(raw);
  if (bytes <= bavail * bsize) return;
  throw new CliError(
    `The disk is full: ${path} has ${megabytes(bytes)}, and ${megabytes(bavail * bsize)} are free. models.json is as it was. Make room and run the command again.`,
  );
}

/** The configuration files that there are. @throws CliError */
export async function gatherConfigs(gathering: Gathering): Promise<Configs> {
  const configs: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(CONFIGS) as [ConfigName, (typeof CONFIGS)[ConfigName]][]) {
    const file = gathering.source.files.find(({ path }) => path === name);
    if (!file) continue;
    const { path } = await gatherFile(gathering, file);
    const parsed = schema.safeParse(jsonOf(readFileSync(path, "utf8"), name));
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new CliError(
        `${name}: ${issue?.path.join(".")}: ${issue?.message}. Weir cannot tell from it how the model is used: write the entry by hand (docs/models.md).`,
      );
    }
    configs[name] = parsed.data;
  }
  return configs as Configs;
}

/** The models themselves with their weights. @throws CliError */
export async function gatherModels(
  gathering: Gathering,
  chosen: ChosenFiles,
): Promise<Map<keyof ChosenFiles, GatheredModel>> {
  const models = new Map<keyof ChosenFiles, GatheredModel>();
  for (const [role, source] of Object.entries(chosen) as [keyof ChosenFiles, SourceFile][]) {
    const { path, sha256 } = await gatherFile(gathering, source);
    const graph = graphOf(path, source.path);
    const external = await gatherWeights(gathering, source, graph);
    models.set(role, { source, path, sha256, graph, external });
  }
  return models;
}

async function gatherWeights(
  gathering: Gathering,
  { path, bytes }: SourceFile,
  graph: GraphInfo,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  let total = bytes;
  for (const location of graph.external) {
    const name = posix.join(posix.dirname(path), location);
    const file = gathering.source.files.find((other) => other.path === name);
    if (!file || posix.isAbsolute(location))
      throw new CliError(
        `${path} keeps its weights in ${location}, and ${gathering.source.id} has no such file beside it. models.json is as it was. Put it there, or export the model with its weights inside.`,
      );
    total += file.bytes;
    if (total > MAX_FILE_BYTES)
      throw new CliError(
        `${path} has ${(total / 1e9).toFixed(1)} GB with its weights; compute loads at most 2 GB. Try --variant fp16 or --variant quantized.`,
      );
    found.set(location, (await gatherFile(gathering, file)).path);
  }
  return found;
}

function graphOf(path: string, name: string): GraphInfo {
  const bytes = readFileSync(path);
  try {
    return graphInfo(bytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CliError(
      `${name} is no ONNX model: it is ${kindOf(bytes) ?? error.message}. models.json is as it was. Weir loads ONNX and nothing else; ask the model's publisher for an export.`,
    );
  }
}

/** What files that are no ONNX mostly are. */
function kindOf(bytes: Buffer): string | undefined {
  const text = bytes.subarray(0, 64).toString("latin1");
  if (text.startsWith("PK\u0003\u0004"))
    return "a zip archive, as PyTorch's pickles are, which may run code when they are read";
  if (bytes[0] === 0x80 && (bytes[1] ?? 255) <= 5) return "a pickle, which may run code when it is read";
  if (text.startsWith("version https://git-lfs"))
    return "a pointer of Git LFS in place of the file (git lfs pull)";
  if (text.slice(8).startsWith('{"')) return "safetensors";
  return text.startsWith("<") ? "a web page" : undefined;
}

export function jsonOf(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CliError(
      `${name} is no JSON. models.json is as it was. The model's repository is damaged: use another revision (--revision).`,
    );
  }
}
