// Explains why a pipeline's folder, restored from an earlier commit, does not have the version of that commit: other
// inputs of the version, outside the folder, have changed since.
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { canonical } from "../../src/shapes/canonical.ts";
import { inputsOf } from "../generate/version.ts";
import { fileAt } from "../git/git.ts";
import { type Project, packageRoot } from "../project/project.ts";

/** Names the inputs outside the folder that differ between tree and commit; Weir itself where none does. */
export async function differingInputs(project: Project, alias: string, commit: string): Promise<string[]> {
  const { root } = project;
  const pipeline = project.pipelines.find(({ name }) => name === alias);
  const inputs = pipeline && (await inputsOf(project, pipeline).catch(() => undefined));
  const shared = (inputs?.files ?? []).filter(
    (file) => !file.startsWith(`${pipeline?.folder}/`) && !file.includes("node_modules/"),
  );
  const differs = shared.filter((file) => textIn(root, file) !== fileAt(root, commit, file));
  if (modelsOf(textIn(root, "models.json")) !== modelsOf(fileAt(root, commit, "models.json"))) {
    differs.push("models.json");
  }
  const contract = relative(root, join(packageRoot, "src/shapes/contract.ts"));
  const then = contract.startsWith("..") ? undefined : fileAt(root, commit, contract);
  if (then !== undefined && then !== textIn(root, contract))
    differs.push(`${contract} (the contract of compute)`);
  if (!inputs) differs.push("a file that the handler imports, which is missing");
  return differs.length > 0 ? differs : ["Weir itself, the contract of compute, or the bundler"];
}

const textIn = (root: string, file: string) =>
  existsSync(join(root, file)) ? readFileSync(join(root, file), "utf8") : undefined;

function modelsOf(text: string | undefined): string {
  try {
    return canonical(JSON.parse(text ?? "null"));
  } catch {
    return text ?? "";
  }
}
