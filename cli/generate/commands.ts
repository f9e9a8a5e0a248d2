// The subcommands about what follows from the project's own files: `weir generate` writes it, `weir validate` checks
// what it is made from.
import type { Command } from "commander";
import { CliError, good, note, printJson, problemText, say } from "../io/output.ts";
import { validate } from "../project/validate.ts";
import { drifted, generate, write } from "./generate.ts";

export function addGenerateCommands(program: Command, root: () => string): void {
  program
    .command("generate")
    .description(
      "write what follows from connections.json and pipelines/: Workers' configs, registry, schemas",
    )
    .option("--check", "write nothing; fail when a generated file is not what it should be")
    .option("--json", "tell what was written, or has drifted, as JSON on stdout")
    .addHelpText("after", "\nExamples:\n  $ weir generate\n  $ weir generate --check   # before a merge")
    .action(async (options: { check?: boolean; json?: boolean }) => {
      const files = await generate(root());
      if (options.json) {
        const changed = options.check ? drifted(root(), files) : write(root(), files);
        printJson({
          ok: !options.check || changed.length === 0,
          [options.check ? "drifted" : "wrote"]: changed,
        });
        if (options.check && changed.length > 0)
          throw new CliError(`${changed.length} generated files have drifted`);
        return;
      }
      if (!options.check) {
        for (const name of write(root(), files)) note(`wrote ${name}`);
        return good(`${files.size} generated files`);
      }
      const stale = drifted(root(), files);
      if (stale.length === 0) return good(`${files.size} generated files are up to date`);
      const next = "run `weir generate` and commit what it writes";
      throw new CliError(
        `${stale.length} of ${files.size} generated files have drifted`,
        stale.map((file) => ({
          file,
          line: 1,
          column: 1,
          problem: "differs from what would be generated",
          next,
        })),
      );
    });

  program
    .command("validate")
    .description("check every config, connection, filter and example, and tell every problem with its place")
    .option("--json", "tell the problems as JSON on stdout")
    .option("--strict", "take warnings for problems")
    .addHelpText("after", "\nExamples:\n  $ weir validate\n  $ weir validate --strict --json")
    .action((options: { json?: boolean; strict?: boolean }) => {
      const { problems, warnings, pipelines, examples } = validate(root(), options);
      if (options.json) printJson({ ok: problems.length === 0, pipelines, examples, problems, warnings });
      else for (const warning of warnings) say(`warning\n${problemText(warning)}`);
      if (problems.length === 0) return good(`${pipelines} pipelines and ${examples} examples are in order`);
      throw new CliError(
        `${problems.length} problem${problems.length === 1 ? "" : "s"}`,
        options.json ? [] : problems,
      );
    });
}
