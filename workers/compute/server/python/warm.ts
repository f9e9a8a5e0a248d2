// Interpreters that have a handler loaded and wait for its next run. One that waits long makes way, as does
// one whose handler has changed, and the oldest where there are too many.
import { Interpreter, type InterpreterSetup } from "./interpreter.ts";

/** How long an interpreter waits for its pipeline's next run. */
const WARM_MS = 300_000;

/** The handler that an interpreter has loaded, and its environment. */
export interface LoadedHandler {
  pipeline: string;
  source: string;
  env: Record<string, string>;
}

interface WarmInterpreter {
  loaded: LoadedHandler;
  interpreter: Interpreter;
  timer: NodeJS.Timeout;
}

/** Interpreters that wait for their handler's next run. */
export class WarmInterpreters {
  #waiting: WarmInterpreter[] = [];
  /** Interpreters started so far. */
  started = 0;

  /** Gives an interpreter that waits for this very handler, or else a new one. */
  take(setup: InterpreterSetup, loaded: LoadedHandler): Interpreter {
    for (const other of this.#waiting) {
      const changed = other.loaded.pipeline === loaded.pipeline && !isSame(other.loaded, loaded);
      if (changed || !other.interpreter.alive) this.#drop(other);
    }
    const match = this.#waiting.find((entry) => entry.loaded.pipeline === loaded.pipeline);
    if (match) {
      clearTimeout(match.timer);
      this.#waiting = this.#waiting.filter((entry) => entry !== match);
      return match.interpreter;
    }
    this.started++;
    return new Interpreter(setup, loaded.source, loaded.env);
  }

  /** Keeps an interpreter whose run is over, at most `most` of them in all. */
  keep(interpreter: Interpreter, loaded: LoadedHandler, most: number): void {
    const entry: WarmInterpreter = {
      loaded,
      interpreter,
      timer: setTimeout(() => this.#drop(entry), WARM_MS).unref(),
    };
    this.#waiting.push(entry);
    for (const oldest of this.#waiting.slice(0, Math.max(0, this.#waiting.length - most))) this.#drop(oldest);
  }

  close(): void {
    for (const entry of this.#waiting) this.#drop(entry);
  }

  #drop(entry: WarmInterpreter): void {
    clearTimeout(entry.timer);
    entry.interpreter.kill();
    this.#waiting = this.#waiting.filter((other) => other !== entry);
  }
}

const isSame = (entry: LoadedHandler, other: LoadedHandler) =>
  entry.source === other.source && JSON.stringify(entry.env) === JSON.stringify(other.env);
