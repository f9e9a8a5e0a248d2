// Checks of the files that models.json names: present, with the given SHA-256, and loadable. Compute would refuse them
// later. src/shapes/model.ts defines what a model is; check.ts checks how the parts of a project fit together.
import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isOnnxSpeech } from "../../src/shapes/model.ts";
import { nearest } from "../../src/shapes/nearest.ts";
import { refusedModel } from "../../workers/compute/server/inference/onnx-file.ts";
import type { Problem } from "../io/json-file.ts";
import type { Project } from "./project.ts";

/** Finds every problem with the files of a project's models. */
export function checkModels(project: Project): Problem[] {
  return filesOf(project).flatMap(({ place, file, sha256, isModel }) => {
    const problemAt = (field: string, problem: string, next: string) => [
      project.files.models.at([...place, field], `${place.join(".")}: ${problem}`, next),
    ];
    const path = join(project.root, file);
    if (!existsSync(path)) {
      const near = nearest(file, globSync("models/**/*", { cwd: project.root }));
      return problemAt(
        "file",
        `there is no ${file}.`,
        near ? `Did you mean "${near}"?` : "Put the file there, or correct the path.",
      );
    }
    const bytes = readFileSync(path);
    const found = createHash("sha256").update(bytes).digest("hex");
    if (found !== sha256) {
      return problemAt(
        "sha256",
        `${file} has another SHA-256.`,
        `If this is the right file, write "${found}".`,
      );
    }
    const refused = isModel ? refusedModel(bytes) : undefined;
    return refused
      ? problemAt("file", `${file} ${refused}.`, "Export the model with its weights inside, as one file.")
      : [];
  });
}

interface ModelFile {
  place: string[];
  file: string;
  sha256: string;
  isModel: boolean;
}

function filesOf(project: Project): ModelFile[] {
  return Object.entries(project.definitions).flatMap(([name, model]): ModelFile[] => {
    if (model.kind !== "onnx") return [];
    if (isOnnxSpeech(model))
      return (["encoder", "decoder", "tokenizer"] as const).map((part) => {
        const { file, sha256 } = model[part];
        return { place: [name, part], file, sha256, isModel: part !== "tokenizer" };
      });
    const { image, video, text } = model;
    const parts = Object.entries({ image, video, text }).flatMap(([part, source]) =>
      source ? [{ place: [name, part], file: source.file, sha256: source.sha256, isModel: true }] : [],
    );
    if (text) parts.push({ place: [name, "text", "tokenizer"], ...text.tokenizer, isModel: false });
    return parts;
  });
}
