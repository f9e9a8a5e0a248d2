// The `weir` command as a process: runs what was asked (program.ts) and ends with its exit code. 130,
// interrupted, is interrupt.ts's.
import { run } from "./program.ts";

// Whoever reads has had enough: `weir reference | head`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

const code = await run(process.argv.slice(2));
if (code !== 0) process.exitCode = code;
