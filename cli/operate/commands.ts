// The subcommands by which people operate Weir: `weir replay`, `audit`, `dead-letters` and `pipelines`.
// commands.ts adds them to the program; what they do is imported when it is asked for.
import { type Command, Option } from "commander";
import { MAX_REMOVED_PERCENT } from "../../src/shapes/replay.ts";
import { RUN_STATUSES } from "../../src/shapes/run.ts";
import { FIFTY, JSON_OPTION, KEY_OPTION, positive, URL_OPTION } from "../io/options.ts";
import type { ChoiceFlags } from "./dead-letters.ts";
import type { Flags, Keyed } from "./replay.ts";
import { addRuns } from "./run-commands.ts";
import { type CreateFlags, SELECTIONS } from "./selection.ts";
import type { OriginFlags } from "./versions.ts";

const FORCE_OPTION = [
  "--force",
  `repair without asking, though it removes items of over ${MAX_REMOVED_PERCENT} % of the objects`,
] as const;

export function addOperateCommands(program: Command, root: () => string): void {
  const added = [
    addReplay(program, root),
    addAudit(program, root),
    addRuns(program, root),
    addDeadLetters(program, root),
    addPipelines(program, root),
    addVersions(program, root),
    addItems(program, root),
  ];
  for (const command of added.flatMap((one) => (one.commands.length > 0 ? one.commands : [one])))
    command.option(...URL_OPTION).option(...JSON_OPTION);
}

function addAudit(program: Command, root: () => string): Command {
  return program
    .command("audit")
    .description("compare a pipeline's bucket with its collection; exits 1 where they differ")
    .argument("<alias>")
    .option("--prefix <prefix>", "only objects whose key begins so")
    .option("--repair", "run the pipeline on just what differs")
    .option(...FORCE_OPTION)
    .option(...KEY_OPTION)
    .addHelpText(
      "after",
      "\nExamples:\n  $ weir audit video-processor --prefix 2026/\n  $ weir audit video-processor --repair",
    )
    .action(
      async (
        alias: string,
        flags: Flags & Keyed & { prefix?: string; repair?: boolean; force?: boolean },
      ) => {
        const { audit } = await import("./replay.ts");
        await audit(root(), alias, flags);
      },
    );
}

function addReplay(program: Command, root: () => string): Command {
  const replay = program.command("replay").description("run objects through pipelines again, or plan to");
  replay
    .command("create")
    .description("begin a replay; it goes on by itself")
    .addOption(new Option("--select <what>", "what to replay").choices(SELECTIONS).makeOptionMandatory())
    .option("--alias <alias...>", "which pipelines; default: all")
    .option("--since <time>", "events: from then on; a time, or a span such as 7d, 12h, 30m")
    .option("--until <time>", "events: until then")
    .addOption(
      new Option("--status <status>", "events: whose run is in this state").choices([...RUN_STATUSES]),
    )
    .option("--prefix <prefix>", "listing, drift: objects whose key begins so")
    .option("--version <version>", "produced-by: items that this version made")
    .option("--commit <commit>", "produced-by: items that this commit made")
    .option("--model <model>", "produced-by: items that this model made")
    .option("--filter <filter>", "beside the pipeline's own: JSON, a file, or a pipeline's alias")
    .option("--dry-run", "count what would be done, and do nothing")
    .option(...FORCE_OPTION)
    .option("--wait", "wait for the end; exits 1 where a run ended dead")
    .option(...KEY_OPTION)
    .addHelpText(
      "after",
      `
What to replay:
  events       objects of recorded events, each once, by its newest event
  listing      objects that are in the bucket now, told of or not
  stale        objects whose items another version of the pipeline made
  produced-by  objects whose items this version, commit or model made
  drift        objects whose items are missing, out of date, or left behind

Examples:
  $ weir replay create --alias video-processor --select listing --prefix 2026/ --dry-run
  $ weir replay create --alias video-processor --select stale --wait
  $ weir replay create --select events --since 12h --status dead
  $ weir replay create --alias image-catalog --select listing --filter '{"size":">= 10MB"}'`,
    )
    .action(async (flags: CreateFlags & Flags & Keyed & { wait?: boolean }) => {
      const { createReplay } = await import("./replay.ts");
      await createReplay(root(), flags);
    });
  replay
    .command("list")
    .description("replays, newest first")
    .option(...FIFTY)
    .addHelpText("after", "\nExamples:\n  $ weir replay list --limit 5")
    .action(async (flags: Flags & { limit: number }) => {
      const { listReplays } = await import("./replay.ts");
      await listReplays(root(), flags);
    });
  replay
    .command("show")
    .description("one replay: its plan, its reasons, a sample, and its progress")
    .argument("<id>")
    .addHelpText("after", "\nExamples:\n  $ weir replay show rpl_ID")
    .action(async (id: string, flags: Flags) => {
      const { showReplay } = await import("./replay.ts");
      await showReplay(root(), id, flags);
    });
  const moves = [
    ["pause", "stop handing out work; what is under way ends"],
    ["resume", "go on with a paused replay"],
    ["cancel", "end a replay for good; what is under way ends"],
  ] as const;
  for (const [move, description] of moves) {
    replay
      .command(move)
      .description(description)
      .argument("<id>")
      .addHelpText("after", `\nExamples:\n  $ weir replay ${move} rpl_ID`)
      .action(async (id: string, flags: Flags) => {
        const { moveReplay } = await import("./replay.ts");
        await moveReplay(root(), move, id, flags);
      });
  }
  return replay;
}

