// Watcher of `weir dev`: after an edit to a pipeline, connections.json, models.json or wrangler.toml, or a commit, it
// validates the project and generates its files. wrangler watches the generated files and reloads the Workers.
import { existsSync, watch } from "node:fs";
import { join } from "node:path";
import { generate, write } from "../generate/generate.ts";
import { gitFolder } from "../git/git.ts";
import { CliError, note, reportError } from "../io/output.ts";
import { loadProject } from "../project/project.ts";
import { requireValid } from "../project/validate.ts";
import { configsOf, writeLocalConfigs } from "./local-config.ts";
import { noteCommit, touch } from "./running-commit.ts";

const SETTLE_MS = 150;
const isPipelines = (file: string) => /^pipelines\/.*wrangler\.local\.toml$/.test(file);

/** Watches until the returned function is called. Problems of the project are printed; the Workers run on unchanged. */
export function keepGenerated(root: string, persist: string): () => void {
  const started = configsOf(loadProject(root));
  let timer: NodeJS.Timeout | undefined;
  const regenerate = async () => {
    const project = loadProject(root);
    requireValid(project, "The change was not taken up");
    const files = await generate(project);
    const isNew = noteCommit(root, persist);
    for (const name of write(root, files)) note(`Wrote ${name}.`);
    // Only for Workers that run; a new pipeline is mentioned below.
    const configs = writeLocalConfigs(
      root,
      started.filter((config) => existsSync(join(root, config))),
    );
    if (isNew) touch(root, configs.filter(isPipelines));
    if (configsOf(project).join() !== started.join())
      note("Pipelines were added or removed. Restart `weir dev` to run them as they are now.");
  };
  const changed = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      regenerate().catch((error: unknown) =>
        reportError(error instanceof CliError ? error : new CliError(String(error))),
      );
    }, SETTLE_MS);
  };
  const git = gitFolder(root);
  const watched = [
    ...["pipelines", "connections.json", "models.json", "wrangler.toml"].map((name) =>
      watch(join(root, name), { recursive: name === "pipelines" }, changed),
    ),
    // A commit ends by writing its ref, with a file below logs.
    ...[git, git && join(git, "logs")].flatMap((path) =>
      path !== undefined && existsSync(path) ? [watch(path, changed)] : [],
    ),
  ];
  return () => {
    clearTimeout(timer);
    for (const watcher of watched) watcher.close();
  };
}
