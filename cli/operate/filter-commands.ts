// Commands `weir filter test` and `weir filter diff`; filter.ts runs them.
import type { Command } from "commander";
import { JSON_OPTION, URL_OPTION } from "../io/options.ts";
import type { FilterFlags } from "./filter.ts";

export function addFilterCommands(program: Command, root: () => string): void {
  const filter = program
    .command("filter")
    .description("explain a filter, or show what a change of it would do");

  filter
    .command("test")
    .description("check an event against a filter, condition by condition; exits 1 where it does not pass")
    .argument("<filter>", "alias of a pipeline, or a file with a config.json or a filter")
    .argument("<event>", "file with an event, or the id of a recorded event")
    .option(...URL_OPTION)
    .option(...JSON_OPTION)
    .addHelpText(
      "after",
      "\nExamples:\n  $ weir filter test video-processor evt_ID\n  $ weir filter test filter.json event.json --json",
    )
    .action(async (named: string, event: string, flags: FilterFlags) => {
      const { filterTest } = await import("./filter.ts");
      await filterTest(root(), named, event, flags);
    });

  filter
    .command("diff")
    .description("list the recorded objects that a changed filter would gain and lose; runs nothing")
    .argument("<alias>", "deployed pipeline to compare with")
    .option(
      "--against <file|rev>",
      "changed filter: a file, or a git revision; default: the config of this tree",
    )
    .option("--since <span>", "only events from then on: a span such as 7d or 12h, or a time", "7d")
    .option(...URL_OPTION)
    .option(...JSON_OPTION)
    .addHelpText(
      "after",
      "\nExamples:\n  $ weir filter diff video-processor\n  $ weir filter diff video-processor --against main --since 30d",
    )
    .action(async (alias: string, flags: FilterFlags & { against?: string; since: string }) => {
      const { filterDiff } = await import("./filter.ts");
      await filterDiff(root(), alias, flags);
    });
}
