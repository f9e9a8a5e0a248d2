// `weir models add`: find the model, agree to its licence, bring its files, write its entry, try it, put all in place. Until
// the last step nothing of the project changes; each step's file says what can go wrong in it.
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import {
  DEFAULT_MODEL,
  isOnnxSpeech,
  type OnnxModel,
  type OnnxSpeechModel,
  takenBy,
} from "../../src/shapes/model.ts";
import { ask, canAsk } from "../io/ask.ts";
import { CliError, good, note, printJson, say } from "../io/output.ts";
import { loadProject } from "../project/project.ts";
import { buildEntry } from "./build.ts";
import { CATALOGUE, type CatalogueEntry } from "./catalogue.ts";
import { chooseFiles } from "./choose.ts";
import { openFolder } from "./folder.ts";
import { gatherConfigs, gatherModels } from "./gather.ts";
import { HUB, openHub } from "./hub.ts";
import { judge } from "./licence.ts";
import { writeEntry } from "./models-file.ts";
import { megabytes } from "./progress.ts";
import type { ModelSource } from "./source.ts";

export interface AddOptions {
  root: string;
  /** Name of the catalogue, name on the hub, URL of a model's page, or folder. */
  model: string;
  env: NodeJS.ProcessEnv;
  hub?: string;
  /** Name in models.json. */
  as?: string;
  revision?: string;
  variant?: string;
  yes?: boolean;
  /** Whether the name that handlers use by default means this model from now on. */
  default?: boolean;
  json?: boolean;
}

type ModelOfFiles = OnnxModel | OnnxSpeechModel;

/** What is to be added, and as what. */
interface Target {
  name: string;
  catalogue: CatalogueEntry | undefined;
  from: { folder: string } | { hub: string; id: string; revision: string };
  /** The entry that is there from before, of the same model. */
  existing: ModelOfFiles | undefined;
}

export async function addModel(options: AddOptions): Promise<void> {
  const { root, env, variant } = options;
  const target = targetOf(options);
  const source = await openSource(target, env);
  const licence = await agree(source, target, options);
  const chosen = chooseFiles(source, variant);
  const stage = join(
    root,
    ".weir/models",
    `${source.id.replaceAll("/", "--")}@${source.revision ?? "folder"}`,
  );
  if ("folder" in target.from) rmSync(stage, { recursive: true, force: true });
  const { name, catalogue } = target;
  const gathering = { source, raw: join(stage, "raw"), earlier: join(root, "models", name) };
  const configs = await gatherConfigs(gathering);
  const models = await gatherModels(gathering, chosen);
  const hints = catalogue?.hints ?? {};
  const { entry, model } = await buildEntry({ gathering, name, licence, configs, hints, models, stage });
  requireSame(target, model);
  if (options.default && !takenBy(model).includes("video")) throw noDefault(name, model);
  const files = model.origin?.files ?? [];
  for (const { file } of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    renameSync(join(stage, file), join(root, file));
  }
  if (!target.existing) writeEntry(root, name, entry);
  if (options.default) {
    const { origin: _, ...fields } = { origin: undefined, ...entry };
    writeEntry(root, DEFAULT_MODEL, fields);
  }
  rmSync(stage, { recursive: true, force: true });
  report(options, target, model);
}

/** @throws CliError */
function targetOf(options: AddOptions): Target {
  const { root, as, model } = options;
  const { files, definitions } = loadProject(root);
  if (files.models.problems.length > 0)
    throw new CliError("models.json cannot be read, so nothing can be added to it.", files.models.problems);
  const catalogue = Object.hasOwn(CATALOGUE, model) ? CATALOGUE[model] : undefined;
  const from = placeOf(options, catalogue);
  const id = "folder" in from ? (from.folder.split("/").at(-1) ?? "") : from.id;
  const name = as ?? (catalogue ? model : id);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/.test(name))
    throw new CliError(
      `"${name}" is no name for a model: letters, digits and ._- , parts separated by /. Give one with --as.`,
      [],
      2,
    );
  const there = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
  if (!there) return { name, catalogue, from, existing: undefined };
  const origin = there.kind === "onnx" ? there.origin : undefined;
  if (there.kind !== "onnx" || !origin || origin.id !== id || options.revision !== undefined)
    throw new CliError(
      `models.json has ${name} already. Give the new one another name (--as), or take that one out first: weir models remove ${name}`,
    );
  // The files of an entry that is there are brought as they were when it was written.
  const pinned = "folder" in from ? from : { ...from, revision: origin.revision ?? from.revision };
  return { name, catalogue, from: pinned, existing: there };
}

