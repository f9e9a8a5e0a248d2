// The files that models.json names: there, the ones that were meant, and whole. `weir validate` asks before
// compute would. Neighbours: src/shapes/model.ts has what a definition is, check.ts how the parts fit together.
import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { refusedModel } from "../../workers/compute/server/inference/onnx-file.ts";
import type { Problem } from "../io/json-file.ts";
import { nearest } from "../io/suggest.ts";
import type { Project } from "./project.ts";

/** Every problem with the files of a project's models. */
export function checkModels(project: Project): Problem[] {
  return filesOf(project).flatMap(({ place, file, sha256, isModel }) => {
    const at = (field: string, problem: string, next: string) => [
      project.files.models.at([...place, field], `${place.join(".")}: ${problem}`, next),
    ];
    const path = join(project.root, file);
    if (!existsSync(path)) {
      const near = nearest(file, globSync("models/**/*", { cwd: project.root }));
      return at(
        "file",
        `there is no ${file}`,
        near ? `did you mean "${near}"?` : "put it there, or correct the path",
      );
    }
    const bytes = readFileSync(path);
    const found = createHash("sha256").update(bytes).digest("hex");
    if (found !== sha256) {
      return at(
        "sha256",
        `${file} has another SHA-256`,
        `if the file is the one that is meant, write "${found}"`,
      );
    }
    const refused = isModel ? refusedModel(bytes) : undefined;
    return refused ? at("file", `${file} ${refused}`, "export it with its weights inside, as one file") : [];
  });
}

interface Named {
  place: string[];
  file: string;
  sha256: string;
  isModel: boolean;
}

function filesOf(project: Project): Named[] {
  return Object.entries(project.definitions).flatMap(([name, model]): Named[] => {
    if (model.kind !== "onnx") return [];
    const { image, video, text } = model;
    const parts = Object.entries({ image, video, text }).flatMap(([part, it]) =>
      it ? [{ place: [name, part], file: it.file, sha256: it.sha256, isModel: true }] : [],
    );
    if (text) parts.push({ place: [name, "text", "tokenizer"], ...text.tokenizer, isModel: false });
    return parts;
  });
}
