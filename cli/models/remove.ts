// `weir models remove`: an entry out of models.json, and the files that it alone names.
import { existsSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { CliError, good, note, printJson } from "../io/output.ts";
import { type AbsentModel, absentModelsHere } from "../operate/absent-models.ts";
import { countText } from "../operate/replay-text.ts";
import type { Project } from "../project/project.ts";
import { filesOf, knownModel, projectWithModels } from "./known.ts";
import { writeEntry } from "./models-file.ts";

/** @throws CliError where there is none, or, without `force`, a pipeline names it or a Weir that answers has vectors of it */
export async function removeModel(
  root: string,
  name: string,
  { json, force }: { json?: boolean; force?: boolean },
): Promise<void> {
  const project = projectWithModels(root);
  const model = knownModel(project, name);
  const users = project.pipelines.filter(({ config }) => config?.models?.includes(name));
  if (users.length > 0 && !force) {
    const places = users.map(({ folder }) => `${folder}/config.json`).join(", ");
    throw new CliError(
      `${places} names ${name}. Take it out of "models" there first, or remove it nevertheless with --force.`,
    );
  }
  if (!force) await refuseInUse(project, name);
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

/** Refuses where vectors would be lost to every question. A Weir that cannot be asked refuses nothing. */
async function refuseInUse(project: Project, name: string): Promise<void> {
  const { [name]: _, ...definitions } = project.definitions;
  const [before, after] = await Promise.all([
    absentModelsHere(project, process.env),
    absentModelsHere({ ...project, definitions }, process.env),
  ]);
  if (!before.isReached || !after.isReached) return;
  const lost = (model: AbsentModel) =>
    !before.models.some(
      (it) => it.collection === model.collection && it.model === model.model && it.vectors === model.vectors,
    );
  const inUse = after.models.filter(lost);
  if (inUse.length === 0) return;
  const lines = inUse.map(({ collection, vectors }) => `  ${collection}: ${countText(vectors, "vector")}`);
  throw new CliError(
    `Without ${name}, no search finds by vectors that are there:\n${lines.join("\n")}\n` +
      "Let their pipelines name another model, deploy and replay what is stale first; or take it out nevertheless with --force.",
  );
}

function removeEmpty(folder: string, top: string): void {
  if (!folder.startsWith(top) || !existsSync(folder) || readdirSync(folder).length > 0) return;
  rmdirSync(folder);
  if (folder !== top) removeEmpty(dirname(folder), top);
}
