// One python3 child that has loaded one handler.py: a line to it, a line back, and the log between the two.
// Its pipes 3 and 4 carry JSON lines; what it writes to 1 and 2 by other ways than print is log as well.
// sandbox.ts says what stands around it; what it and its processes hold is watched here.
import { type ChildProcess, spawn } from "node:child_process";
import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Readable, Writable } from "node:stream";
import { z } from "zod";
import type { Failure } from "../../../../src/shapes/failure.ts";
import { holdMore, killTree, treeOf } from "./processes.ts";
import type { Python, Sandbox } from "./sandbox.ts";

/** Stretch of a handler's run up to its next call, its end, or the failure that ended it. */
export interface HandlerTurn {
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

const MAIN_SCRIPT = new URL("./main.py", import.meta.url).pathname;
/** Lines kept for one turn, and the length of each. The run keeps fewer. */
const MAX_LINES = 200;
const MAX_LINE_CHARACTERS = 1000;
const LINGER_MS = 500;
const MAX_MESSAGE_CHARACTERS = 64 * 1024 * 1024;

/** Messages of main.py: a line of log, or what ends a turn. */
const messageSchema = z.object({
  log: z.string().exactOptional(),
  items: z.array(z.unknown()).exactOptional(),
  call: z.unknown().exactOptional(),
  done: z.literal(true).exactOptional(),
  failure: z.custom<Failure>((value) => typeof value === "object" && value !== null).exactOptional(),
});

/** Surroundings that interpreters are started in, found out once. */
export interface InterpreterSetup {
  python: Python;
  sandbox: Sandbox;
  /** Bytes that a handler and what it starts may hold together. */
  memory: number;
}

/** Processes that a handler may have, itself among them; its threads, where its user is its own. */
const MAX_PROCESSES = 64;
const MAX_THREADS = 512;
const WATCH_MS = 250;
/** Users of interpreters: nobody's else, and never those of two that live at once. */
const FIRST_UID = 20_000;
const UID_COUNT = 40_000;
let lastUid = Math.floor(Math.random() * UID_COUNT);

/** A folder of its own for a user of its own. */
export function ownFolder(hasUser: boolean): { folder: string; uid: number } {
  lastUid = (lastUid + 1) % UID_COUNT;
  const [folder, uid] = [mkdtempSync(join(tmpdir(), "weir-python-")), FIRST_UID + lastUid];
  if (hasUser) chownSync(folder, uid, uid);
  return { folder, uid };
}

/** One python3 child with one handler: a line to it, its next turn back. */
export class Interpreter {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #uid: number | undefined;
  readonly #setup: InterpreterSetup;
  readonly #watch: NodeJS.Timeout;
  #turn: PromiseWithResolvers<HandlerTurn> | undefined;
  #log: string[] = [];
  #failure: Failure | undefined;
  #ended = false;

  /** `env` is what the pipeline gives its handler. */
  constructor(setup: InterpreterSetup, source: string, env: Record<string, string>) {
    const { python, sandbox, memory } = setup;
    const { folder, uid } = ownFolder(sandbox.hasUser);
    const wrapped = sandbox.wrap([python.executable, "-B", MAIN_SCRIPT], folder, uid);
    const [file = "", ...args] = wrapped.command;
    this.#folder = folder;
    this.#uid = wrapped.uid;
    this.#setup = setup;
    this.#child = spawn(file, args, {
      cwd: folder,
      // Nothing of Weir's own. A handler that hands its API_KEY to Mixpeek() needs none, but asks for one.
      env: { API_KEY: "weir", ...env, PATH: process.env.PATH, HOME: folder, LANG: "C.UTF-8", TMPDIR: folder },
      stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"],
      // A process group of its own, so that what a handler starts ends with it.
      detached: true,
    });
    this.#child.on("error", () => this.#conclude("it could not be started"));
    this.#child.on("exit", (code, signal) => this.#conclude(signal ?? endOf(code ?? 0)));
    const [, out, err, incoming, lines] = this.#child.stdio;
    for (const stream of [out, err] as Readable[])
      eachLine(stream, MAX_LINE_CHARACTERS, (line) => this.#addLog(line));
    eachLine(lines as Readable, MAX_MESSAGE_CHARACTERS, (line) => this.#receive(line));
    // It may have ended before a line reaches it; its exit says so.
    (incoming as Writable).on("error", () => {});
    const threads = sandbox.hasUser ? MAX_THREADS : null;
    this.#send({ source, limits: { memory, threads } });
    this.#watch = setInterval(() => this.#checkLimits(), WATCH_MS).unref();
  }

  /** Whether nothing but itself is left of the run that has ended. */
  get isAlone(): boolean {
    return this.#processes().length <= this.#setup.sandbox.processes;
  }

  #processes(): number[] {
    return this.#child.pid === undefined ? [] : treeOf(this.#child.pid);
  }

  /** Ends it where it and what it has started are too many or hold too much. */
  #checkLimits(): void {
    const { sandbox, memory } = this.#setup;
    const processes = this.#processes();
    const own = processes.length - sandbox.processes + 1;
    if (own > MAX_PROCESSES) {
      const next = `Start fewer processes: a handler may have ${MAX_PROCESSES} at once.`;
      this.kill({ kind: "handler_failed", detail: `The handler had ${own} processes and was ended.`, next });
    } else if (holdMore(processes, memory)) {
      const detail = `The handler and its processes held over ${memory >> 20} MB and were ended.`;
      this.kill({ kind: "handler_failed", detail, next: "Hold less at once, or do less in one run." });
    }
  }

  get alive(): boolean {
    return this.#failure === undefined;
  }

  /** Sends a line and resolves with the handler's next turn. */
  ask(message: object): Promise<HandlerTurn> {
    this.#turn = Promise.withResolvers<HandlerTurn>();
    if (this.#ended && this.#failure) this.#settle({ failure: this.#failure });
    else this.#send(message);
    return this.#turn.promise;
  }

  /** Ends it and whatever it has started; a turn that is awaited ends with this failure. */
  kill(failure = ended("it was no longer needed")): void {
    if (!this.alive) return;
    this.#failure = failure;
    this.#remove();
  }

  #send(message: object): void {
    (this.#child.stdio[3] as Writable).write(`${JSON.stringify(message)}\n`);
  }

  #receive(line: string): void {
    const message = messageOf(line);
    if (!message) this.kill(ended("it wrote into Weir's own pipe"));
    else if (message.log !== undefined) this.#addLog(message.log);
    // A turn that comes after it was killed is not one.
    else if (this.alive) this.#settle(message);
  }

  #addLog(line: string): void {
    if (this.#log.length < MAX_LINES) this.#log.push(line.slice(0, MAX_LINE_CHARACTERS));
  }

  #settle(turn: Omit<HandlerTurn, "log">): void {
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
    clearInterval(this.#watch);
    if (this.#child.pid !== undefined) killTree(this.#child.pid, this.#uid);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Name of an end. A sandbox reports the signal that ended what is in it by a code over 128, as shells do. */
function endOf(code: number): string {
  const [name] = Object.entries(constants.signals).find(([, number]) => number === code - 128) ?? [];
  return name ?? `exit ${code}`;
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
function eachLine(stream: Readable, maxCharacters: number, onLine: (line: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8").on("data", (text: string) => {
    const [first = "", ...others] = text.split("\n");
    if (rest.length < maxCharacters) rest += first;
    for (const other of others) {
      onLine(rest.slice(0, maxCharacters));
      rest = other;
    }
  });
  stream.on("end", () => {
    if (rest !== "") onLine(rest.slice(0, maxCharacters));
  });
}
