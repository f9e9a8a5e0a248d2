// The subcommands that begin something: a project, a pipeline. commands.ts adds them to the program.
import { resolve } from "node:path";
import type { Command } from "commander";

interface NewFlags {
  python?: boolean;
  source?: string;
  destination?: string;
  json?: boolean;
}

export function addStartCommands(program: Command, root: () => string): void {
  program
    .command("init")
    .description("make a Weir project of a folder: one with pipelines at its root, or an empty one")
    .argument("[dir]", "the folder; default: --root")
    .option("--new <name>", "start one from nothing in a folder of that name")
    .option("--json", "tell what was moved and written as JSON on stdout")
    .addHelpText(
      "after",
      `
Folders with a handler and a config.json at the root are moved to pipelines/<alias>, unchanged to the byte;
connections.json, wrangler.toml, models.json, package.json and .gitignore are written where there are none.

Examples:
  $ weir init .               a repository of handler.py and config.json folders
  $ weir init --new my-files  from nothing`,
    )
    .action(async (dir: string | undefined, options: { new?: string; json?: boolean }) => {
      const { init } = await import("./init.ts");
      const target = options.new ?? dir;
      await init({ ...options, root: target === undefined ? root() : resolve(target) });
    });

  program
    .command("new")
    .description("add a pipeline that works, with examples that pass")
    .argument("<alias>", "its name: the folder below pipelines/, and what it is invoked by")
    .option("--python", "a handler.py in place of a handler.ts")
    .option("--source <connection>", "where its objects are; default: the first connection with events")
    .option("--destination <connection>", "where its items go; default: the first d1 connection")
    .option("--json", "tell what was written as JSON on stdout")
    .addHelpText(
      "after",
      "\nExamples:\n  $ weir new thumbnails\n  $ weir new captions --python --source conn_321",
    )
    .action(async (alias: string, options: NewFlags) => {
      const { newPipeline } = await import("./new.ts");
      await newPipeline({ root: root(), alias, ...options });
    });
}
