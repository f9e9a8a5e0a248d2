// Lock on a state folder, so that only one stack uses it: two would take each other's work from the queues. The lock is
// that of an SQLite file, which the system releases when the process ends, however it ends.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { CliError } from "../io/output.ts";

/**
 * Locks a state folder for this process and returns the function that unlocks it.
 *
 * @throws CliError that names the process and the URL of the stack that holds the lock
 */
export function lockState(persist: string, url?: string): () => void {
  mkdirSync(persist, { recursive: true });
  const owner = join(persist, "stack.json");
  const lock = new DatabaseSync(join(persist, "stack.lock"));
  try {
    lock.exec("PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE");
  } catch {
    lock.close();
    throw new CliError(
      `The state in ${persist} is in use by ${ownerIn(owner)}. End that stack first, or give another folder with --persist.`,
    );
  }
  if (url !== undefined) writeFileSync(owner, JSON.stringify({ pid: process.pid, url }));
  return () => lock.close();
}

function ownerIn(path: string): string {
  try {
    const { pid, url } = JSON.parse(readFileSync(path, "utf8")) as { pid: number; url: string };
    return `the stack of process ${pid} at ${url}`;
  } catch {
    return "another stack";
  }
}
