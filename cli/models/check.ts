// `weir models check`: the files of models by their hashes, and each model run once.
import { isOnnxSpeech, type OnnxModel, type OnnxSpeechModel } from "../../src/shapes/model.ts";
import { bad, CliError, good, note, printJson } from "../io/output.ts";
import { checkModels } from "../project/check-models.ts";
import type { Project } from "../project/project.ts";
import { knownModel, projectWithModels } from "./known.ts";
import { tryListening, tryModel } from "./trial.ts";

/** @throws CliError where a model has a fault */
export async function checkModelFiles(
  root: string,
  name: string | undefined,
  { json }: { json?: boolean },
): Promise<void> {
  const project = projectWithModels(root);
  const named =
    name === undefined ? Object.entries(project.definitions) : [[name, knownModel(project, name)] as const];
  const checked = named.flatMap(([one, model]) => (model.kind === "onnx" ? [[one, model] as const] : []));
  const found: { name: string; problems: string[] }[] = [];
  for (const [one, model] of checked) {
    const problems = await problemsOf(project, one, model);
    found.push({ name: one, problems });
    const does = isOnnxSpeech(model) ? "it listens" : `${model.dimensions} numbers`;
    if (problems.length === 0) good(`${one}: files as pinned, ${does}`);
    for (const problem of problems) bad(`${one}: ${problem}`);
  }
  if (json) printJson(found);
  if (checked.length === 0) note("models.json has no model with files.");
  const faulty = found.filter(({ problems }) => problems.length > 0);
  if (faulty.length > 0)
    throw new CliError(`${faulty.length} of ${found.length} models cannot be used as they are.`);
}

async function problemsOf(
  project: Project,
  name: string,
  model: OnnxModel | OnnxSpeechModel,
): Promise<string[]> {
  const files = checkModels({ ...project, definitions: { [name]: model } });
  if (files.length > 0) {
    const again =
      model.origin && model.origin.hub !== "folder"
        ? `Fetch it again: weir models add ${model.origin.id} --as ${name}`
        : undefined;
    return files.map(({ problem, next }) => `${problem} ${again ?? next ?? ""}`.trim());
  }
  try {
    if (isOnnxSpeech(model)) {
      await tryListening(project.root, name, model);
      return [];
    }
    const size = await tryModel(project.root, name, model);
    return size === model.dimensions
      ? []
      : [`it gives ${size} numbers, and models.json says ${model.dimensions}. Correct "dimensions".`];
  } catch (error) {
    if (error instanceof CliError) return [error.message];
    throw error;
  }
}
