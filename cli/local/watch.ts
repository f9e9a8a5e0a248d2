// Watcher of `weir dev`: after an edit to a pipeline, connections.json, models.json, wrangler.toml or .weir/dev.env, or a
// commit, it validates the project, copies what is to run (running-copies.ts) and generates files. wrangler watches the
// copies and reloads the Workers; where an edit changes which Workers run, or their settings, they are started again.
import { existsSync, type FSWatcher, watch } from "node:fs";
import { basename, dirname, join } from "node:path";
import { generate, write } from "../generate/generate.ts";
import { gitFolder } from "../git/git.ts";
import { CliError, good, note, reportError, say } from "../io/output.ts";
import { loadProject } from "../project/project.ts";
import { requireValid } from "../project/validate.ts";
import { DEV_ENV } from "../settings/dev-env.ts";
import { writeLocalConfigs } from "./local-config.ts";
import { noteCommit, touch } from "./running-commit.ts";
import { copyRegistry, RunningCopies, registryIn, type TakenUp } from "./running-copies.ts";
import type { Stack } from "./stack.ts";
import { changeOf, planOf } from "./stack-plan.ts";

const SETTLE_MS = 150;
const isPipelines = (file: string) => /^pipelines\/.*wrangler\.local\.toml$/.test(file);

/** Watcher of a project's files. */
export interface Keeper {
  /** Versions that run of pipelines whose handler does not build, by alias. */
  held(): ReadonlyMap<string, string>;
  stop(): void;
}

export interface KeeperOptions {
  root: string;
  persist: string;
  stack: Pick<Stack, "url" | "plan" | "follow">;
  /** Aliases of the pipelines that run; default: all. */
  only?: readonly string[] | undefined;
}

/** Watches until it is stopped. Problems are printed, each once, and the Workers run the last good state. */
export async function keepGenerated({ root, persist, stack, only }: KeeperOptions): Promise<Keeper> {
  const copies = new RunningCopies();
  const printOnce = printerOfProblems();
  let held: ReadonlyMap<string, string> = new Map();
  /** Registry of what runs. */
  let registry = registryIn(root);
  const regenerate = async (): Promise<TakenUp> => {
    const edited = loadProject(root);
    requireValid(edited, "The change was not taken up, and what ran before runs on");
    const taken = await copies.take(edited);
    const { project } = taken;
    const files = await generate(project);
    const writeFiles = () => {
      for (const name of write(root, files)) note(`Wrote ${name}.`);
      registry = registryIn(root);
      copyRegistry(
        root,
        registry,
        [...taken.broken.values()].flatMap(({ problems }) => problems),
      );
    };
    const pipelines = project.pipelines.filter(({ name }) => only?.includes(name) ?? true);
    const plan = planOf({ ...project, pipelines }, stack.url);
    const change = changeOf(stack.plan(), plan);
    const isNew = noteCommit(root, persist);
    if (change === undefined) {
      writeFiles();
      const configs = writeLocalConfigs(root, plan.configs);
      if (isNew) touch(root, configs.filter(isPipelines));
    } else {
      say(`${change}: the Workers are started again, and keep what is stored.`);
      await stack.follow(plan, writeFiles);
      good("The Workers answer again.");
    }
    for (const { alias, version } of taken.changed)
      if (plan.aliases.includes(alias)) good(`${alias} runs version ${version} from now on.`);
    return taken;
  };
  const watchImports = watcherOfFolders(root, () => changed());
  const refresh = () =>
    regenerate().then(
      ({ broken, imported }) => {
        watchImports(imported);
        held = new Map(
          [...broken].flatMap(([alias, { version }]) => (version === undefined ? [] : [[alias, version]])),
        );
        printOnce([...broken].map(([alias, { problems, version }]) => heldBack(alias, version, problems)));
      },
      (thrown: unknown) => {
        const error = thrown instanceof CliError ? thrown : new CliError(String(thrown));
        copyRegistry(root, registry, error.problems);
        printOnce([error]);
      },
    );
  let timer: NodeJS.Timeout | undefined;
  // One after another: two at once would take each other's copies for their own.
  let last = copies.take(loadProject(root)).then(({ imported }) => watchImports(imported));
  const changed = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      last = last.then(refresh);
    }, SETTLE_MS);
  };
  await last;
  const watched = watchersOf(root, changed);
  const stop = () => {
    clearTimeout(timer);
    watchImports([]);
    for (const watcher of watched) watcher.close();
  };
  return { held: () => held, stop };
}

/** Watches all that a project is read from. */
function watchersOf(root: string, changed: () => void): FSWatcher[] {
  const git = gitFolder(root);
  return [
    watch(join(root, "pipelines"), { recursive: true }, changed),
    // Files by their folders, since editors and `weir models` replace a file; .dev.vars is refused.
    ...["connections.json", "models.json", "wrangler.toml", DEV_ENV, ".dev.vars"].map((name) =>
      watch(join(root, dirname(name)), (_, file) => {
        if (file === basename(name)) changed();
      }),
    ),
    // A commit ends by writing its ref, with a file below logs.
    ...[git, git && join(git, "logs")].flatMap((path) =>
      path !== undefined && existsSync(path) ? [watch(path, changed)] : [],
    ),
  ];
}

const heldBack = (alias: string, version: string | undefined, problems: CliError["problems"]) =>
  new CliError(
    `The handler of ${alias} does not build, ${version === undefined ? "so it does not run yet" : `and version ${version} runs on`}.`,
    problems,
  );

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
