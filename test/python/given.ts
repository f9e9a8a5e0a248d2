// A run of a Python handler at its first turn, by the compute server's own protocol. Says once where there is
// no python3 to test with.
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { PythonRuns } from "../../workers/compute/server/python/runs.ts";
import { findPython } from "../../workers/compute/server/python/sandbox.ts";

export const hasPython = (await findPython()) !== undefined;
if (!hasPython) console.log("skipped: the tests of Python handlers, because python3 is not installed here");

/** Whether this machine tells of processes. */
export const hasProc = existsSync("/proc/self/environ");
if (!hasProc) console.log("skipped: what becomes of a handler's processes, because there is no /proc here");

interface Asked {
  event?: Record<string, unknown>;
  pipeline?: string;
  timeout_ms?: number;
  env?: Record<string, string>;
}

/** A run of its own, at its first turn. */
export async function begin(
  runs: PythonRuns,
  source: string,
  { event = {}, pipeline = "films", timeout_ms = 20_000, env = {} }: Asked = {},
) {
  const run = randomUUID();
  let turn = 1;
  const taken = async (more: object) => {
    const result = await runs.take({ run, turn, ...more });
    if (!result.ok) throw new Error(result.failure.detail);
    return result.value;
  };
  const first = await taken({ start: { pipeline, source: text(source), env, event, timeout_ms } });
  return {
    first,
    again: () => taken({}),
    next: (answer: Record<string, unknown>) => {
      turn++;
      return taken({ answer });
    },
    end: () => taken({ end: true }),
  };
}

/** Processes of this machine that were started with this text in their environment. Linux only. */
export const marked = (mark: string): string[] =>
  readdirSync("/proc").filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/environ`, "latin1").includes(mark);
    } catch {
      return false;
    }
  });

/** Python source without the indent that it has here. */

/** Base64 of float32. */
export const base64 = (...floats: number[]) =>
  Buffer.from(new Float32Array(floats).buffer).toString("base64");

export function text(source: string): string {
  const lines = source.replace(/^\n/, "").split("\n");
  const indent = /^ */.exec(lines[0] ?? "")?.[0].length ?? 0;
  return lines.map((line) => line.slice(indent)).join("\n");
}
