// One python3 child that has loaded one handler.py: a line to it, a line back, and the log between the two.
// Its pipes 3 and 4 carry JSON lines; what it writes to 1 and 2 by other ways than print is log as well.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Readable, Writable } from "node:stream";
import { z } from "zod";
import type { Failure } from "../../../../src/shapes/failure.ts";

/** What a handler comes to between two of its calls: a call, its end, or the failure that ended it. */
export interface Turn {
  /** Lines printed since the last turn. */
  log: string[];
  /** Items returned since the last turn, as the Worker takes them. */
  items?: unknown[];
  call?: unknown;
  done?: true;
  failure?: Failure;
  /** Nothing yet: ask again. */
  waiting?: true;
}

const MAIN = new URL("./main.py", import.meta.url).pathname;
/** Lines kept for one turn, and the length of each. The run keeps fewer. */
const MOST_LINES = 200;
const LONGEST_LINE = 1000;
const LINGER_MS = 500;
const LONGEST_MESSAGE = 64 * 1024 * 1024;

/** What main.py says: a line of log, or what ends a turn. */
const messageSchema = z.object({
  log: z.string().exactOptional(),
  items: z.array(z.unknown()).exactOptional(),
  call: z.unknown().exactOptional(),
  done: z.literal(true).exactOptional(),
  failure: z.custom<Failure>((value) => typeof value === "object" && value !== null).exactOptional(),
});

/** The real interpreter behind the name `python3`, which may be a script that looks for one. */
export function findPython(): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile("python3", ["-c", "import sys; print(sys.executable)"], (error, out) =>
      resolve(error ? undefined : out.trim()),
    );
  });
}

export class Interpreter {
  readonly #child: ChildProcess;
  readonly #folder = mkdtempSync(join(tmpdir(), "weir-python-"));
  #turn: PromiseWithResolvers<Turn> | undefined;
  #log: string[] = [];
  #failure: Failure | undefined;
  #ended = false;

  /** `env` is what the pipeline gives its handler. */
  constructor(python: string, source: string, env: Record<string, string>) {
    const { PATH, HOME } = process.env;
    this.#child = spawn(python, ["-B", MAIN], {
      cwd: this.#folder,
      // Nothing of Weir's own. A handler that hands its API_KEY to Mixpeek() needs none, but asks for one.
      env: { API_KEY: "weir", ...env, PATH, HOME, LANG: "C.UTF-8", TMPDIR: this.#folder },
      stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"],
      // A process group of its own, so that what a handler starts ends with it.
      detached: true,
    });
    this.#child.on("error", () => this.#conclude("it could not be started"));
    this.#child.on("exit", (code, signal) => this.#conclude(signal ?? `exit ${code}`));
    const [, out, err, incoming, lines] = this.#child.stdio;
    for (const stream of [out, err] as Readable[]) eachLine(stream, LONGEST_LINE, (line) => this.#note(line));
    eachLine(lines as Readable, LONGEST_MESSAGE, (line) => this.#hear(line));
    // It may have ended before it was told something; its exit says so.
    (incoming as Writable).on("error", () => {});
    this.#send({ source });
  }

  get alive(): boolean {
    return this.#failure === undefined;
  }

  /** Sends a line and resolves with the handler's next turn. */
  ask(message: object): Promise<Turn> {
    this.#turn = Promise.withResolvers<Turn>();
    if (this.#ended && this.#failure) this.#settle({ failure: this.#failure });
    else this.#send(message);
    return this.#turn.promise;
  }

  /** Ends it and whatever it has started; a turn that is awaited ends with this failure. */
  kill(failure = ended("it was no longer wanted")): void {
    if (!this.alive) return;
    this.#failure = failure;
    this.#remove();
  }

  #send(message: object): void {
    (this.#child.stdio[3] as Writable).write(`${JSON.stringify(message)}\n`);
  }

  #hear(line: string): void {
    const message = messageOf(line);
    if (!message) this.kill(ended("it wrote into Weir's own pipe"));
    else if (message.log !== undefined) this.#note(message.log);
    // A turn that comes after it was told to end is not one.
    else if (this.alive) this.#settle(message);
  }

  #note(line: string): void {
    if (this.#log.length < MOST_LINES) this.#log.push(line.slice(0, LONGEST_LINE));
  }

  #settle(turn: Omit<Turn, "log">): void {
    this.#turn?.resolve({ ...turn, log: this.#log.splice(0) });
    this.#turn = undefined;
  }

  #conclude(how: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure ??= ended(how);
    const failure = this.#failure;
    this.#remove();
    // What it had printed is still in the pipes, which end with it; one that a process left behind holds open
    // is not waited for.
    const settle = () => this.#settle({ failure });
    this.#child.once("close", settle);
    setTimeout(settle, LINGER_MS).unref();
  }

  #remove(): void {
    try {
      if (this.#child.pid) process.kill(-this.#child.pid, "SIGKILL");
    } catch {
      // Gone already.
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const ended = (how: string): Failure => ({
  kind: "handler_failed",
  detail: `the handler's interpreter ended in mid-run (${how})`,
  ...(how === "SIGKILL" && { next: "It may have needed more memory than the instance has." }),
});

function messageOf(line: string): z.infer<typeof messageSchema> | undefined {
  try {
    return messageSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

/** Lines of at most so many characters; what is over is left out. */
function eachLine(stream: Readable, most: number, take: (line: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8").on("data", (text: string) => {
    const [first = "", ...others] = text.split("\n");
    if (rest.length < most) rest += first;
    for (const other of others) {
      take(rest.slice(0, most));
      rest = other;
    }
  });
  stream.on("end", () => {
    if (rest !== "") take(rest.slice(0, most));
  });
}
