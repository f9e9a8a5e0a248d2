// Why a pipeline's folder, taken from an earlier commit, has not the version that it had there: what else goes into
// a version and has changed since.
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { canonical } from "../../src/shapes/canonical.ts";
import { inputsOf } from "../generate/version.ts";
import { fileAt } from "../git/git.ts";
import { type Project, packageRoot } from "../project/project.ts";

/** Names each input outside the folder that differs between the tree and the commit; Weir itself when none does. */
export async function whatDiffers(project: Project, alias: string, commit: string): Promise<string[]> {
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
    differs.push(`${contract} (what compute answers)`);
  if (!inputs) differs.push("a file that its handler imports, and that is no longer there");
  return differs.length > 0
    ? differs
    : ["Weir itself: another version of it, of compute's contract or of the bundler"];
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
