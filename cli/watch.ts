// While `weir dev` runs: an edit to a pipeline, to connections.json or models.json is validated and generated
// at once. wrangler watches what is generated, so the Workers follow.
import { watch } from "node:fs";
import { join } from "node:path";
import { generate, write } from "./generate.ts";
import { CliError, note, reportError } from "./output.ts";
import { loadProject } from "./project.ts";
import { validate } from "./validate.ts";

const SETTLE_MS = 150;

/** Watches until the returned function is called. A project with problems is told, and left as it ran. */
export function keepGenerated(root: string): () => void {
  const folders = () => loadProject(root).pipelines.map((pipeline) => pipeline.folder);
  const started = folders().join();
  let timer: NodeJS.Timeout | undefined;
  const regenerate = async () => {
    const { problems } = validate(root);
    if (problems.length > 0) throw new CliError("not taken up: the project has problems", problems);
    for (const name of write(root, await generate(root))) note(`wrote ${name}`);
    if (folders().join() !== started) note("pipelines came or went: restart `weir dev` to run just these");
  };
  const changed = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      regenerate().catch((error: unknown) =>
        reportError(error instanceof CliError ? error : new CliError(String(error))),
      );
    }, SETTLE_MS);
  };
  const watched = ["pipelines", "connections.json", "models.json"].map((name) =>
    watch(join(root, name), { recursive: name === "pipelines" }, changed),
  );
  return () => {
    clearTimeout(timer);
    for (const watcher of watched) watcher.close();
  };
}
