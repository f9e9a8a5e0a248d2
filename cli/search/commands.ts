// Commands that ask a collection: `weir search`, `weir eval` and `weir mcp`. Each loads its function when it runs.
import { type Command, Option } from "commander";
import { JSON_OPTION, nonNegative, positiveInteger, URL_OPTION } from "../io/options.ts";
import type { EvaluateFlags } from "./evaluate.ts";
import type { SearchFlags } from "./search.ts";

export function addSearchCommands(program: Command, root: () => string): void {
  const added = [addSearch(program, root), addEvaluate(program, root)];
  for (const command of added) command.option(...URL_OPTION).option(...JSON_OPTION);
  addMcp(program, root).option(...URL_OPTION);
}

function addSearch(program: Command, root: () => string): Command {
  return program
    .command("search")
    .description("ask a collection: in words, by a picture, or for more like an item or a moment")
    .argument("<collection>", "name of the collection")
    .argument("[words...]", "what to look for; nothing lists what passes the filter")
    .option(
      "--like <what>",
      "a picture's file or URL, an item's id, or an object's key, with @SECOND of a film",
    )
    .option("--filter <filter>", "conditions on the items: JSON, or a file of it")
    .addOption(
      new Option("--mode <mode>", "what words are matched with").choices(["hybrid", "vector", "text"]),
    )
    .option("--group", "only the best item of each object")
    .option("--path <path>", "only vectors at this path of the items")
    .option("--min-score <score>", "least similarity of a vector, -1 to 1", Number)
    .option("--limit <count>", "hits to print", positiveInteger, 20)
    .option("--explain", "say which vectors were compared, and how long it took")
    .addHelpText(
      "after",
      `
Examples:
  $ weir search image_catalog harbour
  $ weir search data_bucket --like demo/shore.mp4@31
  $ weir search image_catalog --like photo.jpg --limit 5
  $ weir search data_bucket --filter '{"span":{"start":[{"numeric":[">=",30]}]}}' --json`,
    )
    .action(async (collection: string, words: string[], flags: SearchFlags) => {
      const { search } = await import("./search.ts");
      await search(root(), collection, words, flags);
    });
}

function addEvaluate(program: Command, root: () => string): Command {
  return program
    .command("eval")
    .description("measure a collection's answers against golden queries; exits 5 where they are below --min")
    .argument("<collection>", "name of the collection; its queries are in collections/<name>.queries.json")
    .option("--queries <file>", "another file of queries")
    .option("-k, --k <count>", "hits of each answer that count", positiveInteger, 10)
    .option("--min <share>", "least recall of every measured version, 0 to 1", nonNegative)
    .option("--against <file>", "what an earlier run printed with --json: name the queries that fell")
    .addHelpText(
      "after",
      "\nExamples:\n  $ weir eval image_catalog\n  $ weir eval image_catalog --min 0.9 --json\n  $ weir eval image_catalog --against before.json",
    )
    .action(async (collection: string, flags: EvaluateFlags) => {
      const { evaluate } = await import("./evaluate.ts");
      await evaluate(root(), collection, flags);
    });
}

function addMcp(program: Command, root: () => string): Command {
  return program
    .command("mcp")
    .description("serve the collections to a model over stdio, by the Model Context Protocol")
    .addHelpText(
      "after",
      `
Give this command to whatever starts MCP servers; over HTTP the same is at /mcp of the router.

Examples:
  $ weir mcp --url https://weir.example.com`,
    )
    .action(async (flags: { url?: string }) => {
      const { serveMcp } = await import("./mcp.ts");
      await serveMcp(root(), flags);
    });
}
