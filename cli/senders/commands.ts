// Commands for senders of events: `weir trigger` sends an event as a sender would, `weir connect` sets a sender up.
import { Argument, type Command } from "commander";
import { CONNECTION_OPTION, jsonOption, URL_OPTION, wholeNumber } from "../io/options.ts";
import type { ConnectFlags } from "./connect.ts";
import { KIND_NAMES } from "./kinds.ts";
import { stackOf } from "./stack-of.ts";
import type { TriggerFlags } from "./trigger.ts";

export function addSenderCommands(program: Command, root: () => string): void {
  program
    .command("trigger")
    .description("send an event as any sender would, signed as its connection requires")
    .addArgument(new Argument("<kind>", "the sender").choices(KIND_NAMES))
    .option(...CONNECTION_OPTION)
    .option("--object <bucket/key>", "default: trigger.txt in the first bucket of the connection")
    .option(
      "--event <type>",
      "created, removed, tagged, restored, archived, acl, accessed or other",
      "created",
    )
    .option("--size <bytes>", "size of the object; default: its size in the bucket", wholeNumber)
    .option("--etag <etag>", "etag of the object; default: its etag in the bucket")
    .option("--body <file>", "file to send instead of the sender's own message; - reads stdin")
    .option("--tamper", "alter one signed byte, and fail unless Weir refuses the request")
    .option("--dry-run", "print the request with its secrets masked, and send nothing")
    .option(...URL_OPTION)
    .option(...jsonOption("the request and the answer"))
    .addHelpText(
      "after",
      `
Examples:
  $ weir trigger standard-webhooks --object weir-media/harbour.jpg
  $ weir trigger standard-webhooks --tamper    Weir must refuse it
  $ weir trigger r2 --event removed --dry-run`,
    )
    .action(async (kind: string, options: TriggerFlags & { url?: string }) => {
      const { trigger } = await import("./trigger.ts");
      await trigger(stackOf(root(), options), kind, options);
    });

  program
    .command("connect")
    .description(
      "print the commands that set a sender up, then wait for its first event and show every refusal",
    )
    .addArgument(new Argument("<kind>", "the sender").choices(KIND_NAMES))
    .option(...CONNECTION_OPTION)
    .option("--public-url <url>", "URL at which senders reach the router; default: --url")
    .option("--no-wait", "print the commands and end")
    .option("--timeout <seconds>", "longest time to wait for the first event", wholeNumber, 600)
    .option(...URL_OPTION)
    .option(...jsonOption("the commands and the first event"))
    .addHelpText(
      "after",
      `
Examples:
  $ weir connect standard-webhooks --no-wait
  $ weir connect r2 --public-url https://weir.example.workers.dev`,
    )
    .action(async (kind: string, options: ConnectFlags & { url?: string }) => {
      const { connect } = await import("./connect.ts");
      await connect(stackOf(root(), options), kind, options);
    });
}
