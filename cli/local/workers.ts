// Every Worker of the stack, under one `wrangler dev`, which is started again when it ends.
import { type Child, startNode } from "../io/children.ts";
import { CliError } from "../io/output.ts";
import { localHeaders } from "../settings/dev-env.ts";
import { keepUp } from "./keep-up.ts";
import { workersEnv } from "./running-commit.ts";
import { healthy, startLimit, WRANGLER } from "./wrangler.ts";

export interface WorkersOptions {
  root: string;
  /** Their wrangler.toml files, relative to the root; the first one's Worker gets the port. */
  configs: string[];
  port: number;
  persist: string;
  env: NodeJS.ProcessEnv;
  onLine(line: string): void;
  onStep(step: string): void;
}

/** Starts all Workers and resolves when they answer. Those that cannot start are stopped again. */
export async function startWorkers(options: WorkersOptions): Promise<Child> {
  const { root, configs, port, persist, onLine, onStep } = options;
  const url = `http://127.0.0.1:${port}`;
  const limit = startLimit(configs.length);
  const launch = async () => {
    const flags = ["--ip", "127.0.0.1", "--port", String(port)];
    const quiet = ["--persist-to", persist, "--show-interactive-dev-session=false"];
    return startNode([WRANGLER, "dev", ...configs.flatMap((config) => ["-c", config]), ...flags, ...quiet], {
      cwd: root,
      env: { ...options.env, ...workersEnv(root, port) },
      onLine,
    });
  };
  onStep(`starting ${configs.length} Workers`);
  const first = await launch();
  await healthy(url, first.ended, limit, (seconds) =>
    onStep(`starting ${configs.length} Workers: ${seconds} s so far, ${limit} s at most`),
  ).catch(async (error: unknown) => {
    await first.stop();
    throw error;
  });
  const again = async () => {
    const child = await launch();
    // What it held when it ended goes on at once, and not with the next minute.
    void healthy(url, child.ended, limit).then(
      () => ringCron(url, options.env),
      (error: unknown) => onLine(error instanceof CliError ? error.message : String(error)),
    );
    return child;
  };
  return keepUp({ name: "wrangler dev", quickMs: 30_000 }, first, again, onLine);
}

/** The cron, which nothing else rings locally: queues go on, and what is overdue is looked after. */
export const ringCron = (url: string, env: NodeJS.ProcessEnv): Promise<unknown> =>
  fetch(`${url}/__local/cron`, { method: "POST", headers: localHeaders(env), body: "{}" }).catch(() => {});
