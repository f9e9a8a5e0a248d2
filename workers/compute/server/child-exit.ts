// Failure of a job by how its decoder child ended: the file's fault, our own code's, or the machine's. The first is
// final; the others are tried again. Also keeps the chatter of libraries out of the server's log.
import type { ChildProcess } from "node:child_process";
import { type Failure, fail } from "../../../src/shapes/failure.ts";

/** Why a job ended early. `died`: its child died, which another child with the same job may not. */
export interface JobEnd {
  failure: Failure;
  died: boolean;
}

/** Signals that a process brings upon itself: native code that a file has led astray. */
const CRASHES = new Set(["SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGTRAP"]);
/** The exit code of a child that met an exception: `child.ts`. */
export const EXCEPTION_CODE = 70;

/** The ending of a job whose child exited while it was at the object of this name. */
export function endOfExit(name: string, code: number | null, signal: string | null): JobEnd {
  const place = { where: name };
  if (signal !== null && CRASHES.has(signal)) {
    const detail = `${name} made its decoder stop (${signal}).`;
    return { failure: fail("bad_media", detail, place).failure, died: true };
  }
  if (code === EXCEPTION_CODE) {
    const detail = `The decoder failed at ${name}, by a fault of its own.`;
    return {
      failure: fail("internal", detail, { ...place, next: "Compute's log says why." }).failure,
      died: true,
    };
  }
  const detail = `The decoder was stopped from outside (${signal ?? `exit ${code}`}) while it was at ${name}.`;
  const next = "It is tried again. If it goes on, give the instance more memory.";
  return { failure: fail("unavailable", detail, { ...place, next }).failure, died: true };
}

/** Characters of a child's last words that are kept. */
const MAX_LAST_CHARACTERS = 4000;

/** Logs the last words of a child that failed, in one line. Whatever else it and its libraries print is dropped. */
export function logLastWords(child: ChildProcess): void {
  let words = "";
  child.stderr?.setEncoding("utf8").on("data", (piece: string) => {
    words = (words + piece).slice(-MAX_LAST_CHARACTERS);
  });
  child.once("close", (code, signal) => {
    if (code === EXCEPTION_CODE || (signal !== null && CRASHES.has(signal)))
      console.error(JSON.stringify({ at: "decoder", pid: child.pid, code, signal, words: words.trim() }));
  });
}
