// Commands of an operator: `weir replay`, `audit`, `runs`, `dead-letters`, `pipelines`, `versions` and `items`, and those
// of read-commands.ts. Each loads its function when it runs.
import { type Command, Option } from "commander";
import { MAX_REMOVED_PERCENT } from "../../src/shapes/replay.ts";
import { RUN_STATUSES } from "../../src/shapes/run.ts";
import {
  ALIAS_OPTION,
  BUDGET_OPTION,
  IDEMPOTENCY_OPTION,
  JSON_OPTION,
  LIMIT_OPTION,
  PREFIX_OPTION,
  positiveInteger,
  REASON_OPTION,
  URL_OPTION,
} from "../io/options.ts";
import type { DeadLetterChoice } from "./dead-letters.ts";
import { addPipelines } from "./pipeline-commands.ts";
import { addReadCommands } from "./read-commands.ts";
import type { IdempotencyFlags, OperatorFlags } from "./replay.ts";
import { addRuns } from "./run-commands.ts";
import { type CreateFlags, SELECTIONS } from "./selection.ts";
import type { ItemsFlags } from "./versions.ts";

const FORCE_OPTION = [
  "--force",
  `repair without asking, though it removes items of over ${MAX_REMOVED_PERCENT} % of the objects`,
] as const;

export function addOperateCommands(program: Command, root: () => string): void {
  const added = [
    addReplay(program, root),
    addAudit(program, root),
    addReindex(program, root),
    addRuns(program, root),
    addDeadLetters(program, root),
    addPipelines(program, root),
    addVersions(program, root),
    addItems(program, root),
    ...addReadCommands(program, root),
  ];
  for (const command of added.flatMap((group) => (group.commands.length > 0 ? group.commands : [group])))
    command.option(...URL_OPTION).option(...JSON_OPTION);
}

function addReindex(program: Command, root: () => string): Command {
  return program
    .command("reindex")
    .description("build the search index of a collection anew from the collection, while the old one answers")
    .argument("<collection>", "the collection")
    .addHelpText(
      "after",
      "\nNothing is computed again. Killed, it goes on by itself, or with the same command.\n\nExamples:\n  $ weir reindex data_bucket",
    )
    .action(async (collection: string, flags: OperatorFlags) => {
      const { reindex } = await import("./index-of.ts");
      await reindex(root(), collection, flags);
    });
}

function addAudit(program: Command, root: () => string): Command {
  return program
    .command("audit")
    .description("compare a pipeline's bucket, collection and search index; exits 1 where they differ")
    .argument("<alias>", "the pipeline")
    .option(...PREFIX_OPTION)
    .option("--repair", "run the pipeline on the objects that differ")
    .option(...FORCE_OPTION)
    .option(...IDEMPOTENCY_OPTION)
    .addHelpText(
      "after",
      "\nExamples:\n  $ weir audit video-processor --prefix 2026/\n  $ weir audit video-processor --repair",
    )
    .action(
      async (
        alias: string,
        flags: OperatorFlags & IdempotencyFlags & { prefix?: string; repair?: boolean; force?: boolean },
      ) => {
        const { audit } = await import("./replay.ts");
        await audit(root(), alias, flags);
      },
    );
}

function addReplay(program: Command, root: () => string): Command {
  const replay = program.command("replay").description("run objects through pipelines again");
  addReplayCreate(replay, root);
  replay
    .command("list")
    .description("list replays, newest first")
    .option(...LIMIT_OPTION)
    .addHelpText("after", "\nExamples:\n  $ weir replay list --limit 5")
    .action(async (flags: OperatorFlags & { limit: number }) => {
      const { listReplays } = await import("./replay.ts");
      await listReplays(root(), flags);
    });
  replay
    .command("show")
    .description("show a replay: its plan with reasons and a sample, and its progress")
    .argument("<id>", "id of the replay")
    .addHelpText("after", "\nExamples:\n  $ weir replay show rpl_ID")
    .action(async (id: string, flags: OperatorFlags) => {
      const { showReplay } = await import("./replay.ts");
      await showReplay(root(), id, flags);
    });
  const moves = [
    ["pause", "stop starting runs; those under way end"],
    ["resume", "continue a paused replay"],
    ["cancel", "end a replay for good; runs under way end"],
  ] as const;
  for (const [move, description] of moves) {
    const command = replay.command(move).description(description).argument("<id>", "id of the replay");
    if (move === "resume") command.option(...BUDGET_OPTION);
    command
      .addHelpText("after", `\nExamples:\n  $ weir replay ${move} rpl_ID`)
      .action(async (id: string, flags: OperatorFlags & { budget?: number }) => {
        const { moveReplay } = await import("./replay.ts");
        await moveReplay(root(), move, id, flags);
      });
  }
  return replay;
}

