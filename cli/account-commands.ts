// The subcommands that deal with an account and with settings: what each takes, and the function that does it.
// commands.ts adds them to the program.
import { type Command, Option } from "commander";

interface DeployFlags {
  plan?: boolean;
  changed?: string | true;
  force?: boolean;
  url?: string;
  secretsFile?: string;
  json?: boolean;
}

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
      const { deploy } = await import("./deploy/deploy.ts");
      await deploy({ root: root(), env: process.env, ...options });
    });
}
