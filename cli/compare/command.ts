// `weir compare` on the command line: what it takes. commands.ts adds it to the program.
import { type Command, InvalidArgumentError } from "commander";
import { positive, URL_OPTION } from "../io/options.ts";
import type { CompareOptions } from "./compare.ts";

type Flags = Omit<CompareOptions, "root" | "env" | "alias">;

export function addCompare(program: Command, root: () => string): void {
  program
    .command("compare")
    .description(
      "run this tree's version of a pipeline beside what is stored, on a sample; nothing is stored",
    )
    .argument("<alias>")
    .option("--sample <count>", "how many of the objects that it keeps items of", positive, 20)
    .option("--seed <seed>", "which of them: the same seed takes the same objects", "weir")
    .option("--prefix <prefix>", "only objects whose key begins so")
    .option("--concurrency <count>", "runs at once", positive, 2)
    .option(
      "--max-drift <distance>",
      "fail where a vector has moved further: cosine distance, 0 to 2",
      number,
    )
    .option(
      "--min-overlap <share>",
      "fail where vectors keep less of their nearest neighbours, 0 to 1",
      number,
    )
    .option("--max-changed <share>", "fail where more of the items differ, come or go, 0 to 1", number)
    .option(...URL_OPTION)
    .option("--json", "tell the report as JSON on stdout")
    .addHelpText(
      "after",
      `
The tree's handler runs on this machine, with compute of its own, on objects that Weir lets it read: a key with the
scope read will do. Exits 1 where a limit is passed or a run failed.

Examples:
  $ weir compare video-processor
  $ weir compare video-processor --sample 100 --max-drift 0.05 --min-overlap 0.9 --json`,
    )
    .action(async (alias: string, flags: Flags) => {
      const { compare } = await import("./compare.ts");
      await compare({ root: root(), env: process.env, alias, ...flags });
    });
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError("a number from 0 on.");
  return value;
}
