// What a pass of the upkeep may spend: a number of calls to the bucket and a time. It is looked at between steps, each of
// which is small enough to be done whole.
import type { R2Bucket } from "@cloudflare/workers-types";

/** Calls of a pass at most; a Worker may make some more. */
const MAX_CALLS = 700;

export interface UpkeepBudget {
  bucket: R2Bucket;
  /** Whether so many more calls may be spent. */
  has(calls: number): boolean;
}

/** A bucket whose calls are counted. `clock` is in ms. */
export function openBudget(real: R2Bucket, budgetMs: number, clock: () => number = Date.now): UpkeepBudget {
  const end = clock() + budgetMs;
  let calls = 0;
  const bucket = new Proxy(real, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      return (...parameters: unknown[]) => {
        calls++;
        return method.apply(target, parameters);
      };
    },
  });
  return { bucket, has: (more) => calls + more <= MAX_CALLS && clock() < end };
}
