// Commands `weir pipelines list`, `show`, `pause` and `resume`; pipelines.ts runs them.
import type { Command } from "commander";
import { REASON_OPTION } from "../io/options.ts";
import type { OperatorFlags } from "./replay.ts";

export function addPipelines(program: Command, root: () => string): Command {
  const pipelines = program
    .command("pipelines")
    .description("list, show, pause and resume deployed pipelines");
  pipelines
    .command("list", { isDefault: true })
    .description("list pipelines with version, collection and state")
    .addHelpText("after", "\nExamples:\n  $ weir pipelines\n  $ weir pipelines list --json")
    .action(async (flags: OperatorFlags) => {
      const { listPipelines } = await import("./pipelines.ts");
      await listPipelines(root(), flags);
    });
  pipelines
    .command("show")
    .description("show a pipeline: its versions, what waits, what failed, what a run costs, its code")
    .argument("<alias>", "the pipeline")
    .addHelpText("after", "\nExamples:\n  $ weir pipelines show video-processor")
    .action(async (alias: string, flags: OperatorFlags) => {
      const { showPipeline } = await import("./pipelines.ts");
      await showPipeline(root(), alias, flags);
    });
  pipelines
    .command("pause")
    .description("hold the events of a pipeline back; none is lost")
    .argument("<alias>", "the pipeline")
    .requiredOption(...REASON_OPTION)
    .addHelpText("after", `\nExamples:\n  $ weir pipelines pause video-processor --reason "model moves"`)
    .action(async (alias: string, flags: OperatorFlags & { reason: string }) => {
      const { pausePipeline } = await import("./pipelines.ts");
      await pausePipeline(root(), alias, flags);
    });
  pipelines
    .command("resume")
    .description("run a paused pipeline again, waiting events first")
    .argument("<alias>", "the pipeline")
    .addHelpText("after", "\nExamples:\n  $ weir pipelines resume video-processor")
    .action(async (alias: string, flags: OperatorFlags) => {
      const { resumePipeline } = await import("./pipelines.ts");
      await resumePipeline(root(), alias, flags);
    });
  return pipelines;
}
