// Command `weir dev`: validates and generates the project, then runs the local stack until Ctrl-C. watch.ts keeps it up
// to date with the files.

import { generate, write } from "../generate/generate.ts";
import { untilInterrupted } from "../io/interrupt.ts";
import { CliError, good, note, printJson, say } from "../io/output.ts";
import { loadProject } from "../project/project.ts";
import { requireValid } from "../project/validate.ts";
import { DEV_ENV } from "../settings/dev-env.ts";
import { startStack } from "./stack.ts";
import { keepGenerated } from "./watch.ts";

export interface DevOptions {
  root: string;
  port: number;
  persist: string;
  json?: boolean;
}

/** Lines that wrangler repeats at every reload: its tables of bindings. */
const RELOAD_NOISE = /^(\s*|env\.\S+ .*|Binding +Resource.*|\S+ has access to the following bindings:|⎔ .*)$/;

/** Runs the stack until Ctrl-C. @throws CliError where the project has problems or the stack ends */
export async function dev(options: DevOptions): Promise<void> {
  const project = loadProject(options.root);
  requireValid(project, "Nothing was started");
  for (const name of write(options.root, await generate(project))) note(`Wrote ${name}.`);
  await untilInterrupted(async (interrupted) => {
    const said: string[] = [];
    let onLine = (line: string) => void said.push(line);
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
    onLine = (line) => (RELOAD_NOISE.test(line) ? undefined : say(line));
    good(`Weir listens on ${stack.url}`);
    if (options.json) printJson({ url: stack.url, api_key_in: DEV_ENV });
    note(`  The API key is WEIR_API_KEY in ${DEV_ENV}. Put a file into a bucket with: weir put FILE`);
    const unwatch = await keepGenerated(options.root, options.persist);
    const reason = await Promise.race([stack.ended, interrupted]);
    unwatch();
    await stack.stop();
    if (reason !== undefined) throw new CliError(`The stack has ended: ${reason}.`);
  });
}
