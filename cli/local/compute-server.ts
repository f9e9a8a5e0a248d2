// The compute server as a child of the stack: started, watched, and started again when it crashes.
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Child, startNode } from "../io/children.ts";
import { CliError } from "../io/output.ts";
import { packageRoot } from "../project/project.ts";

/**
 * The compute server, on one port for life: after a crash it is started again where Workers look for it.
 * `env` is added to its environment.
 */
export async function startCompute(
  env: Record<string, string>,
  onLine: (line: string) => void,
): Promise<Child & { port: number }> {
  let stopping = false;
  const first = await launchCompute(0, env, onLine);
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
      child = (await launchCompute(first.port, env, onLine).catch(() => undefined))?.child ?? child;
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
  env: Record<string, string>,
  onLine: (line: string) => void,
): Promise<{ child: Child; port: number }> {
  return new Promise((resolve, reject) => {
    const child = startNode([join(packageRoot, "workers/compute/server/main.ts")], {
      cwd: packageRoot,
      env: { ...process.env, ...env, PORT: String(port), HOST: "127.0.0.1" },
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
