// Commands `weir init` (new project) and `weir new` (new pipeline).
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { jsonOption } from "../io/options.ts";
import { KIND_NAMES, menuText, type TemplateName } from "./kinds.ts";

interface NewPipelineFlags {
  kind?: TemplateName;
  python?: boolean;
  source?: string;
  destination?: string;
  json?: boolean;
}

export function addStartCommands(program: Command, root: () => string): void {
  program
    .command("init")
    .description("turn a folder into a Weir project: an empty folder, or one with pipelines at its root")
    .argument("[dir]", "folder of the project; default: --root")
    .option("--new <name>", "create an empty project in a new folder of this name")
    .option(
      "--model <name>",
      "the model that tells what pictures mean, as for weir models add; none: looks alone",
    )
    .option(...jsonOption("the moved and written files"))
    .addHelpText(
      "after",
      `
Folders at the root with a handler and a config.json move to pipelines/<alias>; their files stay unchanged.
Missing connections.json, wrangler.toml, models.json, package.json and .gitignore are written. For a new project a terminal
is asked which model it uses; elsewhere it has none but the builtin ones, which compare how pictures look.

Examples:
  $ weir init .               in a repository of handler.py and config.json folders
  $ weir init --new my-files  in a new folder
  $ weir init . --model clip  with a model that tells what pictures mean`,
    )
    .action(async (dir: string | undefined, options: { new?: string; model?: string; json?: boolean }) => {
      const { init } = await import("./init.ts");
      const target = options.new ?? dir;
      await init({ ...options, env: process.env, root: target === undefined ? root() : resolve(target) });
    });

  program
    .command("new")
    .description("add a working pipeline, with examples that pass")
    .argument("<alias>", "name of the pipeline and of its folder below pipelines/")
    .addOption(
      new Option(
        "--kind <kind>",
        "what comes in and what goes out; default: asked at a terminal, otherwise anything",
      ).choices(KIND_NAMES),
    )
    .option("--python", "write a handler.py instead of a handler.ts")
    .option("--source <connection>", "connection that its objects come from; default: the first with events")
    .option("--destination <connection>", "connection that its items go to; default: the first d1 connection")
    .option(...jsonOption("the names of the written files"))
    .addHelpText(
      "after",
      `
Kinds:
${menuText()}

Examples:
  $ weir new my-films
  $ weir new moments --kind film-moments --python
  $ weir new notes --kind documents --source conn_321`,
    )
    .action(async (alias: string, options: NewPipelineFlags) => {
      const { newPipeline } = await import("./new.ts");
      await newPipeline({ root: root(), alias, ...options });
    });
}
