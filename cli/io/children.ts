// Child processes that end when we do. Each leads a process group of its own, so that stopping it stops
// what it started too (wrangler starts workerd).
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export interface Child {
  /** Resolves with a sentence when the process has ended, for whatever reason. */
  ended: Promise<string>;
  stop(): Promise<void>;
}

export interface ChildOptions {
  cwd: string;
  env: NodeJS.ProcessEnv;
  onLine(line: string): void;
}

const GRACE_MS = 5_000;
const running = new Set<ChildProcess>();

/** Starts this same Node on a script; its output arrives line by line. */
export function startNode(args: string[], options: ChildOptions): Child {
  const child = spawn(process.execPath, args, {
    cwd: options.cwd,
    env: options.env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  running.add(child);
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => options.onLine(line));
  }
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => {
      // What it started may outlive it.
      kill(child, "SIGKILL");
      running.delete(child);
      resolve(signal ? `ended by ${signal}` : `ended with code ${code}`);
    });
  });
  return {
    ended,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const force = setTimeout(() => kill(child, "SIGKILL"), GRACE_MS);
      kill(child, "SIGTERM");
      await ended;
      clearTimeout(force);
    },
  };
}

/** Runs a script to its end; its output is told only when it fails. */
export async function runNode(args: string[], options: Omit<ChildOptions, "onLine">): Promise<void> {
  const lines: string[] = [];
  const child = spawn(process.execPath, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => lines.push(line));
  }
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`${args.slice(1).join(" ")} failed:\n${lines.join("\n")}`);
}

function kill(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group is gone already.
  }
}

// The last line of defence: an exit by any path leaves no orphans.
process.once("exit", () => {
  for (const child of running) kill(child, "SIGKILL");
});
