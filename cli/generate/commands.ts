// Commands `weir generate` (writes the files that follow from the project's configuration) and `weir validate` (checks
// that configuration).
import type { Command } from "commander";
import { jsonOption } from "../io/options.ts";
import { CliError, good, note, printJson, problemText, say } from "../io/output.ts";
import { absentModelsHere, absentText } from "../operate/absent-models.ts";
import { loadProject, type Project } from "../project/project.ts";
import { validate } from "../project/validate.ts";
import { drifted, generate, write } from "./generate.ts";

export function addGenerateCommands(program: Command, root: () => string): void {
  program
    .command("generate")
    .description(
      "write the files that follow from connections.json and pipelines/: Worker configs, registry, schemas",
    )
    .option("--check", "write nothing; fail where a generated file is out of date")
    .option(...jsonOption("the names of the written, or drifted, files"))
    .addHelpText("after", "\nExamples:\n  $ weir generate\n  $ weir generate --check   # before a merge")
    .action(async (options: { check?: boolean; json?: boolean }) => {
      const files = await generate(loadProject(root()));
      if (options.json) {
        const changed = options.check ? drifted(root(), files) : write(root(), files);
        printJson({
          ok: !options.check || changed.length === 0,
          [options.check ? "drifted" : "wrote"]: changed,
        });
        if (options.check && changed.length > 0)
          throw new CliError(`${changed.length} generated files are out of date. Run \`weir generate\`.`);
        return;
      }
      if (!options.check) {
        for (const name of write(root(), files)) note(`Wrote ${name}.`);
        return good(`${files.size} generated files are up to date.`);
      }
      const stale = drifted(root(), files);
      if (stale.length === 0) return good(`${files.size} generated files are up to date.`);
      const next = "Run `weir generate` and commit the files it writes.";
      throw new CliError(
        `${stale.length} of ${files.size} generated files are out of date.`,
        stale.map((file) => ({
          file,
          line: 1,
          column: 1,
          problem: "The file differs from what would be generated.",
          next,
        })),
      );
    });

  program
    .command("validate")
    .description("check every config, connection, filter, example and golden query, and list every problem")
    .option(...jsonOption("the problems"))
    .option("--strict", "treat warnings as problems")
    .addHelpText(
      "after",
      "\nWhere the Weir of the settings answers, it also warns of vectors there by models that models.json has no more.\n\nExamples:\n  $ weir validate\n  $ weir validate --strict --json",
    )
    .action(async (options: { json?: boolean; strict?: boolean }) => {
      const project = loadProject(root());
      const { problems, warnings: doubts, ...counts } = validate(project, options);
      const warnings = [...doubts, ...(problems.length === 0 ? await modelWarnings(project) : [])];
      const { pipelines, examples, queries, off } = counts;
      if (options.json) printJson({ ok: problems.length === 0, ...counts, problems, warnings });
      else {
        for (const warning of warnings) say(`Warning:\n${problemText(warning)}`);
        if (off.length > 0) say(`Off ("enabled" is false in their config.json): ${off.join(", ")}`);
      }
      if (problems.length === 0) return good(inOrder(pipelines, examples, queries));
      throw new CliError(
        `The project has ${problems.length} problem${problems.length === 1 ? "" : "s"}.`,
        options.json ? [] : problems,
      );
    });
}

/** Warns of vectors that nothing is found by any more. They are a matter of what is stored, so never a problem. */
async function modelWarnings(project: Project) {
  const absent = await absentModelsHere(project, process.env);
  if (!absent.isReached) return [];
  return absent.models.map((it) => ({ file: "models.json", line: 1, column: 1, ...absentText(it) }));
}

const inOrder = (pipelines: number, examples: number, queries: number) =>
  queries === 0
    ? `${pipelines} pipelines and ${examples} examples are in order.`
    : `${pipelines} pipelines, ${examples} examples and ${queries} golden queries are in order.`;
