// Workers of the stack, all in one `wrangler dev`, which is started again when it ends.
import { startNode } from "../io/children.ts";
import { CliError } from "../io/output.ts";
import { WRANGLER } from "../project/project.ts";
import { localHeaders } from "../settings/dev-env.ts";
import { type KeptUp, keepUp } from "./keep-up.ts";
import { workersEnv } from "./running-commit.ts";
import { startLimitSeconds, waitUntilHealthy } from "./wrangler.ts";

export interface WorkersOptions {
  root: string;
  port: number;
  persist: string;
  /** What they are started with, at each start. */
  current(): WorkersStart;
  onLine(line: string): void;
  onStep(step: string): void;
}

export interface WorkersStart {
  /** Paths of their wrangler.toml files, relative to the root; the Worker of the first gets the port. */
  configs: string[];
  env: NodeJS.ProcessEnv;
}

/** Starts all Workers and resolves when they answer; stops them where they do not. @throws CliError */
export async function startWorkers(options: WorkersOptions): Promise<KeptUp> {
  const { root, port, persist, current, onLine, onStep } = options;
  const url = `http://127.0.0.1:${port}`;
  const launch = async () => {
    const { configs, env } = current();
    const flags = ["--ip", "127.0.0.1", "--port", String(port)];
    const quiet = ["--persist-to", persist, "--show-interactive-dev-session=false"];
    return startNode([WRANGLER, "dev", ...configs.flatMap((config) => ["-c", config]), ...flags, ...quiet], {
      cwd: root,
      env: { ...env, ...workersEnv(root, port) },
      onLine,
    });
  };
  const workers = current().configs.length;
  const limit = startLimitSeconds(workers);
  onStep(`starting ${workers} Workers`);
  const initial = await launch();
  await waitUntilHealthy(url, initial.ended, limit, (seconds) =>
    onStep(`starting ${workers} Workers: ${seconds} s so far, ${limit} s at most`),
  ).catch(async (error: unknown) => {
    await initial.stop();
    throw error;
  });
  const again = async () => {
    const child = await launch();
    // The cron resumes interrupted work at once instead of within a minute.
    const { configs, env } = current();
    void waitUntilHealthy(url, child.ended, startLimitSeconds(configs.length)).then(
      () => ringCron(url, env),
      (error: unknown) => onLine(error instanceof CliError ? error.message : String(error)),
    );
    return child;
  };
  return keepUp({ name: "wrangler dev", quickMs: 30_000 }, initial, again, onLine);
}

/** Runs the cron, which nothing else runs locally: queues go on, and overdue work is resumed. */
export const ringCron = (url: string, env: NodeJS.ProcessEnv): Promise<unknown> =>
  fetch(`${url}/__local/cron`, { method: "POST", headers: localHeaders(env), body: "{}" }).catch(() => {});
