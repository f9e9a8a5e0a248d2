// Entry of the `weir` process: runs the command line (program.ts) and ends with its exit code. An interrupted command
// ends with 130 in io/interrupt.ts.
import { run } from "./program.ts";

// The reader of a pipe may close it early, as in `weir reference | head`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

const code = await run(process.argv.slice(2));
if (code !== 0) process.exitCode = code;
