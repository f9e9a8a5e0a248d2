// List of all subcommands, in the order of docs/cli.md. Each folder of cli/ registers its own commands, beside the
// functions that they run; program.ts runs one command and turns its end into an exit code.
import { resolve } from "node:path";
import type { Command } from "commander";
import { addAccountCommands } from "./account/commands.ts";
import { addCompare } from "./compare/command.ts";
import { addGenerateCommands } from "./generate/commands.ts";
import { addHelpCommands } from "./help.ts";
import { addBench, addLocalCommands } from "./local/commands.ts";
import { addModelsCommands } from "./models/commands.ts";
import { addStartCommands } from "./new/commands.ts";
import { addAdminCommands } from "./operate/admin-commands.ts";
import { addOperateCommands } from "./operate/commands.ts";
import { addFilterCommands } from "./operate/filter-commands.ts";
import { addSearchCommands } from "./search/commands.ts";
import { addSenderCommands } from "./senders/commands.ts";

export function addCommands(program: Command): void {
  const root = () => resolve(program.opts<{ root: string }>().root);
  addStartCommands(program, root);
  addGenerateCommands(program, root);
  addModelsCommands(program, root);
  addLocalCommands(program, root);
  addSenderCommands(program, root);
  addFilterCommands(program, root);
  addOperateCommands(program, root);
  addSearchCommands(program, root);
  addAdminCommands(program, root);
  addBench(program);
  addCompare(program, root);
  addAccountCommands(program, root);
  addHelpCommands(program);
}
