// While `weir dev` runs: an edit to a pipeline, to connections.json, models.json or wrangler.toml is validated and
// generated at once, and a new commit is noted. wrangler watches what is generated, so the Workers follow.
import { existsSync, watch } from "node:fs";
import { join } from "node:path";
import { generate, write } from "../generate/generate.ts";
import { gitFolder } from "../git/git.ts";
import { CliError, note, reportError } from "../io/output.ts";
import { loadProject } from "../project/project.ts";
import { validate } from "../project/validate.ts";
import { configsOf, writeLocalConfigs } from "./local-config.ts";
import { noteCommit, touch } from "./running-commit.ts";

const SETTLE_MS = 150;
const isPipelines = (file: string) => /^pipelines\/.*wrangler\.local\.toml$/.test(file);

/** Watches until the returned function is called. A project with problems is told, and left as it ran. */
export function keepGenerated(root: string, persist: string): () => void {
  const configsNow = () => configsOf(loadProject(root));
  const started = configsNow();
  let timer: NodeJS.Timeout | undefined;
  const regenerate = async () => {
    const { problems } = validate(root);
    if (problems.length > 0) throw new CliError("not taken up: the project has problems", problems);
    const files = await generate(root);
    const isNew = noteCommit(root, persist);
    for (const name of write(root, files)) note(`wrote ${name}`);
    // Of what has started; a pipeline that is new is told of below.
    const configs = writeLocalConfigs(
      root,
      started.filter((config) => existsSync(join(root, config))),
    );
    if (isNew) touch(root, configs.filter(isPipelines));
    if (configsNow().join() !== started.join())
      note("pipelines came or went: restart `weir dev` to run just these");
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
    // A commit writes its ref last, and that by a file below logs.
    ...[git, git && join(git, "logs")].flatMap((path) =>
      path !== undefined && existsSync(path) ? [watch(path, changed)] : [],
    ),
  ];
  return () => {
    clearTimeout(timer);
    for (const watcher of watched) watcher.close();
  };
}
