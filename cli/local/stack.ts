// Stack: all of Weir on this machine. The compute server (compute-server.ts), and every Worker with D1, R2 and queues
// in one `wrangler dev` (workers.ts). Started by `weir dev`, `weir demo` and tests.
import { writePage } from "../../scripts/page.mjs";
import { CliError } from "../io/output.ts";
import { freePort, holdPort, isFree } from "../io/ports.ts";
import { loadProject, type Project } from "../project/project.ts";
import type { SettingValues } from "../settings/dev-env.ts";
import { startCompute } from "./compute-server.ts";
import { writeLocalConfigs } from "./local-config.ts";
import { lockState } from "./lock.ts";
import { migrate } from "./migrate.ts";
import { noteCommit } from "./running-commit.ts";
import { copyRegistry, RunningCopies, registryIn } from "./running-copies.ts";
import { scrubErased } from "./scrub.ts";
import { planOf, type StackPlan } from "./stack-plan.ts";
import { ringCron, startWorkers } from "./workers.ts";
import { startLimitSeconds, waitUntilHealthy, wranglerEnv } from "./wrangler.ts";

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
  /** Secrets and settings of the Workers, as they were at the start. */
  env: SettingValues;
  /** Resolves, with the reason, when the stack can no longer serve. */
  ended: Promise<string>;
  /** What runs now. */
  plan(): StackPlan;
  /**
   * Follows another plan: stops the Workers, lets `prepare` write what they are bundled from, and resolves when they
   * answer again. What is stored stays.
   */
  follow(next: StackPlan, prepare: () => void): Promise<void>;
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
  let plan = planOf(project, url);
  const quiet = wranglerEnv(persist);
  step("preparing the page and the databases");
  await writePage();
  scrubErased(persist);
  await migrate(root, persist, quiet);

  step("starting compute");
  // Compute takes any free port, and the Workers' own is free until they start.
  const release = await holdPort(port);
  const compute = await startCompute(() => plan.compute, onLine).finally(release);
  undo.push(compute.stop);
  noteCommit(root, persist);
  for (const [alias, { problems }] of (await new RunningCopies().take(project)).broken)
    throw new CliError(`The handler of ${alias} does not build.`, problems);
  copyRegistry(root, registryIn(root));
  const env = (): SettingValues => ({ ...plan.settings, ...compute.settings });
  const localConfigsOf = ({ configs, others }: StackPlan) => [...writeLocalConfigs(root, configs), ...others];
  let configs = localConfigsOf(plan);
  const current = () => ({ configs, env: { ...quiet, ...env() } });
  const workers = await startWorkers({ root, port, persist, current, onLine, onStep: step });
  undo.push(workers.stop);
  // Not awaited, since the work that the cron resumes may take minutes.
  void ringCron(url, env());
  const cron = setInterval(() => void ringCron(url, env()), 60_000);
  undo.push(() => clearInterval(cron));
  const follow = async (next: StackPlan, prepare: () => void) => {
    const before = plan;
    await workers.restart(async () => {
      prepare();
      await migrate(root, persist, quiet);
      plan = next;
      configs = localConfigsOf(next);
      if (JSON.stringify(before.compute) !== JSON.stringify(next.compute)) await compute.restart();
    });
    await waitUntilHealthy(url, workers.ended, startLimitSeconds(configs.length));
  };
  return {
    url,
    apiKey: plan.settings.WEIR_API_KEY ?? "",
    env: env(),
    ended: Promise.race([workers.ended, compute.ended]),
    plan: () => plan,
    follow,
    restartWorkers: () => workers.restart(),
  };
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
