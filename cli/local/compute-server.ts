// Compute server as a child process of the local stack, started again after a crash.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Child, startNode } from "../io/children.ts";
import { CliError } from "../io/output.ts";
import { packageRoot } from "../project/project.ts";
import { type KeptUp, keepUp } from "./keep-up.ts";

/**
 * Starts the compute server. It keeps its port and token after a crash, so that Workers still reach it. `env` is added
 * to its environment at each start; the returned `settings` are what a Worker needs to reach it.
 */
export async function startCompute(
  env: () => Record<string, string>,
  onLine: (line: string) => void,
): Promise<KeptUp & { settings: Record<"COMPUTE_URL" | "COMPUTE_TOKEN", string> }> {
  const token = randomBytes(32).toString("hex");
  const launch = (port: number) => launchCompute(port, { ...env(), COMPUTE_TOKEN: token }, onLine);
  const initial = await launch(0);
  const settings = { COMPUTE_URL: `http://127.0.0.1:${initial.port}`, COMPUTE_TOKEN: token };
  const again = async () => (await launch(initial.port)).child;
  return {
    settings,
    ...keepUp({ name: "the compute server", quickMs: 5_000 }, initial.child, again, onLine),
  };
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
      reject(new CliError(`The compute server ${reason} before it listened.`)),
    );
  });
}
