// `npm run bench -- NAME`: the same as `weir bench NAME`.

import { runBench } from "../cli/bench.ts";
import { CliError, reportError } from "../cli/output.ts";

const [name, ...args] = process.argv.slice(2);
try {
  runBench(import.meta.dirname, name, args);
} catch (error) {
  if (!(error instanceof CliError)) throw error;
  reportError(error);
  process.exitCode = error.code;
}
