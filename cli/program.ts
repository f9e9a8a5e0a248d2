// Builds the `weir` command from its subcommands (commands.ts) and runs it once. Returns an exit code: 0 done,
// 1 failed, 2 wrong usage, 3 not authenticated, 4 not found, 5 below what is due. Never ends the process: weir.ts does.
import { Command, CommanderError } from "commander";
import { addCommands } from "./commands.ts";
import { pathOf } from "./help.ts";
import { bad, CliError, note, reportError, say } from "./io/output.ts";

const EXAMPLES = `
Examples:
  $ weir dev                                    run everything on this machine
  $ weir put my.mp4 weir-media/videos/my.mp4    put a file into a local bucket
  $ weir pipelines                              list the deployed pipelines and their state
  $ weir put --help                             every command has examples of its own`;

/** Builds the command with all its subcommands. Wrong usage throws instead of ending the process. */
export function createProgram(): Command {
  const program = new Command("weir")
    .description("An edge event router for object storage.")
    .option("--root <dir>", "folder of the project", ".")
    .addHelpText("after", EXAMPLES)
    .exitOverride();
  addCommands(program);
  printPlaceOnError(program);
  return program;
}

/** Runs one command line. `words` are the words after `weir`; returns the exit code. */
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

/** Makes wrong usage of a command and of those below it end with the command to ask for help. */
function printPlaceOnError(command: Command): void {
  const path = pathOf(command);
  command.exitOverride().configureOutput({
    outputError: (text) => {
      bad(text.trim().replace(/^error:/, `${path}:`));
      note(`  → ${path} --help`);
    },
  });
  for (const subcommand of command.commands) printPlaceOnError(subcommand);
}

function exitCodeOf(error: unknown, command: Command): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof CliError) {
    reportError(error);
    if (error.code === 2) note(`  → ${pathOf(command)} --help`);
    return error.code;
  }
  bad("This is a fault in weir itself. Please report it with the lines below.");
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return 1;
}
