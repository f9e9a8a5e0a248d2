// The steps of a run, for whoever looks at it later as a waterfall: what was done when, for how long, and how much came of
// it. Found through AsyncLocalStorage like the meter, which holds them; only names and numbers, nothing of the object.
import type { RunStep } from "../../src/shapes/run.ts";

/** Steps that are kept by themselves; what is beyond is one step, with its sums. */
const MAX_STEPS = 50;

export class Steps {
  readonly #steps: RunStep[] = [];
  #others: (RunStep & { count: number }) | undefined;

  add(step: RunStep): void {
    if (this.#steps.length < MAX_STEPS) {
      this.#steps.push(step);
      return;
    }
    const { count, ms, bytes = 0, at } = this.#others ?? { count: 0, ms: 0, at: step.at };
    this.#others = {
      ...{ name: "others", at, ms: ms + step.ms, bytes: bytes + (step.bytes ?? 0), count: count + 1 },
      detail: `${count + 1} more steps, their times together`,
    };
  }

  /** In the order in which they began. */
  read(): RunStep[] {
    const steps = [...this.#steps].sort((a, b) => a.at - b.at);
    if (!this.#others) return steps;
    const { count: _, ...others } = this.#others;
    return [...steps, others];
  }
}
