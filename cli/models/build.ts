// The entry of models.json, and the files below models/ that it names, prepared in a folder from which they only have to
// be moved.
import { createHash } from "node:crypto";
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join, posix } from "node:path";
import {
  isOnnx,
  isOnnxSpeech,
  type Model,
  modelsSchema,
  type OnnxModel,
  type OnnxSpeechModel,
} from "../../src/shapes/model.ts";
import type { ModelOrigin } from "../../src/shapes/model-file.ts";
import { CliError } from "../io/output.ts";
import type { Hints } from "./catalogue.ts";
import type { ChosenFiles } from "./choose.ts";
import type { Configs } from "./configs.ts";
import { type GatheredModel, type Gathering, gatherFile, jsonOf } from "./gather.ts";
import { imageRecipe } from "./image-recipe.ts";
import { type ExternalEntry, joined } from "./onnx-graph.ts";
import { speechRecipe } from "./speech-recipe.ts";
import { textRecipe } from "./text-recipe.ts";
import { tryListening, tryModel } from "./trial.ts";

export interface BuildParts {
  gathering: Gathering;
  /** Name in models.json. */
  name: string;
  licence: string;
  configs: Configs;
  hints: Hints;
  models: Map<keyof ChosenFiles, GatheredModel>;
  /** Folder that gets `models/<name>/…`. */
  stage: string;
}

type Role = "image" | "text";
type OriginFile = ModelOrigin["files"][number];

/** Prepares the files, writes the entry and tries it. @throws CliError */
export async function buildEntry(
  parts: BuildParts,
): Promise<{ entry: object; model: OnnxModel | OnnxSpeechModel }> {
  const { gathering, name, licence, configs, stage } = parts;
  const { source } = gathering;
  rmSync(join(stage, "models"), { recursive: true, force: true });
  const { encoder, decoder } = Object.fromEntries(parts.models) as Partial<
    Record<keyof ChosenFiles, GatheredModel>
  >;
  if (encoder && decoder) return buildSpeechEntry(parts, encoder, decoder);
  const roles = rolesOf(parts.models);
  const origins: OriginFile[] = [];
  const sections: Partial<Record<Role, object>> = {};
  const shared = roles.size > 1;
  for (const [role, model] of roles) {
    const origin = keepModel(parts, role, model, shared);
    origins.push(origin);
    const kept = { file: origin.file, sha256: origin.sha256 };
    if (role === "image") sections.image = imageRecipe(kept, model.graph, configs);
    else {
      const tokenizer = await keepTokenizer(parts, model.source.path);
      origins.push(tokenizer.origin);
      const { hints } = parts;
      const { file, sha256 } = tokenizer.origin;
      sections.text = textRecipe({
        kept,
        tokenizer: { file, sha256 },
        tokenizerJson: tokenizer.json,
        graph: model.graph,
        configs,
        hints,
        shared: shared || configs["config.json"]?.text_config !== undefined,
      });
    }
  }
  const draft = { kind: "onnx", dimensions: 1, ...sections, origin: originOf(source, licence, origins) };
  const dimensions = await tryModel(stage, name, parsed(name, draft, isOnnx));
  const entry = { ...draft, dimensions };
  return { entry, model: parsed(name, entry, isOnnx) };
}

/** @throws CliError */
async function buildSpeechEntry(
  parts: BuildParts,
  encoder: GatheredModel,
  decoder: GatheredModel,
): Promise<{ entry: object; model: OnnxSpeechModel }> {
  const { gathering, name, licence, configs, stage } = parts;
  const recipe = speechRecipe(gathering.source.id, configs);
  const tokenizer = await keepTokenizer(parts, decoder.source.path);
  const origins = [
    keepModel(parts, "encoder", encoder, false),
    keepModel(parts, "decoder", decoder, false),
    tokenizer.origin,
  ];
  const [one, other, third] = origins.map(({ file, sha256 }) => ({ file, sha256 }));
  const files = { encoder: one, decoder: other, tokenizer: third };
  const origin = originOf(gathering.source, licence, origins);
  const entry = { kind: "onnx", task: "transcribe", ...files, ...recipe, origin };
  const model = parsed(name, entry, isOnnxSpeech);
  await tryListening(stage, name, model);
  return { entry, model };
}