function addReplayCreate(replay: Command, root: () => string): void {
  replay
    .command("create")
    .description("start a replay, which goes on by itself")
    .addOption(
      new Option("--select <what>", "objects to replay, see below").choices(SELECTIONS).makeOptionMandatory(),
    )
    .option("--alias <alias...>", "only these pipelines; default: all")
    .option("--since <time>", "events: from then on; a time, or a span such as 7d, 12h or 30m")
    .option("--until <time>", "events: until then")
    .addOption(
      new Option("--status <status>", "events: only those whose run is in this state").choices([
        ...RUN_STATUSES,
      ]),
    )
    .option("--prefix <prefix>", "listing, drift: only objects whose key begins with this")
    .option("--version <version>", "produced-by: only items that this version made")
    .option("--commit <commit>", "produced-by: only items that this commit made")
    .option("--model <model>", "produced-by: only items that this model made")
    .option(
      "--filter <filter>",
      "further filter beside the pipeline's own: JSON, a file, or the alias of a pipeline",
    )
    .option("--dry-run", "count what would be replayed, and run nothing")
    .option(...BUDGET_OPTION)
    .option(...FORCE_OPTION)
    .option("--wait", "wait for the end; exit 1 where a run ended dead")
    .option(...IDEMPOTENCY_OPTION)
    .addHelpText(
      "after",
      `
What to select:
  events       objects of recorded events, each once, by its newest event
  listing      objects that are in the bucket now, with or without an event
  stale        objects whose items another version of the pipeline made
  produced-by  objects whose items this version, commit or model made
  drift        objects whose items are missing, out of date, or left behind

Examples:
  $ weir replay create --alias video-processor --select listing --prefix 2026/ --dry-run
  $ weir replay create --alias video-processor --select stale --wait
  $ weir replay create --select events --since 12h --status dead
  $ weir replay create --alias image-catalog --select listing --filter '{"size":">= 10MB"}'`,
    )
    .action(async (flags: CreateFlags & OperatorFlags & IdempotencyFlags & { wait?: boolean }) => {
      const { createReplay } = await import("./replay.ts");
      await createReplay(root(), flags);
    });
}

function addDeadLetters(program: Command, root: () => string): Command {
  const letters = program
    .command("dead-letters")
    .description("list, redrive and drop dead letters: runs that will not be retried");
  const choosing = (command: Command) =>
    command
      .option("--run <id...>", "only these runs, by their ids or short ones")
      .option(...ALIAS_OPTION)
      .option("--kind <kind>", "only failures of this kind")
      .option("--all", "all dead letters");
  letters
    .command("list")
    .description("list dead letters, newest first, or grouped by cause")
    .option(...ALIAS_OPTION)
    .option("--group", "count dead letters by pipeline and cause, most frequent first")
    .option(...LIMIT_OPTION)
    .addHelpText(
      "after",
      "\nExamples:\n  $ weir dead-letters list --group\n  $ weir dead-letters list --alias video-processor --json",
    )
    .action(async (flags: OperatorFlags & { alias?: string; group?: boolean; limit: number }) => {
      const { listDeadLetters } = await import("./dead-letters.ts");
      await listDeadLetters(root(), flags);
    });
  letters
    .command("show")
    .description("show a dead letter: payload, cause, attempts and history")
    .argument("<run>", "id of the run, or its short one")
    .addHelpText("after", "\nExamples:\n  $ weir dead-letters show run_ID")
    .action(async (id: string, flags: OperatorFlags) => {
      const { showDeadLetter } = await import("./dead-letters.ts");
      await showDeadLetter(root(), id, flags);
    });
  choosing(letters.command("redrive"))
    .description("run dead letters again, with all their attempts; at most 1,000 at once, oldest first")
    .option(...IDEMPOTENCY_OPTION)
    .addHelpText(
      "after",
      "\nExamples:\n  $ weir dead-letters redrive --alias video-processor --kind handler_failed\n  $ weir dead-letters redrive --run run_ID",
    )
    .action(async (flags: DeadLetterChoice & IdempotencyFlags) => {
      const { redriveDeadLetters } = await import("./dead-letters.ts");
      await redriveDeadLetters(root(), flags);
    });
  choosing(letters.command("drop"))
    .description("end dead letters for good, with a reason that stays on record")
    .requiredOption(...REASON_OPTION)
    .addHelpText("after", `\nExamples:\n  $ weir dead-letters drop --run run_ID --reason "test upload"`)
    .action(async (flags: DeadLetterChoice & { reason: string }) => {
      const { dropDeadLetters } = await import("./dead-letters.ts");
      await dropDeadLetters(root(), flags);
    });
  return letters;
}

function addVersions(program: Command, root: () => string): Command {
  return program
    .command("versions")
    .description("list the versions of a pipeline, newest first, with the items that each made")
    .argument("<alias>", "the pipeline")
    .addHelpText("after", "\nExamples:\n  $ weir versions video-processor")
    .action(async (alias: string, flags: OperatorFlags) => {
      const { listVersions } = await import("./versions.ts");
      await listVersions(root(), alias, flags);
    });
}

function addItems(program: Command, root: () => string): Command {
  return program
    .command("items")
    .description("list items of a collection, with their data and the version and commit that made each")
    .argument("<collection>", "name of the collection")
    .option("--key <key>", "only items of objects with this key")
    .option("--version <version>", "only items that this version made")
    .option("--commit <commit>", "only items that this commit made; the full hash")
    .option("--stale", "only items that a version other than the deployed one made")
    .option("--sort <name>", "a name of the items, as in a filter; --sort=-NAME sorts the other way")
    .option("--limit <count>", "rows to print", positiveInteger, 50)
    .addHelpText(
      "after",
      `
Examples:
  $ weir items data_bucket --stale
  $ weir items data_bucket --key videos/my.mp4 --json
  $ weir items data_bucket --sort=-stored_at --limit 5`,
    )
    .action(async (collection: string, flags: ItemsFlags) => {
      const { listItems } = await import("./versions.ts");
      await listItems(root(), collection, flags);
    });
}