function addDeadLetters(program: Command, root: () => string): Command {
  const letters = program.command("dead-letters").description("runs that will not be tried again, and why");
  const choosing = (command: Command) =>
    command
      .option("--run <id...>", "these runs")
      .option("--alias <alias>", "of this pipeline")
      .option("--kind <kind>", "whose failure is of this kind")
      .option("--all", "all there are");
  letters
    .command("list")
    .description("dead letters, newest first, or grouped by cause")
    .option("--alias <alias>", "of this pipeline")
    .option("--group", "count them by pipeline and cause, most first")
    .option(...FIFTY)
    .addHelpText(
      "after",
      "\nExamples:\n  $ weir dead-letters list --group\n  $ weir dead-letters list --alias video-processor --json",
    )
    .action(async (flags: Flags & { alias?: string; group?: boolean; limit: number }) => {
      const { listDeadLetters } = await import("./dead-letters.ts");
      await listDeadLetters(root(), flags);
    });
  letters
    .command("show")
    .description("one letter, by its run: payload, cause, attempts, and how it came to that")
    .argument("<run>")
    .addHelpText("after", "\nExamples:\n  $ weir dead-letters show run_ID")
    .action(async (id: string, flags: Flags) => {
      const { showDeadLetter } = await import("./dead-letters.ts");
      await showDeadLetter(root(), id, flags);
    });
  choosing(letters.command("redrive"))
    .description("run them again, with all their attempts; at most 1,000 at once, oldest first")
    .option(...KEY_OPTION)
    .addHelpText(
      "after",
      "\nExamples:\n  $ weir dead-letters redrive --alias video-processor --kind handler_failed\n  $ weir dead-letters redrive --run run_ID",
    )
    .action(async (flags: ChoiceFlags & Keyed) => {
      const { redriveDeadLetters } = await import("./dead-letters.ts");
      await redriveDeadLetters(root(), flags);
    });
  choosing(letters.command("drop"))
    .description("end them for good, with a reason that stays on record")
    .requiredOption("--reason <text>", "why")
    .addHelpText("after", `\nExamples:\n  $ weir dead-letters drop --run run_ID --reason "test upload"`)
    .action(async (flags: ChoiceFlags & { reason: string }) => {
      const { dropDeadLetters } = await import("./dead-letters.ts");
      await dropDeadLetters(root(), flags);
    });
  return letters;
}

function addPipelines(program: Command, root: () => string): Command {
  const pipelines = program.command("pipelines").description("what is deployed, and whether it runs");
  pipelines
    .command("list", { isDefault: true })
    .description("pipelines with version, collection and state")
    .addHelpText("after", "\nExamples:\n  $ weir pipelines\n  $ weir pipelines list --json")
    .action(async (flags: Flags) => {
      const { listPipelines } = await import("./pipelines.ts");
      await listPipelines(root(), flags);
    });
  pipelines
    .command("pause")
    .description("let a pipeline's events wait; none is lost")
    .argument("<alias>")
    .requiredOption("--reason <text>", "why, for whoever looks")
    .addHelpText("after", `\nExamples:\n  $ weir pipelines pause video-processor --reason "model moves"`)
    .action(async (alias: string, flags: Flags & { reason: string }) => {
      const { pausePipeline } = await import("./pipelines.ts");
      await pausePipeline(root(), alias, flags);
    });
  pipelines
    .command("resume")
    .description("run a paused pipeline, what waited first")
    .argument("<alias>")
    .addHelpText("after", "\nExamples:\n  $ weir pipelines resume video-processor")
    .action(async (alias: string, flags: Flags) => {
      const { resumePipeline } = await import("./pipelines.ts");
      await resumePipeline(root(), alias, flags);
    });
  return pipelines;
}

function addVersions(program: Command, root: () => string): Command {
  return program
    .command("versions")
    .description("versions that a pipeline has had, newest first, and the items that each has made")
    .argument("<alias>")
    .addHelpText("after", "\nExamples:\n  $ weir versions video-processor")
    .action(async (alias: string, flags: Flags) => {
      const { listVersions } = await import("./versions.ts");
      await listVersions(root(), alias, flags);
    });
}

function addItems(program: Command, root: () => string): Command {
  return program
    .command("items")
    .description("items of a collection, with the version and commit that made each")
    .argument("<collection>")
    .option("--key <key>", "of objects of this key")
    .option("--version <version>", "that this version made")
    .option("--commit <commit>", "that this commit made, named in full")
    .option("--stale", "that another version than the deployed one made")
    .option("--limit <count>", "how many", positive, 50)
    .addHelpText(
      "after",
      "\nExamples:\n  $ weir items data_bucket --stale\n  $ weir items data_bucket --key videos/my.mp4 --json",
    )
    .action(async (collection: string, flags: Flags & OriginFlags & { key?: string; limit: number }) => {
      const { listItems } = await import("./versions.ts");
      await listItems(root(), collection, flags);
    });
}
