// `weir models remove`: an entry out of models.json, and the files that it alone names.
import { existsSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { CliError, good, note, printJson } from "../io/output.ts";
import { filesOf, knownModel, projectWithModels } from "./known.ts";
import { writeEntry } from "./models-file.ts";

/** @throws CliError where there is none, or a pipeline names it */
export function removeModel(root: string, name: string, { json }: { json?: boolean }): void {
  const project = projectWithModels(root);
  const model = knownModel(project, name);
  const users = project.pipelines.filter(({ config }) => config?.models?.includes(name));
  if (users.length > 0) {
    const places = users.map(({ folder }) => `${folder}/config.json`).join(", ");
    throw new CliError(`${places} names ${name}. Take it out of "models" there first.`);
  }
  const others = new Set(
    Object.entries(project.definitions).flatMap(([other, it]) => (other === name ? [] : filesOf(it))),
  );
  const files = filesOf(model).filter((file) => !others.has(file));
  // The entry goes first: an entry without files is a fault, files without one are not.
  writeEntry(root, name, undefined);
  for (const file of files) {
    rmSync(join(root, file), { force: true });
    removeEmpty(join(root, dirname(file)), join(root, "models"));
  }
  if (json) printJson({ name, files });
  good(`${name} is no longer in models.json${files.length > 0 ? `; removed ${files.join(", ")}` : ""}`);
  note(
    "Handlers that still name it fail, and items that it made are no longer found by meaning, until they are replayed.",
  );
}

function removeEmpty(folder: string, top: string): void {
  if (!folder.startsWith(top) || !existsSync(folder) || readdirSync(folder).length > 0) return;
  rmdirSync(folder);
  if (folder !== top) removeEmpty(dirname(folder), top);
}
