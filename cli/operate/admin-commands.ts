// The subcommands about who may do what and who did, and what is kept of it: `weir keys`, `weir audit-log` and
// `weir archive`. commands.ts adds them to the program; what they do is imported when it is asked for.
import { type Command, Option } from "commander";
import { SCOPES, type Scope } from "../../src/shapes/key.ts";
import { FIFTY, JSON_OPTION, URL_OPTION } from "../io/options.ts";
import type { ChangeFlags } from "./audit-log.ts";
import type { Flags } from "./replay.ts";

export function addAdminCommands(program: Command, root: () => string): void {
  const keys = program.command("keys").description("API keys with scopes: make, list, rotate, revoke");
  const added = [
    keys
      .command("create")
      .description("make a key; it is printed alone on stdout, once, and Weir keeps only its hash")
      .requiredOption("--name <name>", "what it is for")
      .addOption(
        new Option("--scope <scope...>", "what it may do").choices([...SCOPES]).makeOptionMandatory(),
      )
      .option("--expires <time>", "a time, or a span from now such as 90d; default: never")
      .addHelpText(
        "after",
        `
Scopes:
  read     see pipelines, events, runs, items, replays, the audit log
  invoke   run pipelines by their alias
  operate  replay, audit, redrive and drop dead letters, pause and resume
  deploy   make, rotate and revoke keys with no more than its own scopes

Examples:
  $ weir keys create --name dashboard --scope read
  $ weir keys create --name ci --scope read --scope invoke --expires 90d`,
      )
      .action(async (flags: Flags & { name: string; scope: Scope[]; expires?: string }) => {
        const { createKey } = await import("./keys.ts");
        await createKey(root(), flags);
      }),
    keys
      .command("list", { isDefault: true })
      .description("keys, newest first, with when each was last used; never a key itself")
      .option(...FIFTY)
      .addHelpText("after", "\nExamples:\n  $ weir keys\n  $ weir keys list --json")
      .action(async (flags: Flags & { limit: number }) => {
        const { listKeys } = await import("./keys.ts");
        await listKeys(root(), flags);
      }),
    keys
      .command("rotate")
      .description("make a key in the place of another, which stays valid for the overlap")
      .argument("<key>", "a key's id, or the name of the one live key that has it")
      .option("--overlap <span>", "how long the old one stays valid: at most 30d", "24h")
      .option("--expires <time>", "of the new one; default: after as long as the old one had")
      .addHelpText("after", "\nExamples:\n  $ weir keys rotate ci\n  $ weir keys rotate ci --overlap 1h")
      .action(async (key: string, flags: Flags & { overlap: string; expires?: string }) => {
        const { rotateKey } = await import("./keys.ts");
        await rotateKey(root(), key, flags);
      }),
    keys
      .command("revoke")
      .description("end a key for good; within 30 seconds nobody takes it any more")
      .argument("<key>", "a key's id, or the name of the one key that has it")
      .addHelpText("after", "\nExamples:\n  $ weir keys revoke ci")
      .action(async (key: string, flags: Flags) => {
        const { revokeKey } = await import("./keys.ts");
        await revokeKey(root(), key, flags);
      }),
    program
      .command("audit-log")
      .description("what was changed through the API: by which key, on what, when, and how it ended")
      .option("--key <id>", "by this key; `root` is WEIR_API_KEY")
      .option("--action <action>", "only this: pipeline.pause, key.create, dead-letters.drop, …")
      .option("--target <target>", "on this: an alias, a replay's id, a key's id")
      .option(...FIFTY)
      .addHelpText(
        "after",
        "\nExamples:\n  $ weir audit-log\n  $ weir audit-log --action dead-letters.drop --json",
      )
      .action(async (flags: ChangeFlags) => {
        const { listChanges } = await import("./audit-log.ts");
        await listChanges(root(), flags);
      }),
    ...addArchive(program, root),
  ];
  for (const command of added) command.option(...URL_OPTION).option(...JSON_OPTION);
}

function addArchive(program: Command, root: () => string): Command[] {
  const archive = program
    .command("archive")
    .description("what is kept of events, for how long, and what went");
  return [
    archive
      .command("show", { isDefault: true })
      .description("each connection's retention, what is hot and what is in the archive")
      .addHelpText("after", "\nExamples:\n  $ weir archive\n  $ weir archive show --json")
      .action(async (flags: Flags) => {
        const { showArchive } = await import("./archive.ts");
        await showArchive(root(), flags);
      }),
    archive
      .command("expired")
      .description("what was deleted because its time was over, by day")
      .option(...FIFTY)
      .addHelpText("after", "\nExamples:\n  $ weir archive expired --limit 10")
      .action(async (flags: Flags & { limit: number }) => {
        const { listExpired } = await import("./archive.ts");
        await listExpired(root(), flags);
      }),
  ];
}