function placeOf(
  { root, model, hub, revision = "main" }: AddOptions,
  catalogue: CatalogueEntry | undefined,
): Target["from"] {
  if (catalogue) return { hub: hub ?? HUB, id: catalogue.id, revision };
  if (/^https?:\/\//.test(model)) {
    const url = URL.parse(model);
    const [owner, repository, tree, branch] = url?.pathname.split("/").filter(Boolean) ?? [];
    if (!url || !owner || !repository)
      throw new CliError(
        `${model} is no URL of a model's page, like ${HUB}/Xenova/clip-vit-base-patch32`,
        [],
        2,
      );
    const named = tree === "tree" && branch ? decodeURIComponent(branch) : revision;
    return { hub: hub ?? url.origin, id: `${owner}/${repository}`, revision: named };
  }
  if (/^[A-Za-z0-9][\w.-]*\/[\w.-]+$/.test(model)) return { hub: hub ?? HUB, id: model, revision };
  if (/[/\\.]/.test(model)) return { folder: resolve(root, model) };
  const names = Object.keys(CATALOGUE).join(", ");
  throw new CliError(
    `There is no model ${model} in the catalogue: it has ${names}. Others by their name on the hub (OWNER/NAME), the URL of their page, or a folder (./FOLDER).`,
    [],
    4,
  );
}

const openSource = ({ from }: Target, env: NodeJS.ProcessEnv): ModelSource | Promise<ModelSource> =>
  "folder" in from ? openFolder(from.folder) : openHub(from, env.HF_TOKEN || undefined);

/** The licence's name, once it may be used. @throws CliError */
async function agree(
  source: ModelSource,
  { catalogue, existing }: Target,
  { yes }: AddOptions,
): Promise<string> {
  const licence = source.licence ?? catalogue?.licence;
  const stated = source.licence === undefined && catalogue ? ` (${catalogue.licenceSource})` : "";
  const page = source.hub === "folder" ? "its README.md" : `${source.hub}/${source.id}`;
  say(
    `${source.id}${source.revision ? ` at ${source.revision.slice(0, 12)}` : ""}: licence ${licence ?? "not stated"}${stated}`,
  );
  const judgement = judge(licence);
  if (judgement === "forbidden")
    throw new CliError(
      `The licence of ${source.id}, ${licence}, forbids its use except for research or without gain, so Weir does not take it. See ${page}. \`weir models list --catalogue\` shows models that are free to use.`,
    );
  const agreed = existing?.origin?.licence === licence;
  if (judgement === "free" || yes || agreed) return licence ?? "not stated";
  const what =
    licence === undefined
      ? `${source.id} states no licence`
      : `${licence} is not among the licences that are known to be free`;
  if (!canAsk())
    throw new CliError(
      `${what}. Read its terms (${page}); if you may use it, run the command again with --yes.`,
    );
  if (!(await ask(`${what}. Have you read its terms (${page}), and may you use it?`)))
    throw new CliError("Nothing was added.");
  return licence ?? "not stated";
}

/** Files of an entry from before must be the ones that it pins. */
function requireSame({ name, existing }: Target, model: ModelOfFiles): void {
  if (!existing) return;
  const hashesOf = (one: ModelOfFiles) =>
    (isOnnxSpeech(one)
      ? [one.encoder, one.decoder, one.tokenizer]
      : [one.image, one.text, one.text?.tokenizer]
    )
      .map((file) => file?.sha256)
      .join();
  if (hashesOf(existing) === hashesOf(model)) return;
  throw new CliError(
    `What the source has now is not what models.json pins as ${name}. models.json is as it was. Take the entry out first (weir models remove ${name}), or name the new one otherwise (--as).`,
  );
}

const noDefault = (name: string, model: ModelOfFiles) =>
  new CliError(
    `${name} takes ${takenBy(model).join(" and ") || "speech"}, no pictures, so ${DEFAULT_MODEL} cannot mean it. Nothing was added; without --default it is.`,
  );

function report(
  { json, root, default: isDefault }: AddOptions,
  { name, existing }: Target,
  model: ModelOfFiles,
): void {
  const files = model.origin?.files ?? [];
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  if (json)
    printJson({
      name,
      added: !existing,
      default: isDefault === true,
      dimensions: isOnnxSpeech(model) ? null : model.dimensions,
      takes: isOnnxSpeech(model) ? ["speech"] : takenBy(model),
      bytes,
      origin: model.origin,
    });
  const done = existing ? "has its files again" : "is in models.json";
  const gives = isOnnxSpeech(model)
    ? `text of speech, in ${languagesOf(model)}`
    : `${model.dimensions} numbers, of ${takenBy(model).join(", ")}`;
  good(`${name} ${done}: ${gives}; ${megabytes(bytes)} in ${join("models", name)}`);
  if (isDefault) good(`${DEFAULT_MODEL} means ${name} from now on.`);
  note(
    `Keep its files with Git LFS, or out of git and run this again where compute's image is built. Next: name "${name}" in a handler, then weir validate${root === process.cwd() ? "" : ` --root ${root}`}`,
  );
}

function languagesOf(model: OnnxSpeechModel): string {
  if (model.architecture === "moonshine") return model.language;
  const count = Object.keys(model.tokens.languages).length;
  return count > 1 ? `${count} languages` : "one language";
}
