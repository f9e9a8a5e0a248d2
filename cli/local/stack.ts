// All of Weir on this machine: the compute server, and every Worker under one `wrangler dev` with D1, R2
// and queues. `weir dev`, `weir demo` and tests start it; workers.ts and compute-server.ts keep both up.
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import type { Connections } from "../../src/shapes/connection.ts";
import { CliError } from "../io/output.ts";
import { freePort, isFree } from "../io/ports.ts";
import { loadProject, packageRoot } from "../project/project.ts";
import { devSecrets, type Env, stackSettings } from "../settings/dev-env.ts";
import { startCompute } from "./compute-server.ts";
import { configsOf, writeLocalConfigs } from "./local-config.ts";
import { lockState } from "./lock.ts";
import { migrate } from "./migrate.ts";
import { noteCommit } from "./running-commit.ts";
import { ringCron, startWorkers } from "./workers.ts";
import { wranglerEnv } from "./wrangler.ts";

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

/** Starts everything and resolves when `/healthz` answers. What had started is stopped when it cannot. */
export async function startStack(options: StackOptions): Promise<Stack> {
  if (options.port !== 0 && !(await isFree(options.port))) {
    throw new CliError(
      `port ${options.port} is taken: end what listens there, or choose another with --port`,
    );
  }
  const port = options.port || (await freePort());
  const undo = [lockState(options.persist, addressOf(port))] as (() => unknown)[];
  // The last that started is the first to end; the state is let go when all have.
  const stop = async () => {
    for (let last = undo.pop(); last; last = undo.pop()) await last();
  };
  try {
    return { ...(await startOn(port, options, undo)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const addressOf = (port: number) => `http://127.0.0.1:${port}`;

async function startOn(
  port: number,
  { root, persist, onLine, onStep: step = () => {} }: StackOptions,
  undo: (() => unknown)[],
): Promise<Omit<Stack, "stop">> {
  const project = loadProject(root);
  const url = addressOf(port);
  const secrets = devSecrets(root, project.connections, randomBytes);
  const settings = stackSettings(project.connections, url, secrets);
  const quiet = wranglerEnv(persist);
  step("preparing the databases");
  await migrate(root, persist, quiet);

  step("starting compute");
  const compute = await startCompute(computeEnv(root, url, project.connections, settings), onLine);
  undo.push(compute.stop);
  noteCommit(root, persist);
  const env: Env = { ...settings, ...compute.settings, WEIR_LOCAL_URL: url };
  const configs = [
    ...writeLocalConfigs(root, configsOf(project)),
    relative(root, join(packageRoot, "workers/compute/wrangler.toml")),
  ];
  const guest = { ...quiet, ...env };
  const workers = await startWorkers({ root, configs, port, persist, env: guest, onLine, onStep: step });
  undo.push(workers.stop);
  // Not waited for: what it takes up may run for minutes.
  void ringCron(url, env);
  const cron = setInterval(() => void ringCron(url, env), 60_000);
  undo.push(() => clearInterval(cron));
  const ended = Promise.race([workers.ended, compute.ended]);
  return { url, apiKey: env.WEIR_API_KEY ?? "", env, ended };
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
