// Commands for a Cloudflare account and for settings: `weir deploy`, `rollback`, `preview`, `doctor` and `whoami`. Each
// loads its function when it runs.
import { type Command, Option } from "commander";
import { jsonOption, ROUTER_URL_OPTION, SECRETS_FILE_OPTION, URL_OPTION } from "../io/options.ts";
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
  addDeploy(program, root);
  addRollback(program, root);
  addPreview(program, root);
  addDoctor(program, root);
  addWhoami(program, root);
}

function addDeploy(program: Command, root: () => string): void {
  program
    .command("deploy")
    .description("create or update Weir in a Cloudflare account: queues, databases, buckets and Workers")
    .option("--plan", "print what would be done and what would be left over, and do nothing")
    .option(
      "--changed [base]",
      "skip pipelines whose version is deployed, or with a revision: committed there",
    )
    .addOption(new Option("--force", "upload every Worker, changed or not").conflicts("changed"))
    .option(...ROUTER_URL_OPTION)
    .option(...SECRETS_FILE_OPTION)
    .option(
      "--replay",
      "afterwards replay objects whose items other versions made; default: ask at a terminal",
    )
    .option("--no-replay", "afterwards only list the items that other versions made")
    .option(...jsonOption("the plan and the finished steps"))
    .addHelpText(
      "after",
      `
Needs CLOUDFLARE_API_TOKEN or \`npx wrangler login\`, and CLOUDFLARE_ACCOUNT_ID where the token reaches several.

Examples:
  $ weir deploy --plan                     print what would happen
  $ weir deploy --secrets-file prod.env    the first time, with secrets
  $ weir deploy --changed                  only pipelines whose version is not deployed
  $ weir deploy --changed origin/main      only pipelines whose version is not on that branch`,
    )
    .action(async (options: DeployFlags) => {
      const { deploy } = await import("../deploy/deploy.ts");
      await deploy({ root: root(), env: process.env, ...options });
    });
}

function addRollback(program: Command, root: () => string): void {
  program
    .command("rollback")
    .description("restore a pipeline's folder from the commit of an earlier version, and deploy")
    .argument("<alias>", "the pipeline")
    .argument("[version]", "version, or its first digits; default: the one before the present one")
    .option("--plan", "print what would be done and what becomes of items, and do nothing")
    .option("--yes", "do not ask for confirmation")
    .option("--commit", "commit the restored folder, so that its items name a commit")
    .option("--no-deploy", "only change this tree; a running `weir dev` takes it up at once")
    .option("--replay", "after the deploy replay objects whose items other versions made")
    .option("--no-replay", "after the deploy only list the items that other versions made")
    .option(...ROUTER_URL_OPTION)
    .option(...SECRETS_FILE_OPTION)
    .option(...jsonOption("the finished steps"))
    .addHelpText(
      "after",
      `
Items stay as they are until a replay makes them again. The command lists the items that will be stale, then asks.

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
}

function addPreview(program: Command, root: () => string): void {
  program
    .command("preview")
    .description(
      "print as Markdown what this tree would change once deployed: versions, plan, filters, items",
    )
    .option("--base <rev>", "commit that the change starts from", "origin/main")
    .option(...jsonOption("the Markdown, and whether the project is in order,"))
    .addHelpText("after", "\nExamples:\n  $ weir preview --base origin/main > preview.md")
    .action(async (options: { base: string; json?: boolean }) => {
      const { preview } = await import("./preview.ts");
      await preview({ root: root(), env: process.env, ...options });
    });
}

function addDoctor(program: Command, root: () => string): void {
  program
    .command("doctor")
    .description("check Node, the project, the deployment, secrets and queues, and advise")
    .option(...jsonOption("the findings"))
    .addHelpText("after", "\nExamples:\n  $ weir doctor\n  $ WEIR_PROFILE=prod weir doctor --json")
    .action(async (options: { json?: boolean }) => {
      const { doctor } = await import("./doctor.ts");
      await doctor({ root: root(), env: process.env, ...options });
    });
}

function addWhoami(program: Command, root: () => string): void {
  program
    .command("whoami")
    .description("print which Weir and which account weir talks to, and where each setting comes from")
    .option(...URL_OPTION)
    .option(...jsonOption("the settings"))
    .addHelpText(
      "after",
      `
Order of settings: a flag, then WEIR_URL and WEIR_API_KEY, then the profile that WEIR_PROFILE or "default" names in
~/.config/weir/profiles.json, then local work. WEIR_KEY comes before every other key: set it where WEIR_API_KEY is the
secret to be deployed.
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
