// Stack: all of Weir on this machine. The compute server (compute-server.ts), and every Worker with D1, R2 and queues
// in one `wrangler dev` (workers.ts). Started by `weir dev`, `weir demo` and tests.
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { writePage } from "../../scripts/page.mjs";
import type { Connections } from "../../src/shapes/connection.ts";
import { CliError } from "../io/output.ts";
import { freePort, holdPort, isFree } from "../io/ports.ts";
import { loadProject, ownConfig, type Project } from "../project/project.ts";
import { devSecrets, type SettingValues, stackSettings } from "../settings/dev-env.ts";
import { startCompute } from "./compute-server.ts";
import { configsOf, writeLocalConfigs } from "./local-config.ts";
import { lockState } from "./lock.ts";
import { migrate } from "./migrate.ts";
import { noteCommit } from "./running-commit.ts";
import { RunningCopies } from "./running-copies.ts";
import { scrubErased } from "./scrub.ts";
import { ringCron, startWorkers } from "./workers.ts";
import { wranglerEnv } from "./wrangler.ts";

export interface StackOptions {
  root: string;
  /** Port of the router; 0 takes a free one. */
  port: number;
  /** Folder of the local databases and buckets. */
  persist: string;
  /** Aliases of the pipelines whose Workers are started; default: all. What is for others waits. */
  only?: readonly string[];
  /** Gets every line that the processes print. */
  onLine(line: string): void;
  /** Gets the name of each step, for a person who waits. */
  onStep?(step: string): void;
}

export interface Stack {
  url: string;
  apiKey: string;
  /** Secrets and settings of the Workers. */
  env: SettingValues;
  /** Resolves, with the reason, when the stack can no longer serve. */
  ended: Promise<string>;
  /** Ends the Workers' processes, which are started again. */
  restartWorkers(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts everything and resolves when `/healthz` answers. Stops everything where a part cannot start.
 *
 * @throws CliError
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const port = options.port || (await freePort());
  // First, since the port may be that of a stack on the same state.
  const unlock = lockState(options.persist, addressOf(port));
  if (options.port !== 0 && !(await isFree(port))) {
    unlock();
    throw new CliError(
      `Port ${port} is taken. End the process that listens there, or choose another port with --port.`,
    );
  }
  const undo = [unlock] as (() => unknown)[];
  // Parts stop in reverse order; the state is unlocked last.
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
  { root, persist, only, onLine, onStep: step = () => {} }: StackOptions,
  undo: (() => unknown)[],
): Promise<Omit<Stack, "stop">> {
  const whole = loadProject(root);
  const project = only ? { ...whole, pipelines: chosen(whole, only) } : whole;
  const url = addressOf(port);
  const secrets = devSecrets(root, project.connections, randomBytes);
  const settings = stackSettings(project.connections, url, secrets);
  const quiet = wranglerEnv(persist);
  step("preparing the page and the databases");
  await writePage();
  scrubErased(persist);
  await migrate(root, persist, quiet);

  step("starting compute");
  // Compute takes any free port, and the Workers' own is free until they start.
  const release = await holdPort(port);
  const compute = await startCompute(computeEnv(root, url, project.connections, settings), onLine).finally(
    release,
  );
  undo.push(compute.stop);
  noteCommit(root, persist);
  const env: SettingValues = { ...settings, ...compute.settings, WEIR_LOCAL_URL: url };
  await new RunningCopies().take(project);
  const configs = [
    ...writeLocalConfigs(root, configsOf(project)),
    ...(["compute", "search"] as const).map((name) => ownConfig(root, name)),
  ];
  const guest = { ...quiet, ...env };
  const workers = await startWorkers({ root, configs, port, persist, env: guest, onLine, onStep: step });
  undo.push(workers.stop);
  // Not awaited, since the work that the cron resumes may take minutes.
  void ringCron(url, env);
  const cron = setInterval(() => void ringCron(url, env), 60_000);
  undo.push(() => clearInterval(cron));
  const ended = Promise.race([workers.ended, compute.ended]);
  return { url, apiKey: env.WEIR_API_KEY ?? "", env, ended, restartWorkers: workers.restart };
}

/** @throws CliError for an alias that the project does not have */
function chosen({ pipelines }: Project, only: readonly string[]): Project["pipelines"] {
  const unknown = only.find((alias) => !pipelines.some(({ name }) => name === alias));
  if (unknown === undefined) return pipelines.filter(({ name }) => only.includes(name));
  const some = pipelines.slice(0, 10).map(({ name }) => name);
  const others = pipelines.length > some.length ? " and others" : "";
  throw new CliError(
    `There is no pipeline ${unknown} in this tree: --only takes ${some.join(", ")}${others}.`,
    [],
    4,
  );
}

/** Environment of compute. It may read from the stack itself, and from every endpoint that a connection names. */
export function computeEnv(
  root: string,
  url: string,
  connections: Connections["connections"],
  settings: SettingValues,
): SettingValues {
  const endpoints = Object.values(connections).flatMap((connection) =>
    connection.kind === "s3" && connection.endpoint !== undefined
      ? [settings[connection.endpoint] ?? connection.endpoint]
      : [],
  );
  const origins = [url, ...endpoints.filter((endpoint) => URL.canParse(endpoint))].map(
    (endpoint) => new URL(endpoint).origin,
  );
  const models = join(root, "models.json");
  return { COMPUTE_ALLOW_ORIGINS: origins.join(), ...(existsSync(models) && { MODELS: models }) };
}
