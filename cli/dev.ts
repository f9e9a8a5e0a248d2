// `weir dev`: validates, generates, starts the stack and keeps it up, and up to date, until Ctrl-C.
import { DEV_ENV } from "./dev-env.ts";
import { generate, write } from "./generate.ts";
import { untilInterrupted } from "./interrupt.ts";
import { CliError, good, note, say } from "./output.ts";
import { startStack } from "./stack.ts";
import { validate } from "./validate.ts";
import { keepGenerated } from "./watch.ts";

export interface DevOptions {
  root: string;
  port: number;
  persist: string;
}

export async function dev(options: DevOptions): Promise<void> {
  const { problems } = validate(options.root);
  if (problems.length > 0) throw new CliError("weir dev: the project has problems", problems);
  for (const name of write(options.root, await generate(options.root))) note(`wrote ${name}`);
  await untilInterrupted(async (interrupted) => {
    const starting = startStack({ ...options, onLine: say, onStep: (step) => note(`${step} …`) });
    const stack = await Promise.race([starting, interrupted]);
    if (!stack) return;
    good(`Weir listens on ${stack.url}`);
    note(`  the API key is WEIR_API_KEY in ${DEV_ENV}; put a file with: weir put FILE`);
    const unwatch = keepGenerated(options.root);
    const reason = await Promise.race([stack.ended, interrupted]);
    unwatch();
    await stack.stop();
    if (reason !== undefined) throw new CliError(`the stack has ended: ${reason}`);
  });
}
