// Commands of an administrator: `weir keys` (API keys), `weir audit-log` (changes made through the API), `weir ledger`
// (its shards), `weir archive` (retention of events) and `weir erase`. Each loads its function when it runs.
import { type Command, Option } from "commander";
import { SCOPES, type Scope } from "../../src/shapes/key.ts";
import { JSON_OPTION, jsonOption, LIMIT_OPTION, URL_OPTION } from "../io/options.ts";
import type { AuditLogFlags } from "./audit-log.ts";
import type { EraseFlags, VerifyFlags } from "./erase.ts";
import type { OperatorFlags } from "./replay.ts";

export function addAdminCommands(program: Command, root: () => string): void {
  const added = [
    ...addKeys(program, root),
    addAuditLog(program, root),
    ...addLedger(program, root),
    ...addArchive(program, root),
    ...addErase(program, root),
  ];
  for (const command of added) command.option(...URL_OPTION).option(...JSON_OPTION);
}

function addKeys(program: Command, root: () => string): Command[] {
  const keys = program.command("keys").description("create, list, rotate and revoke API keys");
  return [
    keys
      .command("create")
      .description("create a key and print it, once and alone on stdout; Weir keeps only its hash")
      .requiredOption("--name <name>", "name of the key: what it is for")
      .addOption(
        new Option("--scope <scope...>", "scope of the key, see below")
          .choices([...SCOPES])
          .makeOptionMandatory(),
      )
      .option(
        "--expires <time>",
        "when the key expires: a time, or a span from now such as 90d; default: never",
      )
      .addHelpText(
        "after",
        `
Scopes:
  read     read pipelines, events, runs, items, replays, the audit log
  invoke   run pipelines by their alias
  operate  replay, audit, redrive and drop dead letters, pause and resume
  deploy   create, rotate and revoke keys that have no more scopes than this one; erase objects

Examples:
  $ weir keys create --name dashboard --scope read
  $ weir keys create --name ci --scope read --scope invoke --expires 90d`,
      )
      .action(async (flags: OperatorFlags & { name: string; scope: Scope[]; expires?: string }) => {
        const { createKey } = await import("./keys.ts");
        await createKey(root(), flags);
      }),
    keys
      .command("list", { isDefault: true })
      .description("list keys, newest first, with the time of last use; never prints a key")
      .option(...LIMIT_OPTION)
      .addHelpText("after", "\nExamples:\n  $ weir keys\n  $ weir keys list --json")
      .action(async (flags: OperatorFlags & { limit: number }) => {
        const { listKeys } = await import("./keys.ts");
        await listKeys(root(), flags);
      }),
    keys
      .command("rotate")
      .description("create a key that replaces another, which stays valid for the overlap")
      .argument("<key>", "id of a key, or a name that only one live key has")
      .option("--overlap <span>", "how long the old key stays valid, at most 30d", "24h")
      .option("--expires <time>", "when the new key expires; default: after the same lifetime as the old key")
      .addHelpText("after", "\nExamples:\n  $ weir keys rotate ci\n  $ weir keys rotate ci --overlap 1h")
      .action(async (key: string, flags: OperatorFlags & { overlap: string; expires?: string }) => {
        const { rotateKey } = await import("./keys.ts");
        await rotateKey(root(), key, flags);
      }),
    keys
      .command("revoke")
      .description("end a key for good; Weir refuses it everywhere within 30 seconds")
      .argument("<key>", "id of a key, or a name that only one key has")
      .addHelpText("after", "\nExamples:\n  $ weir keys revoke ci")
      .action(async (key: string, flags: OperatorFlags) => {
        const { revokeKey } = await import("./keys.ts");
        await revokeKey(root(), key, flags);
      }),
  ];
}

function addAuditLog(program: Command, root: () => string): Command {
  return program
    .command("audit-log")
    .description("list changes made through the API: key, action, target, time and outcome")
    .option("--key <id>", "only changes by this key; `root` is WEIR_API_KEY")
    .option("--action <action>", "only this action: pipeline.pause, key.create, dead-letters.drop, …")
    .option("--target <target>", "only this target: an alias, or the id of a replay or key")
    .option(...LIMIT_OPTION)
    .addHelpText(
      "after",
      "\nExamples:\n  $ weir audit-log\n  $ weir audit-log --action dead-letters.drop --json",
    )
    .action(async (flags: AuditLogFlags) => {
      const { listChanges } = await import("./audit-log.ts");
      await listChanges(root(), flags);
    });
}

