// Watcher of `weir dev`: after an edit to a pipeline, connections.json, models.json or wrangler.toml, or a commit, it
// validates the project, copies what is to run (running-copies.ts) and generates files. wrangler watches copies and
// generated files, and reloads the Workers.
import { existsSync, type FSWatcher, watch } from "node:fs";
import { dirname, join } from "node:path";
import { generate, write } from "../generate/generate.ts";
import { gitFolder } from "../git/git.ts";
import { CliError, good, note, reportError } from "../io/output.ts";
import { loadProject } from "../project/project.ts";
import { requireValid } from "../project/validate.ts";
import { configsOf, writeLocalConfigs } from "./local-config.ts";
import { noteCommit, touch } from "./running-commit.ts";
import { RunningCopies, type TakenUp } from "./running-copies.ts";

const SETTLE_MS = 150;
const isPipelines = (file: string) => /^pipelines\/.*wrangler\.local\.toml$/.test(file);

/** Watcher of a project's files. */
export interface Keeper {
  /** Versions that run of pipelines whose handler does not build, by alias. */
  held(): ReadonlyMap<string, string>;
  stop(): void;
}

/** Watches until it is stopped. Problems are printed, each once, and the Workers run the last good state. */
export async function keepGenerated(root: string, persist: string): Promise<Keeper> {
  const project = loadProject(root);
  const started = configsOf(project);
  const copies = new RunningCopies();
  const printOnce = printerOfProblems();
  let held: ReadonlyMap<string, string> = new Map();
  const regenerate = async (): Promise<TakenUp> => {
    const edited = loadProject(root);
    requireValid(edited, "The change was not taken up, and what ran before runs on");
    const taken = await copies.take(edited);
    const files = await generate(taken.project);
    const isNew = noteCommit(root, persist);
    for (const name of write(root, files)) note(`Wrote ${name}.`);
    // Only for Workers that run; a new pipeline is mentioned below.
    const configs = writeLocalConfigs(
      root,
      started.filter((config) => existsSync(join(root, config))),
    );
    if (isNew) touch(root, configs.filter(isPipelines));
    if (configsOf(edited).join() !== started.join())
      note("Pipelines were added or removed. Restart `weir dev` to run them as they are now.");
    for (const { alias, version } of taken.changed) good(`${alias} runs version ${version} from now on.`);
    return taken;
  };
  const watchImports = watcherOfFolders(root, () => changed());
  const refresh = () =>
    regenerate().then(
      ({ broken, imported }) => {
        watchImports(imported);
        held = new Map([...broken].map(([alias, { version }]) => [alias, version]));
        printOnce([...broken].map(([alias, { problems, version }]) => heldBack(alias, version, problems)));
      },
      (error: unknown) => printOnce([error instanceof CliError ? error : new CliError(String(error))]),
    );
  let timer: NodeJS.Timeout | undefined;
  // One after another: two at once would take each other's copies for their own.
  let last = copies.take(project).then(({ imported }) => watchImports(imported));
  const changed = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      last = last.then(refresh);
    }, SETTLE_MS);
  };
  await last;
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
  const stop = () => {
    clearTimeout(timer);
    watchImports([]);
    for (const watcher of watched) watcher.close();
  };
  return { held: () => held, stop };
}

const heldBack = (alias: string, version: string, problems: CliError["problems"]) =>
  new CliError(`The handler of ${alias} does not build, and version ${version} runs on.`, problems);

/** Makes a function that prints errors which it has not just printed: one edit is several changes of files. */
function printerOfProblems(): (errors: CliError[]) => void {
  let printed = "[]";
  return (errors) => {
    const text = JSON.stringify(errors.map(({ message, problems }) => [message, problems]));
    if (text !== printed) for (const error of errors) reportError(error);
    printed = text;
  };
}

/** Makes a function that watches the folders of given files, and no others any more. */
function watcherOfFolders(root: string, changed: () => void): (files: string[]) => void {
  const watchers = new Map<string, FSWatcher>();
  return (files) => {
    const folders = new Set(files.map((file) => dirname(join(root, file))));
    for (const [folder, watcher] of watchers) {
      if (folders.has(folder)) continue;
      watcher.close();
      watchers.delete(folder);
    }
    for (const folder of folders) {
      if (!watchers.has(folder) && existsSync(folder)) watchers.set(folder, watch(folder, changed));
    }
  };
}
