// One state, one stack: two `wrangler dev` on the same databases and queues would each take the other's work. The
// lock is SQLite's own, which the system lets go with the process, however that ends.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { CliError } from "../io/output.ts";

/**
 * Takes the state in a folder for this process and returns what lets it go.
 *
 * Throws a {@link CliError} that names the process and the address of the stack that has it.
 */
export function lockState(persist: string, url: string): () => void {
  mkdirSync(persist, { recursive: true });
  const owner = join(persist, "stack.json");
  const lock = new DatabaseSync(join(persist, "stack.lock"));
  try {
    lock.exec("PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE");
  } catch {
    lock.close();
    throw new CliError(
      `The state in ${persist} is in use by ${ownerIn(owner)}. End that one first, or name another folder with --persist.`,
    );
  }
  writeFileSync(owner, JSON.stringify({ pid: process.pid, url }));
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
