// The subcommands about those who send events: `weir trigger` stands in for one, `weir connect` sets one up.
import { type Command, InvalidArgumentError } from "commander";
import type { ConnectFlags } from "./connect.ts";
import { KIND_NAMES } from "./kinds.ts";
import { stackOf } from "./stack-of.ts";
import type { TriggerFlags } from "./trigger.ts";

export function addSenderCommands(
  program: Command,
  root: () => string,
  url: readonly [flags: string, description: string],
): void {
  program
    .command("trigger")
    .description("send a genuine event of any sender, signed as its connection asks")
    .argument("<kind>", KIND_NAMES.join(", "))
    .option("--connection <id>", "default: the first that takes this kind")
    .option("--object <bucket/key>", "default: the connection's first bucket, and trigger.txt")
    .option(
      "--event <type>",
      "created, removed, tagged, restored, archived, acl, accessed or other",
      "created",
    )
    .option("--size <bytes>", "default: what the store says", wholeNumber)
    .option("--etag <etag>", "default: what the store says")
    .option("--body <file>", "send this in place of the sender's own message; - reads stdin")
    .option("--tamper", "alter one signed byte; it must be refused")
    .option("--dry-run", "print the request, secrets masked, and send nothing")
    .option(...url)
    .option("--json", "tell the request and the answer as JSON on stdout")
    .addHelpText(
      "after",
      `
Examples:
  $ weir trigger s3 --object weir-photos/harbour.jpg
  $ weir trigger s3 --tamper                           must be refused
  $ weir trigger r2 --event removed --dry-run`,
    )
    .action(async (kind: string, options: TriggerFlags & { url?: string }) => {
      const { trigger } = await import("./trigger.ts");
      await trigger(stackOf(root(), options), kind, options);
    });

  program
    .command("connect")
    .description("print what to run at a sender, and wait for its first event, showing refusals as they come")
    .argument("<kind>", KIND_NAMES.join(", "))
    .option("--connection <id>", "default: the first that takes this kind")
    .option("--public-url <url>", "where senders reach the router, if not at --url")
    .option("--no-wait", "only print")
    .option("--timeout <seconds>", "give up waiting after", wholeNumber, 600)
    .option(...url)
    .option("--json", "tell the commands and the first event as JSON on stdout")
    .addHelpText(
      "after",
      `
Examples:
  $ weir connect s3 --no-wait
  $ weir connect r2 --public-url https://weir.example.workers.dev`,
    )
    .action(async (kind: string, options: ConnectFlags & { url?: string }) => {
      const { connect } = await import("./connect.ts");
      await connect(stackOf(root(), options), kind, options);
    });
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (text === "" || !Number.isInteger(value) || value < 0) throw new InvalidArgumentError("a whole number.");
  return value;
}
