// The processes below one, as Linux lists them in /proc: how many, and what they hold. Other systems
// say nothing of them.
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { residentOf } from "../memory.ts";

/** A process and all below it that have not ended, parents first. Empty where the system does not say. */
export function treeOf(root: number): number[] {
  const tree = [root].filter(isAlive);
  for (const pid of tree) tree.push(...childrenOf(pid).filter(isAlive));
  return tree;
}

/** Whether processes hold more bytes together than so many; what they share counts once. */
export function holdMore(pids: readonly number[], maxBytes: number): boolean {
  const sum = (of: (pid: number) => number) => pids.reduce((all, pid) => all + of(pid), 0);
  // A share of each page is costly to find: only where it could be too much.
  return sum((pid) => residentOf({ pid })) > maxBytes && sum(shareOf) > maxBytes;
}

/** Bytes that a process holds, of those shared its part. */
const shareOf = (pid: number): number =>
  Number(/^Pss:\s+(\d+) kB$/m.exec(textOf(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) * 1024;

/**
 * Ends a process and all below it: those below first, and again until none is left, since one that forks while it is
 * looked for has a child that was not yet there. `uid`, where it is nobody else's, finds those that have left the tree.
 */
export function killTree(root: number, uid?: number): void {
  // So that it starts no more meanwhile.
  kill(root, "SIGSTOP");
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const below = treeOf(root).filter((pid) => pid !== root);
    const strays = uid === undefined ? [] : ofUser(uid).filter((pid) => pid !== root);
    const left = new Set([...below, ...strays]);
    for (const pid of left) kill(pid);
    if (left.size === 0) break;
  }
  // Its group is all that is known where there is no /proc.
  kill(-root);
  kill(root);
}

const MAX_TRIES = 50;

function kill(pid: number, signal: NodeJS.Signals = "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already.
  }
}

/** Children of every thread of a process: each may have started some. */
const childrenOf = (pid: number): number[] =>
  namesIn(`/proc/${pid}/task`).flatMap((thread) =>
    textOf(`/proc/${pid}/task/${thread}/children`).split(" ").filter(Boolean).map(Number),
  );

/** Whether a process runs. One that has ended and whose parent has not heard of it yet does not. */
const isAlive = (pid: number): boolean => /^State:\s+[^ZX]/m.test(textOf(`/proc/${pid}/status`));

const ofUser = (uid: number): number[] =>
  namesIn("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter(
      (pid) => new RegExp(`^Uid:\\s+${uid}\\s`, "m").test(textOf(`/proc/${pid}/status`)) && isAlive(pid),
    );

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
