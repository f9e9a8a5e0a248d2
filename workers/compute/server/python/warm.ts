// Interpreters that have a handler loaded and wait for its next run. One that waits long makes way, as does
// one whose handler has changed, and the oldest where there are too many.
import { Interpreter, type Setup } from "./interpreter.ts";

/** How long an interpreter waits for its pipeline's next run. */
const WARM_MS = 300_000;

/** What an interpreter is started with. */
export interface Loaded {
  pipeline: string;
  source: string;
  env: Record<string, string>;
}

interface Waiting {
  loaded: Loaded;
  interpreter: Interpreter;
  timer: NodeJS.Timeout;
}

export class Warm {
  #waiting: Waiting[] = [];
  /** Interpreters started so far. */
  started = 0;

  /** One that waits for this very handler, or else a new one. */
  take(setup: Setup, loaded: Loaded): Interpreter {
    for (const other of this.#waiting) {
      const changed = other.loaded.pipeline === loaded.pipeline && !isSame(other.loaded, loaded);
      if (changed || !other.interpreter.alive) this.#drop(other);
    }
    const found = this.#waiting.find((one) => one.loaded.pipeline === loaded.pipeline);
    if (found) {
      clearTimeout(found.timer);
      this.#waiting = this.#waiting.filter((one) => one !== found);
      return found.interpreter;
    }
    this.started++;
    return new Interpreter(setup, loaded.source, loaded.env);
  }

  /** Keeps an interpreter whose run is over, at most `most` of them in all. */
  keep(interpreter: Interpreter, loaded: Loaded, most: number): void {
    const one: Waiting = {
      loaded,
      interpreter,
      timer: setTimeout(() => this.#drop(one), WARM_MS).unref(),
    };
    this.#waiting.push(one);
    for (const oldest of this.#waiting.slice(0, Math.max(0, this.#waiting.length - most))) this.#drop(oldest);
  }

  close(): void {
    for (const one of this.#waiting) this.#drop(one);
  }

  #drop(one: Waiting): void {
    clearTimeout(one.timer);
    one.interpreter.kill();
    this.#waiting = this.#waiting.filter((other) => other !== one);
  }
}

const isSame = (one: Loaded, other: Loaded) =>
  one.source === other.source && JSON.stringify(one.env) === JSON.stringify(other.env);
