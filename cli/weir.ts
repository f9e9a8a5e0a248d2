// The `weir` command: one line per subcommand, each in its own file. Exit codes: 0 done, 1 failed,
// 2 used wrongly, 130 interrupted.
import { resolve } from "node:path";
import { Command, CommanderError } from "commander";
import { drifted, generate, write } from "./generate.ts";
import { bad, CliError, good, reportError, say } from "./output.ts";

const program = new Command("weir")
  .description("An edge event router for object storage.")
  .option("--root <dir>", "the project's folder", ".")
  .showHelpAfterError("(weir --help lists the commands)")
  .exitOverride();
const root = () => resolve(program.opts<{ root: string }>().root);

program
  .command("generate")
  .description("write wrangler.toml's generated part, pipelines/*/wrangler.toml, the registry and schemas")
  .option("--check", "write nothing; fail when a generated file is not what it should be")
  .action(async (options: { check?: boolean }) => {
    const files = await generate(root());
    if (!options.check) {
      for (const name of write(root(), files)) good(name);
      return;
    }
    const stale = drifted(root(), files);
    if (stale.length === 0) return good(`${files.size} generated files are up to date`);
    throw new CliError(
      `${stale.length} generated files have drifted`,
      stale.map((file) => ({ file, line: 1, column: 1, problem: "differs", next: "run `weir generate`" })),
    );
  });

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else if (error instanceof CliError) {
    reportError(error);
    process.exitCode = error.code;
  } else {
    bad("a fault in weir itself; please report it with what follows");
    say(error instanceof Error ? (error.stack ?? error.message) : String(error));
    process.exitCode = 1;
  }
}
