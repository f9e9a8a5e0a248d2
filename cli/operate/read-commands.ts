// Commands that show what happened and run a pipeline once: `weir overview`, `events`, `locate`, `live`, `rejections`, `lineage`, `invoke` and
// `open`. Each loads its function when it runs.
import type { Command } from "commander";
import { IDEMPOTENCY_OPTION, LIMIT_OPTION, positiveInteger } from "../io/options.ts";
import type { InvokeFlags } from "./invoke.ts";
import type { OperatorFlags } from "./replay.ts";
import type { UploadFlags } from "./upload.ts";

/** Adds them all, in the order of docs/cli.md. */
export const addReadCommands = (program: Command, root: () => string): Command[] =>
  [
    addOverview,
    addEvents,
    addLocate,
    addLive,
    addRejections,
    addConnections,
    addLineage,
    addInvoke,
    addUpload,
    addOpen,
  ].map((add) => add(program, root));

function addEvents(program: Command, root: () => string): Command {
  const events = program.command("events").description("list and show events: what senders reported");
  events
    .command("list", { isDefault: true })
    .description("list events, newest first, with the pipelines that each runs")
    .option("--key <key>", "only events of objects with this key")
    .option("--connection <id>", "only events of this connection")
    .option(...LIMIT_OPTION)
    .addHelpText(
      "after",
      "\nExamples:\n  $ weir events list --limit 5\n  $ weir events list --key videos/my.mp4 --json",
    )
    .action(async (flags: OperatorFlags & { key?: string; connection?: string; limit: number }) => {
      const { listEvents } = await import("./events.ts");
      await listEvents(root(), flags);
    });
  events
    .command("show")
    .description("show an event: what it says of the object, who wanted it, and who refused it and why")
    .argument("<id>", "id of the event, or its short one")
    .addHelpText("after", "\nExamples:\n  $ weir events show evt_ID")
    .action(async (id: string, flags: OperatorFlags) => {
      const { showEvent } = await import("./events.ts");
      await showEvent(root(), id, flags);
    });
  return events;
}

function addOverview(program: Command, root: () => string): Command {
  return program
    .command("overview")
    .description("show how things are and how the last hours went, of all pipelines and of each")
    .option("--hours <count>", "how far back to count, at most 48", positiveInteger, 24)
    .addHelpText("after", "\nExamples:\n  $ weir overview\n  $ weir overview --hours 2 --json")
    .action(async (flags: OperatorFlags & { hours: number }) => {
      const { showOverview } = await import("./overview.ts");
      await showOverview(root(), flags);
    });
}

function addLocate(program: Command, root: () => string): Command {
  return program
    .command("locate")
    .description(
      "say where an object is: who told of it, who wanted it, how far each has come, what is stored",
    )
    .argument("<words>", "a key, the beginning of one, or the id of an event, a run, an item or a replay")
    .option(...LIMIT_OPTION)
    .addHelpText(
      "after",
      "\nExamples:\n  $ weir locate videos/my.mp4\n  $ weir locate videos/ --limit 5 --json",
    )
    .action(async (words: string, flags: OperatorFlags & { limit: number }) => {
      const { locateObjects } = await import("./locate.ts");
      await locateObjects(root(), words, flags);
    });
}

function addLive(program: Command, root: () => string): Command {
  return program
    .command("live")
    .description(
      "say what changes, as it changes: events, runs, items, dead letters and so on; --json: by the line",
    )
    .option("--seconds <count>", "end after this time; default: go on until Ctrl+C", positiveInteger)
    .addHelpText("after", "\nExamples:\n  $ weir live --seconds 5\n  $ weir live --seconds 5 --json")
    .action(async (flags: OperatorFlags & { seconds?: number }) => {
      const { watchLive } = await import("./live.ts");
      await watchLive(root(), flags);
    });
}

function addRejections(program: Command, root: () => string): Command {
  return program
    .command("rejections")
    .description("list deliveries that were refused at the door, newest first, each with its reason")
    .option("--connection <id>", "only deliveries to this connection")
    .option(...LIMIT_OPTION)
    .addHelpText(
      "after",
      "\nExamples:\n  $ weir rejections\n  $ weir rejections --connection conn_321 --json",
    )
    .action(async (flags: OperatorFlags & { connection?: string; limit: number }) => {
      const { listRejections } = await import("./events.ts");
      await listRejections(root(), flags);
    });
}

function addConnections(program: Command, root: () => string): Command {
  return program
    .command("connections")
    .description(
      "list connections: how each is proven, which secrets are not set, what came and was refused last",
    )
    .addHelpText("after", "\nExamples:\n  $ weir connections\n  $ weir connections --json")
    .action(async (flags: OperatorFlags) => {
      const { listConnections } = await import("./connections.ts");
      await listConnections(root(), flags);
    });
}

function addLineage(program: Command, root: () => string): Command {
  return program
    .command("lineage")
    .description("show where an item came from: object, event, run, code and models")
    .argument("<collection>", "name of the collection")
    .argument("<item>", "id of the item")
    .addHelpText("after", "\nExamples:\n  $ weir lineage data_bucket ITEM_ID")
    .action(async (collection: string, item: string, flags: OperatorFlags) => {
      const { showLineage } = await import("./versions.ts");
      await showLineage(root(), collection, item, flags);
    });
}

function addInvoke(program: Command, root: () => string): Command {
  return program
    .command("invoke")
    .description("run a pipeline once by its alias, and print what it returned")
    .argument("<alias>", "the pipeline")
    .argument("[object]", "bucket/key to run it on")
    .option("--payload <json>", "input of your own: JSON, a file of it, or - for stdin")
    .option("--async", "queue the run, and do not wait for it")
    .option("--full", "print vectors with all their numbers")
    .option(...IDEMPOTENCY_OPTION)
    .addHelpText(
      "after",
      `
Examples:
  $ weir invoke video-processor weir-media/videos/my.mp4
  $ weir invoke image-catalog weir-photos/harbour.jpg --json
  $ weir invoke video-processor --payload '{"language":"en"}' --async`,
    )
    .action(async (alias: string, object: string | undefined, flags: InvokeFlags) => {
      const { invoke } = await import("./invoke.ts");
      await invoke(root(), alias, object, flags);
    });
}

function addUpload(program: Command, root: () => string): Command {
  return program
    .command("upload")
    .description("put a file of at most 100 MB into a connected bucket, wherever Weir runs")
    .argument("<file>", "the file")
    .argument("<object>", "bucket/key to put it at")
    .option("--connection <id>", "the connection, where several have the bucket")
    .option("--metadata <name=value...>", "metadata of the object")
    .option("--content-type <type>", "content type of the object", "application/octet-stream")
    .addHelpText(
      "after",
      "\nExamples:\n  $ weir upload my.mp4 weir-media/videos/uploaded.mp4 --content-type video/mp4 --metadata foo=bar",
    )
    .action(async (file: string, object: string, flags: UploadFlags) => {
      const { uploadFile } = await import("./upload.ts");
      await uploadFile(root(), file, object, flags);
    });
}

function addOpen(program: Command, root: () => string): Command {
  return program
    .command("open")
    .description("open the page in the browser, with a key that can only read and expires tomorrow")
    .option("--no-browser", "print the URL, which holds the key")
    .addHelpText("after", "\nExamples:\n  $ weir open\n  $ weir open --no-browser")
    .action(async (flags: OperatorFlags & { browser: boolean }) => {
      const { openPage } = await import("./open.ts");
      await openPage(root(), flags);
    });
}
