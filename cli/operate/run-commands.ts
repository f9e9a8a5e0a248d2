// Commands `weir runs list`, `show` and `cancel`; runs.ts runs them.
import { type Command, Option } from "commander";
import { RUN_STATUSES } from "../../src/shapes/run.ts";
import { ALIAS_OPTION, LIMIT_OPTION, REASON_OPTION } from "../io/options.ts";
import type { OperatorFlags } from "./replay.ts";

export function addRuns(program: Command, root: () => string): Command {
  const runs = program
    .command("runs")
    .description("list, show and cancel runs: one run is one event in one pipeline");
  runs
    .command("list", { isDefault: true })
    .description("list runs, newest first")
    .option(...ALIAS_OPTION)
    .addOption(new Option("--status <status>", "only runs in this state").choices([...RUN_STATUSES]))
    .option(...LIMIT_OPTION)
    .addHelpText(
      "after",
      "\nExamples:\n  $ weir runs --alias video-processor --status running\n  $ weir runs list --json",
    )
    .action(async (flags: OperatorFlags & { alias?: string; status?: string; limit: number }) => {
      const { listRuns } = await import("./runs.ts");
      await listRuns(root(), flags);
    });
  runs
    .command("show")
    .description("show a run: its log and every state that it has been in")
    .argument("<id>", "id of the run, or its short one")
    .addHelpText("after", "\nExamples:\n  $ weir runs show run_ID\n  $ weir runs show run_ID --json")
    .action(async (id: string, flags: OperatorFlags) => {
      const { showRun } = await import("./runs.ts");
      await showRun(root(), id, flags);
    });
  runs
    .command("cancel")
    .description("end runs for good: a waiting run never starts, a running one stores nothing")
    .argument("<id...>", "ids of the runs, or their short ones")
    .requiredOption(...REASON_OPTION)
    .addHelpText("after", `\nExamples:\n  $ weir runs cancel run_ID --reason "wrong file"`)
    .action(async (ids: string[], flags: OperatorFlags & { reason: string }) => {
      const { cancelRuns } = await import("./runs.ts");
      await cancelRuns(root(), ids, flags);
    });
  return runs;
}
