// The subcommands: what each takes, and the function that does it. weir.ts turns how they end into an exit
// code. What is heavy is imported when it is asked for.
import { join, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { addAccountCommands } from "./account/commands.ts";
import { addCompare } from "./compare/command.ts";
import { drifted, generate, write } from "./generate/generate.ts";
import { addHelpCommands } from "./help.ts";
import { CliError, good, note, printJson, problemText, say } from "./io/output.ts";
import { addStartCommands } from "./new/commands.ts";
import { addAdminCommands } from "./operate/admin-commands.ts";
import { addOperateCommands } from "./operate/commands.ts";
import { addFilterCommands } from "./operate/filter-commands.ts";
import { packageRoot } from "./project/project.ts";
import { validate } from "./project/validate.ts";
import { addSenderCommands } from "./senders/commands.ts";

export function addCommands(program: Command): void {
  const root = () => resolve(program.opts<{ root: string }>().root);
  addStartCommands(program, root);

  const url = ["--url <url>", "default: WEIR_URL, or where `weir dev` listens"] as const;

  program
    .command("generate")
    .description(
      "write what follows from connections.json and pipelines/: Workers' configs, registry, schemas",
    )
    .option("--check", "write nothing; fail when a generated file is not what it should be")
    .option("--json", "tell what was written, or has drifted, as JSON on stdout")
    .addHelpText("after", "\nExamples:\n  $ weir generate\n  $ weir generate --check   # before a merge")
    .action(async (options: { check?: boolean; json?: boolean }) => {
      const files = await generate(root());
      if (options.json) {
        const changed = options.check ? drifted(root(), files) : write(root(), files);
        printJson({
          ok: !options.check || changed.length === 0,
          [options.check ? "drifted" : "wrote"]: changed,
        });
        if (options.check && changed.length > 0)
          throw new CliError(`${changed.length} generated files have drifted`);
        return;
      }
      if (!options.check) {
        for (const name of write(root(), files)) note(`wrote ${name}`);
        return good(`${files.size} generated files`);
      }
      const stale = drifted(root(), files);
      if (stale.length === 0) return good(`${files.size} generated files are up to date`);
      const next = "run `weir generate` and commit what it writes";
      throw new CliError(
        `${stale.length} of ${files.size} generated files have drifted`,
        stale.map((file) => ({
          file,
          line: 1,
          column: 1,
          problem: "differs from what would be generated",
          next,
        })),
      );
    });

  program
    .command("validate")
    .description("check every config, connection, filter and example, and tell every problem with its place")
    .option("--json", "tell the problems as JSON on stdout")
    .option("--strict", "take warnings for problems")
    .addHelpText("after", "\nExamples:\n  $ weir validate\n  $ weir validate --strict --json")
    .action((options: { json?: boolean; strict?: boolean }) => {
      const { problems, warnings, pipelines, examples } = validate(root(), options);
      if (options.json) printJson({ ok: problems.length === 0, pipelines, examples, problems, warnings });
      else for (const warning of warnings) say(`warning\n${problemText(warning)}`);
      if (problems.length === 0) return good(`${pipelines} pipelines and ${examples} examples are in order`);
      throw new CliError(
        `${problems.length} problem${problems.length === 1 ? "" : "s"}`,
        options.json ? [] : problems,
      );
    });

  program
    .command("dev")
    .description("run everything on this machine: all Workers, storage, queues, compute")
    .option("--port <port>", "where to listen; 0 takes a free port", portNumber, 8787)
    .option("--persist <dir>", "folder of the local databases and buckets", ".weir/state")
    .option("--json", "tell where it listens as JSON on stdout, once it does")
    .addHelpText("after", "\nExamples:\n  $ weir dev\n  $ weir dev --port 0 --json")
    .action(async (options: { port: number; persist: string; json?: boolean }) => {
      const { dev } = await import("./local/dev.ts");
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
      const { demo } = await import("./local/demo.ts");
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
      const { put } = await import("./local/put.ts");
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
      const { remove } = await import("./local/put.ts");
      await remove({ ...options, root: root(), target });
      if (options.json) printJson({ ok: true, removed: target });
    });

  addSenderCommands(program, root, url);

  addFilterCommands(program, root);

  addOperateCommands(program, root);
  addAdminCommands(program, root);

  program
    .command("bench")
    .description("run a benchmark, or list them")
    .argument("[name]")
    .argument("[args...]")
    .option("--json", "tell the ratios, or the names, as JSON on stdout")
    .addHelpText("after", "\nExamples:\n  $ weir bench\n  $ weir bench filters --json")
    .action(async (name: string | undefined, args: string[], options: { json?: boolean }) => {
      const { runBench } = await import("./local/bench.ts");
      runBench(join(packageRoot, "bench"), name, args, options);
    });

  addCompare(program, root);

  addAccountCommands(program, root);

  addHelpCommands(program);
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
