// Runs the steps of a plan: first what is built on this machine, then those that depend on nothing (queues, buckets, databases), several at a time since
// each mostly waits for wrangler to start; then the others in order. Stops at the first failure.
import type { Step } from "./step.ts";
import type { WranglerOutcome } from "./wrangler.ts";

export interface StepsResult {
  done: Step[];
  failed?: { step: Step; said: string };
}

const INDEPENDENT = new Set<Step["kind"]>(["queue", "bucket", "database"]);
const MAX_PARALLEL_STEPS = 4;

/** Runs the steps. After a failure or an interruption no step starts, and those under way are waited for. */
export async function doSteps(
  steps: readonly Step[],
  run: (step: Step) => Promise<WranglerOutcome>,
  interrupted: Promise<unknown>,
): Promise<StepsResult> {
  const result: StepsResult = { done: [] };
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
  // What is built here comes before anything is made there.
  const first = steps.findIndex(({ kind }) => kind !== "image");
  const builds = steps.slice(0, first < 0 ? steps.length : first);
  await work([...builds]);
  const rest = steps.slice(builds.length);
  const independent = rest.filter(({ kind }) => INDEPENDENT.has(kind));
  await Promise.all(Array.from({ length: MAX_PARALLEL_STEPS }, () => work(independent)));
  await work(rest.filter(({ kind }) => !INDEPENDENT.has(kind)));
  return result;
}
