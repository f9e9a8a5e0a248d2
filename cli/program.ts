// The whole `weir` command: its subcommands (commands.ts) put together, and one run of it turned into an exit
// code: 0 done, 1 failed, 2 used wrongly, 3 not authenticated, 4 not found. Free of this process's own end.
import { Command, CommanderError } from "commander";
import { addCommands } from "./commands.ts";
import { pathOf } from "./help.ts";
import { bad, CliError, note, reportError, say } from "./io/output.ts";

const EXAMPLES = `
Examples:
  $ weir dev                                    everything, on this machine
  $ weir put my.mp4 weir-media/videos/my.mp4    a file into it
  $ weir pipelines                              what is deployed, and whether it runs
  $ weir put --help                             each command has examples of its own`;

/** The command with all its subcommands. A wrong use throws in place of ending the process. */
export function createProgram(): Command {
  const program = new Command("weir")
    .description("An edge event router for object storage.")
    .option("--root <dir>", "the project's folder", ".")
    .addHelpText("after", EXAMPLES)
    .exitOverride();
  addCommands(program);
  printPlaceOnError(program);
  return program;
}

/** Runs what was asked. `words` are what follows `weir`. */
export async function run(words: readonly string[]): Promise<number> {
  const program = createProgram();
  let command: Command = program;
  program.hook("preAction", (_, action) => {
    command = action;
  });
  try {
    await program.parseAsync(words, { from: "user" });
    return 0;
  } catch (error) {
    return exitCodeOf(error, command);
  }
}

/** A wrong use is told with its place and what to do next, for each command by its own name. */
function printPlaceOnError(command: Command): void {
  const path = pathOf(command);
  command.exitOverride().configureOutput({
    outputError: (text) => {
      bad(text.trim().replace(/^error:/, `${path}:`));
      note(`  → ${path} --help`);
    },
  });
  for (const one of command.commands) printPlaceOnError(one);
}

function exitCodeOf(error: unknown, command: Command): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof CliError) {
    reportError(error);
    if (error.code === 2) note(`  → ${pathOf(command)} --help`);
    return error.code;
  }
  bad("a fault in weir itself; please report it with what follows");
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return 1;
}
