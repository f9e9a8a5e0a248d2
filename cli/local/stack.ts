// All of Weir on this machine: the compute server, and every Worker under one `wrangler dev` with D1, R2
// and queues. `weir dev`, `weir demo` and tests start it; children.ts holds the processes.
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { databaseBinding } from "../../src/shapes/bindings.ts";
import type { Connections } from "../../src/shapes/connection.ts";
import { runNode, startNode } from "../io/children.ts";
import { CliError } from "../io/output.ts";
import { freePort, isFree } from "../io/ports.ts";
import { databasesOf } from "../project/bindings.ts";
import { loadProject, packageRoot } from "../project/project.ts";
import { devSecrets, type Env, stackSettings } from "../settings/dev-env.ts";
import { startCompute } from "./compute-server.ts";
import { commitEnv, noteCommit } from "./running-commit.ts";

export interface StackOptions {
  root: string;
  /** 0 takes a free one. */
  port: number;
  /** Folder of the local databases and buckets. */
  persist: string;
  /** Everything that the processes say. */
  onLine(line: string): void;
  /** What is being done now, for a person who waits. */
  onStep?(step: string): void;
}

export interface Stack {
  url: string;
  apiKey: string;
  /** Every secret and setting the Workers were given. */
  env: Env;
  /** Resolves, with the reason, when the stack can no longer serve. */
  ended: Promise<string>;
  stop(): Promise<void>;
}

export const WRANGLER = join(packageRoot, "node_modules/wrangler/bin/wrangler.js");
const READY_MS = 90_000;

/** Starts everything and resolves when `/healthz` answers. What had started is stopped when it cannot. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { root, persist, onLine } = options;
  const step = options.onStep ?? (() => {});
  const project = loadProject(root);
  if (options.port !== 0 && !(await isFree(options.port))) {
    throw new CliError(
      `port ${options.port} is taken: end what listens there, or choose another with --port`,
    );
  }
  const port = options.port || (await freePort());
  const url = `http://127.0.0.1:${port}`;
  const secrets = devSecrets(root, project.connections, randomBytes);
  const settings = stackSettings(project.connections, url, secrets);
  mkdirSync(persist, { recursive: true });

  const quiet = wranglerEnv(persist);
  step("preparing the databases");
  const apply = (binding: string) => {
    const where = ["--local", "--persist-to", persist, "-c", "wrangler.toml"];
    return runNode([WRANGLER, "d1", "migrations", "apply", binding, ...where], { cwd: root, env: quiet });
  };
  // One after the other: side by side, in a folder that is new, one finds it locked (SQLITE_BUSY) and fails.
  for (const binding of ["LEDGER", ...databasesOf(project.connections).map(databaseBinding)]) {
    await apply(binding);
  }

  step("starting compute");
  const compute = await startCompute(computeEnv(root, url, project.connections, settings), onLine);
  step("starting the Workers");
  noteCommit(root, persist);
  const env: Env = {
    ...settings,
    COMPUTE_URL: `http://127.0.0.1:${compute.port}`,
  };
  const configs = [
    // First, and so the one that gets the port.
    "workers/local/wrangler.toml",
    "wrangler.toml",
    relative(root, join(packageRoot, "workers/compute/wrangler.toml")),
    ...project.pipelines.map((pipeline) => `${pipeline.folder}/wrangler.toml`),
  ].flatMap((config) => ["-c", config]);
  const flags = ["--ip", "127.0.0.1", "--port", String(port), "--inspector-port", String(await freePort())];
  const workers = startNode(
    [WRANGLER, "dev", ...configs, ...flags, "--persist-to", persist, "--show-interactive-dev-session=false"],
    { cwd: root, env: { ...quiet, ...env, ...commitEnv(root) }, onLine },
  );
  const cron = setInterval(
    () => void fetch(`${url}/__local/cron`, { method: "POST" }).catch(() => {}),
    60_000,
  );
  const stop = async () => {
    clearInterval(cron);
    await Promise.all([workers.stop(), compute.stop()]);
  };
  const ended = Promise.race([workers.ended, compute.ended]);
  try {
    await healthy(url, ended);
    await fetch(`${url}/__local/started`, { method: "POST" });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, apiKey: env.WEIR_API_KEY ?? "", env, ended, stop };
}

/** What compute may read of this machine: the stack itself, and every endpoint that a connection names. */
export function computeEnv(
  root: string,
  url: string,
  connections: Connections["connections"],
  settings: Env,
): Env {
  const endpoints = Object.values(connections).flatMap((it) =>
    it.kind === "s3" && it.endpoint !== undefined ? [settings[it.endpoint] ?? it.endpoint] : [],
  );
  const origins = [url, ...endpoints.filter((one) => URL.canParse(one))].map((one) => new URL(one).origin);
  const models = join(root, "models.json");
  return { COMPUTE_ALLOW_ORIGINS: origins.join(), ...(existsSync(models) && { MODELS: models }) };
}

export async function healthy(url: string, ended: Promise<string>): Promise<void> {
  let over: string | undefined;
  void ended.then((reason) => {
    over = reason;
  });
  const until = Date.now() + READY_MS;
  while (Date.now() < until) {
    if (over) throw new CliError(`the Workers did not start: ${over}`);
    const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(5_000) }).catch(
      () => undefined,
    );
    if (answer?.ok) return;
    await delay(150);
  }
  throw new CliError(`${url}/healthz did not answer within ${READY_MS / 1000} s`);
}

/** wrangler as a quiet guest: no metrics, no update check, no look-ups, a registry of its own. */
export function wranglerEnv(persist: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_SEND_ERROR_REPORTS: "false",
    WRANGLER_HIDE_BANNER: "true",
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
    WRANGLER_REGISTRY_PATH: join(persist, "registry"),
    WRANGLER_LOG_PATH: join(persist, "wrangler.log"),
    CI: "true",
  };
}
