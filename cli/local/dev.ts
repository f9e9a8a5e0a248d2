// Command `weir dev`: validates and generates the project, then runs the local stack until Ctrl-C. watch.ts keeps it up
// to date with the files.

import { generate, write } from "../generate/generate.ts";
import { untilInterrupted } from "../io/interrupt.ts";
import { CliError, good, note, print, printJson, say } from "../io/output.ts";
import { loadProject } from "../project/project.ts";
import { requireValid } from "../project/validate.ts";
import { DEV_ENV } from "../settings/dev-env.ts";
import { openNarrator } from "./narrate.ts";
import { sourcePlace } from "./source-place.ts";
import { startStack } from "./stack.ts";
import { keepGenerated } from "./watch.ts";
import { startWatchdog } from "./watchdog.ts";

export interface DevOptions {
  root: string;
  port: number;
  persist: string;
  /** Aliases of the pipelines to start; default: all. */
  only?: string[];
  json?: boolean;
  /** Print log lines as JSON on stdout, in place of words for a person. */
  jsonLogs?: boolean;
  /** Seconds without an answer after which the Workers are started again; 0: never. */
  stuckAfter: number;
}

/** Runs the stack until Ctrl-C. @throws CliError where the project has problems or the stack ends */
export async function dev(options: DevOptions): Promise<void> {
  const { root, persist, json, jsonLogs, stuckAfter } = options;
  const project = loadProject(root);
  requireValid(project, "Nothing was started");
  for (const name of write(root, await generate(project))) note(`Wrote ${name}.`);
  await untilInterrupted(async (interrupted) => {
    const said: string[] = [];
    let onLine: (line: string) => void = (line) => void said.push(line);
    const starting = startStack({
      ...options,
      onLine: (line) => onLine(line),
      onStep: (step) => note(`  ${step} …`),
    });
    const stack = await Promise.race([starting, interrupted]).catch((error: unknown) => {
      for (const line of said) say(line);
      throw error;
    });
    if (!stack) return;
    const keeper = await keepGenerated({ root, persist, stack, only: options.only });
    const narrator = openNarrator({
      isLeftOut: (alias) => options.only !== undefined && !options.only.includes(alias),
      remarkOn: (alias) => {
        const version = keeper.held().get(alias);
        return version && `It ran version ${version}: the handler as it is now does not build.`;
      },
      ...(jsonLogs && { json: print }),
      placeOf: (alias, frames) => sourcePlace(root, `pipelines/${alias}`, frames),
    });
    onLine = narrator.line;
    good(`Weir listens on ${stack.url}`);
    if (json) printJson({ url: stack.url, api_key_in: DEV_ENV });
    note(`  The page is at ${stack.url}/, and \`weir open --url ${stack.url}\` opens it with a key.`);
    note(`  The API key is WEIR_API_KEY in ${DEV_ENV}.`);
    note("  Put a file into a bucket with: weir put FILE");
    const { url, restartWorkers: restart } = stack;
    const unguard = startWatchdog({ url, narrator, restart, stuckMs: stuckAfter * 1000 });
    const reason = await Promise.race([stack.ended, interrupted]);
    unguard();
    keeper.stop();
    await stack.stop();
    if (reason !== undefined) throw new CliError(`The stack has ended: ${reason}.`);
  });
}
