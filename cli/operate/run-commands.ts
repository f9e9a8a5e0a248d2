// The subcommands of `weir runs`; what they do is in runs.ts.
import { type Command, Option } from "commander";
import { RUN_STATUSES } from "../../src/shapes/run.ts";
import { FIFTY } from "../io/options.ts";
import type { Flags } from "./replay.ts";

export function addRuns(program: Command, root: () => string): Command {
  const runs = program.command("runs").description("what became of each event for each pipeline");
  runs
    .command("list", { isDefault: true })
    .description("runs, newest first")
    .option("--alias <alias>", "of this pipeline")
    .addOption(new Option("--status <status>", "in this state").choices([...RUN_STATUSES]))
    .option(...FIFTY)
    .addHelpText(
      "after",
      "\nExamples:\n  $ weir runs --alias video-processor --status running\n  $ weir runs list --json",
    )
    .action(async (flags: Flags & { alias?: string; status?: string; limit: number }) => {
      const { listRuns } = await import("./runs.ts");
      await listRuns(root(), flags);
    });
  runs
    .command("show")
    .description("one run: its log, and every state it has been in, with its cause")
    .argument("<id>")
    .addHelpText("after", "\nExamples:\n  $ weir runs show run_ID\n  $ weir runs show run_ID --json")
    .action(async (id: string, flags: Flags) => {
      const { showRun } = await import("./runs.ts");
      await showRun(root(), id, flags);
    });
  runs
    .command("cancel")
    .description("end runs for good: one that waits never begins, one that runs stores nothing")
    .argument("<id...>")
    .requiredOption("--reason <text>", "why, for whoever looks")
    .addHelpText("after", `\nExamples:\n  $ weir runs cancel run_ID --reason "wrong file"`)
    .action(async (ids: string[], flags: Flags & { reason: string }) => {
      const { cancelRuns } = await import("./runs.ts");
      await cancelRuns(root(), ids, flags);
    });
  return runs;
}
