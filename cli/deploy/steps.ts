// Does a plan's steps: first what hangs on nothing (queues, buckets, databases), several at a time since each
// waits mostly for wrangler to start; then the rest, one after the other. Stops at the first that fails.
import type { Step } from "./plan.ts";
import type { Outcome } from "./wrangler.ts";

export interface Done {
  done: Step[];
  failed?: { step: Step; said: string };
}

const INDEPENDENT = new Set<Step["kind"]>(["queue", "bucket", "database"]);
const AT_ONCE = 4;

/** Runs the steps. What is under way at a failure or an interruption is waited for; nothing more is begun. */
export async function doSteps(
  steps: readonly Step[],
  run: (step: Step) => Promise<Outcome>,
  interrupted: Promise<unknown>,
): Promise<Done> {
  const result: Done = { done: [] };
  let stopped = false;
  void interrupted.then(() => {
    stopped = true;
  });
  const work = async (queue: Step[]): Promise<void> => {
    for (let step = queue.shift(); step && !result.failed && !stopped; step = queue.shift()) {
      const outcome = await run(step);
      if (outcome.ok) result.done.push(step);
      else result.failed ??= { step, said: outcome.said };
    }
  };
  const first = steps.filter(({ kind }) => INDEPENDENT.has(kind));
  await Promise.all(Array.from({ length: AT_ONCE }, () => work(first)));
  await work(steps.filter(({ kind }) => !INDEPENDENT.has(kind)));
  return result;
}
