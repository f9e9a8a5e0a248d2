// Runs wrangler commands for a deploy. Output is shown only where a command fails, with every secret redacted. Secrets
// reach wrangler by a private file, never by its environment.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { WRANGLER } from "../project/project.ts";

export interface Wrangler {
  root: string;
  env: NodeJS.ProcessEnv;
  account: string;
  token: string;
  /** Names that are removed from the environment of wrangler. */
  hidden: Iterable<string>;
  redact(text: string): string;
}

export type WranglerOutcome = { ok: true } | { ok: false; said: string };

/** Runs a command. `secrets` go into a file that only its owner can read, which is removed afterwards. */
export async function runWrangler(
  { root, env, account, token, hidden, redact }: Wrangler,
  args: string[],
  secrets: Record<string, string> = {},
): Promise<WranglerOutcome> {
  const logs = join(root, ".weir");
  mkdirSync(logs, { recursive: true });
  const given: NodeJS.ProcessEnv = { ...env };
  for (const name of hidden) delete given[name];
  const folder = mkdtempSync(join(tmpdir(), "weir-deploy-"));
  try {
    const flags: string[] = [];
    if (Object.keys(secrets).length > 0) {
      const file = join(folder, "secrets.json");
      writeFileSync(file, JSON.stringify(secrets), { mode: 0o600 });
      flags.push("--secrets-file", file);
    }
    const child = spawn(process.execPath, [WRANGLER, ...args, ...flags], {
      cwd: root,
      env: {
        ...given,
        CLOUDFLARE_API_TOKEN: token,
        CLOUDFLARE_ACCOUNT_ID: account,
        WRANGLER_SEND_METRICS: "false",
        WRANGLER_SEND_ERROR_REPORTS: "false",
        WRANGLER_HIDE_BANNER: "true",
        WRANGLER_LOG_PATH: join(logs, "wrangler-deploy.log"),
        // In CI mode wrangler asks nothing: running `weir deploy` was the answer.
        CI: "true",
        NO_COLOR: "1",
        FORCE_COLOR: "0",
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        said += text;
      });
    }
    const [code] = (await once(child, "close")) as [number | null];
    if (code === 0) return { ok: true };
    return { ok: false, said: redact(errorOf(stripVTControlCharacters(said))) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Error part of wrangler's output: from "ERROR" on, without its advice to report a bug. */
function errorOf(said: string): string {
  const from = said.indexOf("[ERROR]");
  return (from < 0 ? said.slice(-2_000) : said.slice(from + 7))
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "" && !/think this is a bug|Logs were written to|issues\/new/.test(line))
    .slice(0, 20)
    .join("\n")
    .trim();
}

/** Makes a function that replaces each value by ***, also as JSON and URLs would write it. */
export function redactor(values: Iterable<string>): (text: string) => string {
  const forms = [...values]
    .filter((value) => value.length >= 4)
    .flatMap((value) => [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)])
    .sort((a, b) => b.length - a.length);
  return (text) => forms.reduce((out, form) => out.replaceAll(form, "***"), text);
}
