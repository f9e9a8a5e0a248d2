// The runs of Python handlers, each taking turns with its pipeline Worker: the Worker starts one, answers
// its calls, and gets its items. So compute holds no credentials, and no request has to last as long as a run.
import { rmSync } from "node:fs";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { type Failure, fail, ok, type Result } from "../../../../src/shapes/failure.ts";
import { DRAINING, Drain } from "../drain.ts";
import { type HandlerTurn, type Interpreter, type InterpreterSetup, ownFolder } from "./interpreter.ts";
import { findPython, findSandbox, type Python } from "./sandbox.ts";
import type { PythonRequest, PythonStart } from "./schema.ts";
import { WarmInterpreters } from "./warm.ts";

export interface PythonOptions {
  /** Handlers that run at once, at most. */
  size: number;
  /** A Python interpreter, if there is one. */
  find?: () => Promise<Python | undefined>;
  /** Bytes that one handler and its processes may hold. */
  memory: number;
  /** Counts runs until they are over, and says when no new one may begin. */
  drain?: Drain;
  /** Milliseconds after which a turn that is not over is reported as under way. */
  patienceMs?: number;
}

interface Run {
  start: PythonStart;
  interpreter: Interpreter;
  turn: number;
  /** The answer to that turn. Who asks for it again, because an answer was lost, gets the same. */
  answer: Promise<HandlerTurn>;
  timer: NodeJS.Timeout;
  /** Says to the drain that it is over. */
  leave: () => void;
  over: boolean;
}

/** Time for which the last turn of a run can be fetched again. */
const KEPT_MS = 60_000;
/** Each request renews the container's activity, so none waits for longer than this. */
const PATIENCE_MS = 20_000;

/** Runs by their ids, and the interpreters that they have. */
export class PythonRuns {
  readonly #options: Required<PythonOptions>;
  readonly #warm = new WarmInterpreters();
  readonly #runs = new Map<string, Run>();
  #setup: Promise<InterpreterSetup | undefined> | undefined;
  #busy = 0;
  #served = 0;

  constructor(options: PythonOptions) {
    this.#options = { find: findPython, patienceMs: PATIENCE_MS, drain: new Drain(), ...options };
  }

  /** Interpreters started so far, and the runs that they have had. */
  get counts(): { interpreters: number; runs: number } {
    return { interpreters: this.#warm.started, runs: this.#served };
  }

  /** Starts a run, goes on with one or ends it, and resolves with the handler's next turn. */
  async take(request: PythonRequest): Promise<Result<HandlerTurn>> {
    let run = this.#runs.get(request.run);
    if (request.end) {
      if (run) this.#finish(request.run, run, STOPPED);
      return ok({ log: [] });
    }
    if (request.start && !run) {
      const begun = await this.#begin(request.run, request.start);
      if (!begun.ok) return begun;
      run = begun.value;
    }
    if (!run) return ok({ log: [], failure: LOST });
    if (request.turn === run.turn + 1) this.#ask(request.run, run, request.answer ?? {});
    const turn = await Promise.race([run.answer, this.#patience()]);
    return ok(turn);
  }

  close(): void {
    for (const [id, run] of this.#runs) this.#finish(id, run, LOST);
    this.#warm.close();
  }

  async #begin(id: string, start: PythonStart): Promise<Result<Run>> {
    this.#setup ??= this.#find();
    const setup = await this.#setup;
    if (!setup) return fail("bad_handler", "python3 is not installed where compute runs", NO_PYTHON);
    const { drain } = this.#options;
    if (drain.isDraining) return { ok: false, failure: DRAINING };
    if (this.#busy >= this.#options.size) {
      const detail = `${this.#busy} Python handlers are running, which is the most at once`;
      return fail("overloaded", detail, { retry_after_seconds: 2, next: "Send it again after that time." });
    }
    this.#busy++;
    this.#served++;
    const interpreter = this.#warm.take(setup, start);
    const timer = setTimeout(() => this.#finish(id, run, timedOut(start)), start.timeout_ms).unref();
    const run: Run = { start, interpreter, turn: 0, answer: NEVER, timer, leave: drain.begin(), over: false };
    this.#runs.set(id, run);
    this.#ask(id, run, { event: start.event });
    return ok(run);
  }

  /** Looked for at the first run: that python3 is there, and how its handlers are kept apart. */
  async #find(): Promise<InterpreterSetup | undefined> {
    const python = await this.#options.find();
    if (!python) {
      // It may be installed yet.
      this.#setup = undefined;
      return undefined;
    }
    const { folder, uid } = ownFolder(process.getuid?.() === 0);
    try {
      return { python, sandbox: await findSandbox(python, folder, uid), memory: this.#options.memory };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  #ask(id: string, run: Run, message: object): void {
    run.turn++;
    run.answer = run.interpreter.ask(message).then((turn) => {
      if (turn.done || turn.failure) this.#finish(id, run);
      return turn;
    });
  }

  /** Gives the interpreter back, or ends it with a failure in the midst of its run. */
  #finish(id: string, run: Run, failure?: Failure): void {
    if (run.over) return;
    run.over = true;
    clearTimeout(run.timer);
    this.#busy--;
    run.leave();
    const { interpreter, start } = run;
    if (failure) interpreter.kill(failure);
    // What it has started and left behind ends with it.
    else if (!interpreter.isAlone) interpreter.kill();
    else if (interpreter.alive) this.#warm.keep(interpreter, start, this.#options.size);
    setTimeout(() => this.#runs.delete(id), KEPT_MS).unref();
  }

  #patience(): Promise<HandlerTurn> {
    return pause(this.#options.patienceMs, { log: [], waiting: true }, { ref: false });
  }
}

const NEVER = new Promise<HandlerTurn>(() => {});
const STOPPED: Failure = { kind: "handler_failed", detail: "its pipeline Worker needs no more of the run" };
const LOST: Failure = {
  kind: "unavailable",
  detail: "the compute instance that ran the handler has been replaced",
};
const NO_PYTHON = { next: "Install python3 there; the image of workers/compute/Dockerfile has it." };

function timedOut({ timeout_ms }: PythonStart): Failure {
  const detail = `the handler did not finish in ${timeout_ms / 1000} s and was killed`;
  return { kind: "timeout", detail, next: "raise timeout_seconds, or do less in one run" };
}
