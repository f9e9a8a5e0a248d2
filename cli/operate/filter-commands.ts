// The subcommands about filters: `weir filter test` and `weir filter diff`.
import type { Command } from "commander";
import { JSON_OPTION, URL_OPTION } from "../io/options.ts";
import type { FilterFlags } from "./filter.ts";

export function addFilterCommands(program: Command, root: () => string): void {
  const filter = program
    .command("filter")
    .description("explain a filter, or see what a change of it would do");

  filter
    .command("test")
    .description("what a filter says of an event, condition by condition; exits 1 where it does not pass")
    .argument("<filter>", "a pipeline's alias, or a file: a config.json or a filter alone")
    .argument("<event>", "a file with an event, or the id of a recorded one")
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
    .description("what a changed filter would gain and lose of the recorded objects; nothing runs")
    .argument("<alias>", "the deployed pipeline to compare with")
    .option("--against <file|rev>", "the change: a file, or a commit of git; default: this folder's config")
    .option("--since <span>", "how far back: 7d, 12h, or a time", "7d")
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
