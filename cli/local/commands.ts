// Commands for work on this machine: `weir dev` and `weir demo` run everything, `weir put` and `weir rm` change local
// buckets, `weir bench` runs benchmarks.
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { jsonOption, PORT_OPTION, URL_OPTION, wholeNumber } from "../io/options.ts";
import { printJson } from "../io/output.ts";
import { packageRoot } from "../project/project.ts";
import type { DemoOptions } from "./demo.ts";
import type { DevOptions } from "./dev.ts";

const STUCK_OPTION = [
  "--stuck-after <seconds>",
  "start the Workers again where nothing answers for so long while a handler runs; 0: never",
  wholeNumber,
  25,
] as const;

export function addLocalCommands(program: Command, root: () => string): void {
  program
    .command("dev")
    .description("run everything on this machine: Workers, storage, queues and compute")
    .option(...PORT_OPTION)
    .option("--persist <dir>", "folder of the local databases and buckets", ".weir/state")
    .option("--only <alias...>", "start only these pipelines: what is for others waits; default: all")
    .option("--json-logs", "print what happens as JSON lines, in place of words for a person")
    .option(...STUCK_OPTION)
    .option(...jsonOption("the URL, once it listens,"))
    .addHelpText(
      "after",
      "\nExamples:\n  $ weir dev\n  $ weir dev --port 0 --json\n  $ weir dev --only video-processor",
    )
    .action(async (options: Omit<DevOptions, "root">) => {
      const { dev } = await import("./dev.ts");
      await dev({ ...options, root: root(), persist: resolve(root(), options.persist) });
    });

  program
    .command("demo")
    .description(
      "run everything with a sample video and a photo, and show the items that pipelines made of them",
    )
    .option(...PORT_OPTION)
    .option("--once", "end after showing the items")
    .option("--fresh", "forget what earlier demos have stored")
    .option("--persist <dir>", "folder of what demos store", ".weir/demo")
    .option("--no-open", "do not open the page in the browser")
    .option(...jsonOption("the items"))
    .addHelpText("after", "\nExamples:\n  $ weir demo --no-open\n  $ weir demo --once --port 0 --json")
    .action(async (options: Omit<DemoOptions, "root">) => {
      const { demo } = await import("./demo.ts");
      await demo({ ...options, root: packageRoot, persist: resolve(packageRoot, options.persist) });
    });

  program
    .command("put")
    .description("put a file into a local bucket and send its event to Weir, as R2 or S3 would")
    .argument("<file>", "file to put")
    .argument("[target]", "bucket/key; default: the first R2 bucket and the name of the file")
    .option("--metadata <name=value...>", "metadata of the object")
    .option("--content-type <type>", "content type of the object; default: by its extension")
    .option("--wait", "follow the object to its runs and items; exit 1 where a run ends dead")
    .option(...URL_OPTION)
    .option(...jsonOption("the object"))
    .addHelpText(
      "after",
      "\nExamples:\n  $ weir put my.mp4\n  $ weir put my.mp4 weir-media/videos/my.mp4 --metadata foo=bar --wait",
    )
    .action(async (file: string, target: string | undefined, options: PutFlags) => {
      const { put } = await import("./put.ts");
      await put({ root: root(), file, target, ...options });
    });

  program
    .command("rm")
    .description("remove an object from a local bucket and send its event to Weir")
    .argument("<target>", "bucket/key")
    .option(...URL_OPTION)
    .option(...jsonOption("the removed object"))
    .addHelpText("after", "\nExamples:\n  $ weir rm weir-media/videos/my.mp4")
    .action(async (target: string, options: { url?: string; json?: boolean }) => {
      const { remove } = await import("./put.ts");
      await remove({ ...options, root: root(), target });
      if (options.json) printJson({ ok: true, removed: target });
    });
}

export function addBench(program: Command): void {
  program
    .command("bench")
    .description("run a benchmark, or list all benchmarks")
    .argument("[name]")
    .argument("[args...]")
    .option(...jsonOption("the ratios, or the names,"))
    .addHelpText("after", "\nExamples:\n  $ weir bench\n  $ weir bench filters --json")
    .action(async (name: string | undefined, args: string[], options: { json?: boolean }) => {
      const { runBench } = await import("./bench.ts");
      runBench(join(packageRoot, "bench"), name, args, options);
    });
}

interface PutFlags {
  metadata?: string[];
  contentType?: string;
  wait?: boolean;
  url?: string;
  json?: boolean;
}
