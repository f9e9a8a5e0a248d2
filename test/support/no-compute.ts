// What an attempt is given of compute and models where a test has neither.
import { hopsBy } from "../../src/store/collections/hops.ts";
import type { RunDeps } from "../../workers/pipeline/run.ts";

export const noCompute: Pick<RunDeps, "compute" | "results" | "models" | "secret" | "hide" | "hops"> = {
  compute: () => Promise.reject(new Error("no compute here")),
  results: () => ({ find: async () => [], keep: async () => {} }),
  models: {},
  hops: hopsBy("a test's key"),
  secret: () => undefined,
  hide: (text) => text,
};
