// The subcommands of work on this machine: `weir dev` and `weir demo` run everything, `weir put` and `weir rm` change
// local buckets, `weir bench` measures.
import { join, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { printJson } from "../io/output.ts";
import { packageRoot } from "../project/project.ts";

export function addLocalCommands(
  program: Command,
  root: () => string,
  url: readonly [flags: string, description: string],
): void {
  program
    .command("dev")
    .description("run everything on this machine: all Workers, storage, queues, compute")
    .option("--port <port>", "where to listen; 0 takes a free port", portNumber, 8787)
    .option("--persist <dir>", "folder of the local databases and buckets", ".weir/state")
    .option("--json", "tell where it listens as JSON on stdout, once it does")
    .addHelpText("after", "\nExamples:\n  $ weir dev\n  $ weir dev --port 0 --json")
    .action(async (options: { port: number; persist: string; json?: boolean }) => {
      const { dev } = await import("./dev.ts");
      await dev({ ...options, root: root(), persist: resolve(root(), options.persist) });
    });

  program
    .command("demo")
    .description("run everything, bring a video and a photo in, and show what the pipelines made of them")
    .option("--port <port>", "where to listen; 0 takes a free port", portNumber, 8787)
    .option("--once", "end after showing the result")
    .option("--json", "tell the result as JSON on stdout")
    .addHelpText("after", "\nExamples:\n  $ weir demo\n  $ weir demo --once --port 0 --json")
    .action(async (options: { port: number; once?: boolean; json?: boolean }) => {
      const { demo } = await import("./demo.ts");
      await demo({ ...options, root: packageRoot });
    });

  program
    .command("put")
    .description("put a file into a local bucket and tell Weir, as R2 or S3 would")
    .argument("<file>", "what to put")
    .argument("[target]", "bucket/key; default: the first R2 bucket and the file's name")
    .option("--metadata <name=value...>", "the object's own metadata")
    .option("--content-type <type>")
    .option(...url)
    .option("--json", "tell what was put as JSON on stdout")
    .addHelpText(
      "after",
      "\nExamples:\n  $ weir put my.mp4\n  $ weir put my.mp4 weir-media/videos/my.mp4 --metadata foo=bar",
    )
    .action(async (file: string, target: string | undefined, options: PutFlags) => {
      const { put } = await import("./put.ts");
      await put({ root: root(), file, target, ...options });
    });

  program
    .command("rm")
    .description("remove an object from a local bucket and tell Weir")
    .argument("<target>", "bucket/key")
    .option(...url)
    .option("--json", "tell what was removed as JSON on stdout")
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
    .description("run a benchmark, or list them")
    .argument("[name]")
    .argument("[args...]")
    .option("--json", "tell the ratios, or the names, as JSON on stdout")
    .addHelpText("after", "\nExamples:\n  $ weir bench\n  $ weir bench filters --json")
    .action(async (name: string | undefined, args: string[], options: { json?: boolean }) => {
      const { runBench } = await import("./bench.ts");
      runBench(join(packageRoot, "bench"), name, args, options);
    });
}

interface PutFlags {
  metadata?: string[];
  contentType?: string;
  url?: string;
  json?: boolean;
}

function portNumber(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new InvalidArgumentError("0 to 65535.");
  return port;
}
