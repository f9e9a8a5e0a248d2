// Interpreters that have a handler loaded and wait for its next run. One that waits long makes way, as does
// one whose handler has changed, and the oldest where there are too many.
import { Interpreter } from "./interpreter.ts";

/** How long an interpreter waits for its pipeline's next run. */
const WARM_MS = 300_000;

interface Waiting {
  pipeline: string;
  source: string;
  interpreter: Interpreter;
  timer: NodeJS.Timeout;
}

export class Warm {
  #waiting: Waiting[] = [];
  /** Interpreters started so far. */
  started = 0;

  /** One that waits for this very handler, or else a new one. */
  take(python: string, pipeline: string, source: string): Interpreter {
    for (const other of this.#waiting) {
      if (!other.interpreter.alive || (other.pipeline === pipeline && other.source !== source)) {
        this.#drop(other);
      }
    }
    const found = this.#waiting.find((one) => one.pipeline === pipeline);
    if (found) {
      clearTimeout(found.timer);
      this.#waiting = this.#waiting.filter((one) => one !== found);
      return found.interpreter;
    }
    this.started++;
    return new Interpreter(python, source);
  }

  /** Keeps an interpreter whose run is over, at most `most` of them in all. */
  keep(interpreter: Interpreter, pipeline: string, source: string, most: number): void {
    const one: Waiting = {
      pipeline,
      source,
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
