// The subcommands that deal with an account and with settings: what each takes, and the function that does it.
// commands.ts adds them to the program.
import { type Command, Option } from "commander";
import type { RollbackOptions } from "./rollback.ts";

interface DeployFlags {
  plan?: boolean;
  changed?: string | true;
  force?: boolean;
  url?: string;
  secretsFile?: string;
  replay?: boolean;
  json?: boolean;
}

type RollbackFlags = Omit<RollbackOptions, "root" | "env" | "alias" | "version">;

export function addAccountCommands(program: Command, root: () => string): void {
  program
    .command("deploy")
    .description("put queues, databases, buckets and Workers into a Cloudflare account, in the right order")
    .option("--plan", "say what would be done and what would be left behind, and do nothing")
    .option(
      "--changed [base]",
      "leave pipelines whose version is the deployed one; with a revision, the one committed there",
    )
    .addOption(new Option("--force", "upload every Worker, changed or not").conflicts("changed"))
    .option(
      "--url <url>",
      "where the router is reached; default: WEIR_URL, a profile, or its workers.dev address",
    )
    .option("--secrets-file <file>", "NAME=value lines, for secrets that the environment does not hold")
    .option("--replay", "then make anew what other versions have made; without it a person is asked")
    .option("--no-replay", "only say what other versions have made")
    .option("--json", "tell the plan and what was done as JSON on stdout")
    .addHelpText(
      "after",
      `
Needs CLOUDFLARE_API_TOKEN, or \`npx wrangler login\`, and CLOUDFLARE_ACCOUNT_ID where there are several.

Examples:
  $ weir deploy --plan                     what would happen
  $ weir deploy --secrets-file prod.env    the first time
  $ weir deploy --changed                  only pipelines whose version is another
  $ weir deploy --changed origin/main      than the one committed there`,
    )
    .action(async (options: DeployFlags) => {
      const { deploy } = await import("../deploy/deploy.ts");
      await deploy({ root: root(), env: process.env, ...options });
    });

  program
    .command("rollback")
    .description(
      "take a pipeline back to an earlier version: its folder, from the commit that had it, and deploy",
    )
    .argument("<alias>")
    .argument("[version]", "or its first digits; default: the one before the present one")
    .option("--plan", "say what would be done, and what happens to items, and do nothing")
    .option("--yes", "ask nobody")
    .option("--commit", "commit just that, so that items name a commit")
    .option("--no-deploy", "only change this tree; `weir dev` takes it up at once")
    .option("--replay", "after the deploy make anew what other versions have made")
    .option("--no-replay", "after the deploy only say what other versions have made")
    .option(
      "--url <url>",
      "where the router is reached; default: WEIR_URL, a profile, or its workers.dev address",
    )
    .option("--secrets-file <file>", "NAME=value lines, for secrets that the environment does not hold")
    .option("--json", "tell what was done as JSON on stdout")
    .addHelpText(
      "after",
      `
Items stay as they are until a replay makes them anew; what will be stale is said before anything is done.

Examples:
  $ weir rollback video-processor --plan
  $ weir rollback video-processor --commit --yes --replay
  $ weir rollback video-processor 51a3 --no-deploy     under weir dev`,
    )
    .action(async (alias: string, version: string | undefined, options: RollbackFlags) => {
      const { rollback } = await import("./rollback.ts");
      await rollback({
        ...{ root: root(), env: process.env, alias, ...options },
        ...(version === undefined ? {} : { version }),
      });
    });

  program
    .command("preview")
    .description("say as Markdown what this tree would change once deployed: versions, plan, filters")
    .option("--base <rev>", "the commit that the change starts from", "origin/main")
    .option("--json", "tell whether all is in order, and the Markdown, as JSON on stdout")
    .addHelpText("after", "\nExamples:\n  $ weir preview --base origin/main > preview.md")
    .action(async (options: { base: string; json?: boolean }) => {
      const { preview } = await import("./preview.ts");
      await preview({ root: root(), env: process.env, ...options });
    });

  program
    .command("doctor")
    .description("check Node, the project, what is deployed, secrets and queues, and say what to do")
    .option("--json", "tell the findings as JSON on stdout")
    .addHelpText("after", "\nExamples:\n  $ weir doctor\n  $ WEIR_PROFILE=prod weir doctor --json")
    .action(async (options: { json?: boolean }) => {
      const { doctor } = await import("./doctor.ts");
      await doctor({ root: root(), env: process.env, ...options });
    });

  program
    .command("whoami")
    .description("say which Weir and which account the command talks to, and where each setting came from")
    .option("--url <url>", "a Weir to ask in place of the one that is set")
    .option("--json", "tell it as JSON on stdout")
    .addHelpText(
      "after",
      `
A flag wins over WEIR_URL and WEIR_API_KEY, these over the profile that WEIR_PROFILE or "default" names in
~/.config/weir/profiles.json, and that over local work. WEIR_KEY, where set, is the key before all: for where WEIR_API_KEY is there to be
deployed.
  { "default": "prod", "profiles": { "prod": { "url": "https://weir.example.workers.dev", "api_key": "…" } } }

Examples:
  $ weir whoami
  $ WEIR_PROFILE=prod weir whoami --json`,
    )
    .action(async (options: { url?: string; json?: boolean }) => {
      const { whoami } = await import("./whoami.ts");
      await whoami({ root: root(), env: process.env, ...options });
    });
}
