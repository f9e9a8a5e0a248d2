// `weir models list`: what models.json has, or what the catalogue has.
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { BUILTINS, isSpeech, type Model, takenBy } from "../../src/shapes/model.ts";
import { note, print, printJson, table } from "../io/output.ts";
import { CATALOGUE } from "./catalogue.ts";
import { filesOf, projectWithModels } from "./known.ts";
import { megabytes } from "./progress.ts";

export function listModels(root: string, { catalogue, json }: { catalogue?: boolean; json?: boolean }): void {
  if (catalogue) {
    listCatalogue(json ?? false);
    return;
  }
  const { definitions } = projectWithModels(root);
  const rows = Object.entries(definitions).map(([name, model]) => ({
    name,
    kind: model.kind,
    takes: isSpeech(model) ? ["speech"] : takenBy(model),
    dimensions: dimensionsOf(model),
    bytes: bytesOf(root, model),
    licence: (model.kind === "onnx" && model.origin?.licence) || null,
    origin: originOf(model),
  }));
  if (json) {
    printJson(rows);
    return;
  }
  const cells = rows.map(({ name, kind, takes, dimensions, bytes, licence, origin }) => [
    name,
    kind,
    takes.join(" "),
    String(dimensions ?? ""),
    bytes === null ? "missing" : bytes === 0 ? "" : megabytes(bytes),
    licence ?? "",
    origin ?? "",
  ]);
  print(table([["name", "kind", "takes", "numbers", "size", "licence", "from"], ...cells]));
}

function listCatalogue(json: boolean): void {
  const rows = Object.entries(CATALOGUE).map(([name, { id, licence, use }]) => ({ name, id, licence, use }));
  if (json) {
    printJson(rows);
    return;
  }
  print(
    table([
      ["name", "licence", "for", "on the hub"],
      ...rows.map(({ name, licence, use, id }) => [name, licence, use, id]),
    ]),
  );
  note("Add one with: weir models add NAME. Published figures are in docs/models.md.");
}

/** Numbers of its vectors; null for a model that makes none. */
function dimensionsOf(model: Model): number | null {
  if (isSpeech(model)) return null;
  return model.kind === "builtin" ? BUILTINS[model.builtin].dimensions : model.dimensions;
}

/** Bytes of its files; null where one is missing. */
function bytesOf(root: string, model: Model): number | null {
  const paths = filesOf(model).map((file) => join(root, file));
  return paths.every((path) => existsSync(path))
    ? paths.reduce((sum, path) => sum + statSync(path).size, 0)
    : null;
}

function originOf(model: Model): string | null {
  if (model.kind === "http") return model.url;
  if (model.kind === "builtin" || !model.origin) return null;
  const { id, revision } = model.origin;
  return revision === undefined ? id : `${id}@${revision.slice(0, 12)}`;
}