function addLedger(program: Command, root: () => string): Command[] {
  const ledger = program.command("ledger").description("show the ledger's shards, and raise their number");
  return [
    ledger
      .command("show", { isDefault: true })
      .description("show how many shards the ledger has, and how full they are")
      .addHelpText("after", "\nExamples:\n  $ weir ledger\n  $ weir ledger show --json")
      .action(async (flags: OperatorFlags) => {
        const { showLedger } = await import("./ledger.ts");
        await showLedger(root(), flags);
      }),
    ledger
      .command("grow")
      .description("announce a higher number of shards, a power of two, before it is deployed")
      .argument("<shards>", "the number that the ledger is to have")
      .addHelpText("after", "\nExamples:\n  $ weir ledger grow 8")
      .action(async (shards: string, flags: OperatorFlags) => {
        const { growLedger } = await import("./ledger.ts");
        await growLedger(root(), shards, flags);
      }),
  ];
}

function addArchive(program: Command, root: () => string): Command[] {
  const archive = program
    .command("archive")
    .description("show retention, size and deletions of what is on record");
  return [
    archive
      .command("show", { isDefault: true })
      .description("show the retention of each connection and the size of its part of the log")
      .addHelpText("after", "\nExamples:\n  $ weir archive\n  $ weir archive show --json")
      .action(async (flags: OperatorFlags) => {
        const { showArchive } = await import("./archive.ts");
        await showArchive(root(), flags);
      }),
    archive
      .command("expired")
      .description("list deletions of expired data, by day")
      .option(...LIMIT_OPTION)
      .addHelpText("after", "\nExamples:\n  $ weir archive expired --limit 10")
      .action(async (flags: OperatorFlags & { limit: number }) => {
        const { listExpired } = await import("./archive.ts");
        await listExpired(root(), flags);
      }),
  ];
}

function addErase(program: Command, root: () => string): Command[] {
  const erase = program
    .command("erase")
    .description("erase all that Weir keeps of objects, with a signed receipt, and check receipts");
  erase
    .command("verify")
    .description("check a receipt, without asking anybody")
    .argument("<receipt>", "the receipt's file")
    .option("--kid <kid>", "`kid` of the key that must have signed it: GET /v1/erasure-key says it")
    .option(...jsonOption("who signed it, and what it says,"))
    .addHelpText("after", "\nExamples:\n  $ weir erase verify receipt.json")
    .action(async (file: string, flags: VerifyFlags) => {
      const { verifyReceipt } = await import("./erase.ts");
      await verifyReceipt(file, flags);
    });
  return [
    erase
      .command("objects", { isDefault: true })
      .description("show what is kept of objects, ask, and erase it for good: the bucket's own object stays")
      .requiredOption("--connection <id>", "source connection of the objects")
      .option("--bucket <bucket>", "bucket of the objects; default: the only one of the connection")
      .option("--key <key>", "the object of this key")
      .option("--prefix <prefix>", "objects whose key begins with this")
      .option("--plan", "only show what would go")
      .option("--yes", "do not ask for confirmation")
      .addHelpText(
        "after",
        `
Killed, it goes on by itself, or with the same command. Needs a key with the scope deploy.

Examples:
  $ weir erase objects --connection conn_654 --prefix people/ada/ --plan
  $ weir erase objects --connection conn_654 --key people/ada/face.jpg --yes`,
      )
      .action(async (flags: EraseFlags) => {
        const { erase: eraseObjects } = await import("./erase.ts");
        await eraseObjects(root(), flags);
      }),
    erase
      .command("receipt")
      .description("print the receipt of an erasure, some 16 minutes after it began")
      .argument("<erasure>", "id of the erasure")
      .option("--out <file>", "file to write the receipt to")
      .addHelpText("after", "\nExamples:\n  $ weir erase receipt era_0f… --out receipt.json")
      .action(async (id: string, flags: OperatorFlags & { out?: string }) => {
        const { showReceipt } = await import("./erase.ts");
        await showReceipt(root(), id, flags);
      }),
  ];
}
