// Command `weir compare`: its options; compare.ts runs it.
import type { Command } from "commander";
import { jsonOption, nonNegative, PREFIX_OPTION, positiveInteger, URL_OPTION } from "../io/options.ts";
import type { CompareOptions } from "./compare.ts";

type CompareFlags = Omit<CompareOptions, "root" | "env" | "alias">;

export function addCompare(program: Command, root: () => string): void {
  program
    .command("compare")
    .description(
      "run this tree's version of a pipeline on a sample and compare with the stored items; stores nothing",
    )
    .argument("<alias>", "the pipeline")
    .option("--sample <count>", "objects to run, of those that have items", positiveInteger, 20)
    .option("--seed <seed>", "chooses the objects: the same seed takes the same ones", "weir")
    .option(...PREFIX_OPTION)
    .option("--concurrency <count>", "runs at the same time", positiveInteger, 2)
    .option(
      "--max-drift <distance>",
      "fail where a vector has moved further than this cosine distance, 0 to 2",
      nonNegative,
    )
    .option(
      "--min-overlap <share>",
      "fail where vectors keep a smaller share of their nearest neighbours, 0 to 1",
      nonNegative,
    )
    .option(
      "--max-changed <share>",
      "fail where a larger share of items differs, is added or removed, 0 to 1",
      nonNegative,
    )
    .option(...URL_OPTION)
    .option(...jsonOption("the report"))
    .addHelpText(
      "after",
      `
The handler of this tree runs on this machine with a compute server of its own, and reads objects through Weir; a key
with the scope read is enough. Where the collection has golden queries (collections/<name>.queries.json), they are asked
of both versions, and those that fell are listed. Exits 1 where a limit is exceeded or a run failed.

Examples:
  $ weir compare video-processor
  $ weir compare video-processor --sample 100 --max-drift 0.05 --min-overlap 0.9 --json`,
    )
    .action(async (alias: string, flags: CompareFlags) => {
      const { compare } = await import("./compare.ts");
      await compare({ root: root(), env: process.env, alias, ...flags });
    });
}
