// Memory and processor time of a child, and the memory that all processes here have together.
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import process from "node:process";

/** Bytes of memory that a process holds, where the system says so; else 0, and its own limits must do. */
export function residentOf({ pid }: Pick<ChildProcess, "pid">): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Milliseconds of processor time that a process has taken, where the system says so; else 0. */
export function spentBy({ pid }: Pick<ChildProcess, "pid">): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // After the name, which may hold anything but ends with the last parenthesis: utime and stime, hundredths.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return 0;
  }
}

/** Bytes of memory that all processes here have together: the container's, where it has a limit. */
export function memoryHere(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 && constrained < totalmem() ? constrained : totalmem();
}
