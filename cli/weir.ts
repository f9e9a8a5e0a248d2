// The `weir` command: runs what was asked and turns how it ended into an exit code: 0 done, 1 failed,
// 2 used wrongly, 3 not authenticated, 4 not found, 130 interrupted. The subcommands are in commands.ts.
import { Command, CommanderError } from "commander";
import { addCommands } from "./commands.ts";
import { bad, CliError, reportError, say } from "./output.ts";

const program = new Command("weir")
  .description("An edge event router for object storage.")
  .option("--root <dir>", "the project's folder", ".")
  .showHelpAfterError("(weir --help lists what there is)")
  .exitOverride();
addCommands(program);
// Subcommands made before exitOverride would end the process themselves.
for (const command of program.commands) command.exitOverride();

// Whoever reads has had enough: `weir reference | head`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof CliError) {
    reportError(error);
    return error.code;
  }
  bad("a fault in weir itself; please report it with what follows");
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return 1;
}
