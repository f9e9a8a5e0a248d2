// `weir dev`: validates, generates, starts the stack and keeps it up, and up to date, until Ctrl-C.

import { generate, write } from "../generate/generate.ts";
import { untilInterrupted } from "../io/interrupt.ts";
import { CliError, good, note, printJson, say } from "../io/output.ts";
import { validate } from "../project/validate.ts";
import { DEV_ENV } from "../settings/dev-env.ts";
import { startStack } from "./stack.ts";
import { keepGenerated } from "./watch.ts";

export interface DevOptions {
  root: string;
  port: number;
  persist: string;
  json?: boolean;
}

/** What wrangler repeats at every reload: its tables of bindings. */
const NOISE = /^(\s*|env\.\S+ .*|Binding +Resource.*|\S+ has access to the following bindings:|⎔ .*)$/;

export async function dev(options: DevOptions): Promise<void> {
  const { problems } = validate(options.root);
  if (problems.length > 0) throw new CliError("weir dev: the project has problems", problems);
  for (const name of write(options.root, await generate(options.root))) note(`wrote ${name}`);
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
    onLine = (line) => (NOISE.test(line) ? undefined : say(line));
    good(`Weir listens on ${stack.url}`);
    if (options.json) printJson({ url: stack.url, api_key_in: DEV_ENV });
    note(`  the API key is WEIR_API_KEY in ${DEV_ENV}; put a file with: weir put FILE`);
    const unwatch = keepGenerated(options.root, options.persist);
    const reason = await Promise.race([stack.ended, interrupted]);
    unwatch();
    await stack.stop();
    if (reason !== undefined) throw new CliError(`the stack has ended: ${reason}`);
  });
}
