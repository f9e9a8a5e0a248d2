// Child processes that end when we do, even by SIGKILL (guard.mjs). Each leads a process group of its own, so that
// stopping it stops what it started too (wrangler starts workerd).
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
/** The pipe by which a child knows that we live. */
const GUARD_FD = 3;

/** Starts this same Node on a script; its output arrives line by line. */
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
  // Nothing is ever said on it, and it keeps nobody waiting.
  const guard = child.stdio[GUARD_FD] as Socket;
  guard.on("error", () => {}).unref();
  return child;
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
