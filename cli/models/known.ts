// The entry of a name in models.json, and the files that an entry names.
import { isOnnxSpeech, type Model } from "../../src/shapes/model.ts";
import { CliError } from "../io/output.ts";
import { suggestion } from "../io/suggest.ts";
import { loadProject, type Project } from "../project/project.ts";

/** The project with its models. @throws CliError where models.json cannot be read */
export function projectWithModels(root: string): Project {
  const project = loadProject(root);
  const problems = project.problems.filter(({ file }) => file === "models.json");
  if (problems.length > 0) throw new CliError("models.json has problems.", problems);
  return project;
}

/** @throws CliError where there is none of this name */
export function knownModel({ definitions }: Project, name: string): Model {
  const model = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
  if (model) return model;
  throw new CliError(
    `models.json has no model ${name}. ${suggestion(name, Object.keys(definitions))}`,
    [],
    4,
  );
}

/** Files below models/ that an entry names. */
export function filesOf(model: Model): string[] {
  if (model.kind !== "onnx") return [];
  if (isOnnxSpeech(model)) return [model.encoder, model.decoder, model.tokenizer].map(({ file }) => file);
  const { image, video, text } = model;
  return [image?.file, video?.file, text?.file, text?.tokenizer.file].flatMap((file) => file ?? []);
}
