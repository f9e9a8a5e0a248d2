// All of Weir on this machine: the compute server, and every Worker under one `wrangler dev` with D1, R2
// and queues. `weir dev`, `weir demo` and tests start it; children.ts holds the processes.
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join, relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { databaseBinding } from "../src/shapes/bindings.ts";
import { databasesOf } from "./bindings.ts";
import { type Child, runNode, startNode } from "./children.ts";
import { devSecrets, type Env, stackSettings } from "./dev-env.ts";
import { commitOf } from "./git.ts";
import { CliError } from "./output.ts";
import { loadProject, packageRoot } from "./project.ts";

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

const WRANGLER = join(packageRoot, "node_modules/wrangler/bin/wrangler.js");
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
  for (const binding of ["LEDGER", ...databasesOf(project.connections).map(databaseBinding)]) {
    const args = [
      "d1",
      "migrations",
      "apply",
      binding,
      "--local",
      "--persist-to",
      persist,
      "-c",
      "wrangler.toml",
    ];
    await runNode([WRANGLER, ...args], { cwd: root, env: quiet });
  }

  step("starting compute");
  const compute = await startCompute(onLine);
  step("starting the Workers");
  const env: Env = {
    ...settings,
    WEIR_COMMIT: commitOf(root),
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
    { cwd: root, env: { ...quiet, ...env }, onLine },
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
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, apiKey: env.WEIR_API_KEY ?? "", env, ended, stop };
}

/** The compute server, on one port for life: after a crash it is started again where Workers look for it. */
async function startCompute(onLine: (line: string) => void): Promise<Child & { port: number }> {
  let stopping = false;
  const first = await launchCompute(0, onLine);
  let { child } = first;
  const ended = (async () => {
    for (let quickEnds = 0; ; ) {
      const began = Date.now();
      const reason = await child.ended;
      if (stopping) return "stopped";
      quickEnds = Date.now() - began < 5_000 ? quickEnds + 1 : 0;
      if (quickEnds > 5) return `the compute server keeps ending: ${reason}`;
      onLine(`the compute server ${reason}; starting it again`);
      await delay(200 * 2 ** quickEnds);
      if (stopping) return "stopped";
      child = (await launchCompute(first.port, onLine).catch(() => undefined))?.child ?? child;
    }
  })();
  const stop = async () => {
    stopping = true;
    await child.stop();
  };
  return { port: first.port, ended, stop };
}

function launchCompute(
  port: number,
  onLine: (line: string) => void,
): Promise<{ child: Child; port: number }> {
  return new Promise((resolve, reject) => {
    const child = startNode([join(packageRoot, "workers/compute/server/main.ts")], {
      cwd: packageRoot,
      env: { ...process.env, PORT: String(port), HOST: "127.0.0.1" },
      onLine(line) {
        const listening = /^\{"listening":\s*(\d+)/.exec(line)?.[1];
        if (listening) resolve({ child, port: Number(listening) });
        onLine(line);
      },
    });
    void child.ended.then((reason) =>
      reject(new CliError(`the compute server ${reason} before it listened`)),
    );
  });
}

async function healthy(url: string, ended: Promise<string>): Promise<void> {
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
function wranglerEnv(persist: string): NodeJS.ProcessEnv {
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

/** Whether nobody listens there. */
export const isFree = (port: number): Promise<boolean> =>
  listenOnce(port).then(
    () => true,
    () => false,
  );

const freePort = () => listenOnce(0);

function listenOnce(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(wanted, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
