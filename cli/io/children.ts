// Child processes that end with this process, even when it is killed (guard.mjs). Each child leads a process group, so
// that stopping it also stops the processes that it started (wrangler starts workerd).
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

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

const GUARD = pathToFileURL(join(import.meta.dirname, "guard.mjs")).href;
/** File descriptor of the pipe that is open as long as this process lives. */
const GUARD_FD = 3;

/** Starts a script under the running Node and passes its output on, line by line. */
export function startNode(args: string[], options: ChildOptions): Child {
  const child = launch(args, options);
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
  const child = launch(args, { ...options, onLine: (line) => void lines.push(line) });
  const [code] = (await once(child, "close")) as [number | null];
  running.delete(child);
  if (code !== 0) throw new Error(`${args.slice(1).join(" ")} failed:\n${lines.join("\n")}`);
}

function launch(args: string[], { cwd, env, onLine }: ChildOptions): ChildProcess {
  const child = spawn(process.execPath, [`--import=${GUARD}`, ...args], {
    cwd,
    env: { ...env, WEIR_GUARD_FD: String(GUARD_FD) },
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    detached: true,
  });
  running.add(child);
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on("line", onLine);
  }
  // Nothing is written to the pipe, and it must not keep this process alive.
  const guard = child.stdio[GUARD_FD] as Socket;
  guard.on("error", () => {}).unref();
  return child;
}

function kill(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group has ended already.
  }
}

// The last line of defence: an exit by any path leaves no orphans.
process.once("exit", () => {
  for (const child of running) kill(child, "SIGKILL");
});