const originOf = (
  { hub, id, revision }: Gathering["source"],
  licence: string,
  files: OriginFile[],
): ModelOrigin => ({ hub, id, ...(revision !== undefined && { revision }), licence, files });

function parsed<M extends Model>(
  name: string,
  entry: object,
  isRight: (model: Model | undefined) => model is M,
): M {
  const result = modelsSchema.safeParse({ [name]: entry });
  const model = result.data?.[name];
  if (isRight(model)) return model;
  const [issue] = result.error?.issues ?? [];
  throw new CliError(
    `The model cannot be written as an entry: ${issue?.path.slice(1).join(".")}: ${issue?.message}. models.json is as it was.`,
  );
}

/** What each file takes: by its name, or by its inputs. */
function rolesOf(models: BuildParts["models"]): Map<Role, GatheredModel> {
  const roles = new Map<Role, GatheredModel>();
  for (const [role, model] of models) {
    if (role === "image" || role === "text") roles.set(role, model);
    if (role !== "single") continue;
    const names = model.graph.inputs.map((input) => input.name);
    const [image, text] = [names.includes("pixel_values"), names.includes("input_ids")];
    if (image === text)
      throw new CliError(
        `${model.source.path} takes ${names.join(", ")}. Weir needs a file that takes pixel_values and another that takes input_ids (vision_model.onnx, text_model.onnx), or one of them alone.`,
      );
    roles.set(image ? "image" : "text", model);
  }
  return roles;
}

/** Puts a model's file into place, with its weights inside. */
function keepModel(
  { name, stage }: BuildParts,
  role: string,
  model: GatheredModel,
  several: boolean,
): OriginFile {
  const base = posix.basename(model.source.path);
  const file = `models/${name}/${several && base === "model.onnx" ? `${role}_model.onnx` : base}`;
  const target = join(stage, file);
  mkdirSync(dirname(target), { recursive: true });
  const from = [model.source.path, ...model.external.keys()].join(" + ");
  if (model.external.size === 0) {
    linkSync(model.path, target);
    return { from, file, sha256: model.sha256, bytes: model.source.bytes };
  }
  const hash = createHash("sha256");
  const handle = openSync(target, "w");
  let bytes = 0;
  for (const piece of joined(readFileSync(model.path), weightsReader(model))) {
    for (let at = 0; at < piece.length; ) at += writeSync(handle, piece, at);
    hash.update(piece);
    bytes += piece.length;
  }
  closeSync(handle);
  return { from, file, sha256: hash.digest("hex"), bytes };
}

function weightsReader({ external, source }: GatheredModel): (entry: ExternalEntry) => Uint8Array {
  return ({ location, offset, length }) => {
    const path = external.get(location);
    const size = path === undefined ? 0 : statSync(path).size;
    const count = length ?? size - offset;
    if (path === undefined || !(offset >= 0 && count >= 0 && offset + count <= size))
      throw new CliError(
        `${source.path} names bytes ${offset} to ${offset + count} of ${location}, which has ${size}. models.json is as it was. The model's repository is damaged.`,
      );
    const data = new Uint8Array(count);
    const handle = openSync(path, "r");
    for (let at = 0; at < count; ) at += readSync(handle, data, at, count - at, offset + at);
    closeSync(handle);
    return data;
  };
}

async function keepTokenizer(
  { gathering, name, stage }: BuildParts,
  modelPath: string,
): Promise<{ origin: OriginFile; json: unknown }> {
  const { files, id } = gathering.source;
  const places = ["tokenizer.json", posix.join(posix.dirname(modelPath), "tokenizer.json")];
  const source = places.flatMap((place) => files.filter(({ path }) => path === place))[0];
  if (!source)
    throw new CliError(
      `${id} has no tokenizer.json. models.json is as it was. Make one of its other files: in Python, AutoTokenizer.from_pretrained(…).save_pretrained(FOLDER).`,
    );
  const { path, sha256 } = await gatherFile(gathering, source);
  const file = `models/${name}/tokenizer.json`;
  mkdirSync(dirname(join(stage, file)), { recursive: true });
  linkSync(path, join(stage, file));
  return {
    origin: { from: source.path, file, sha256, bytes: source.bytes },
    json: jsonOf(readFileSync(path, "utf8"), source.path),
  };
}
