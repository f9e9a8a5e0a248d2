// What an attempt is given of compute and models where a test has neither.
import type { RunDeps } from "../../workers/pipeline/run.ts";

export const noCompute: Pick<RunDeps, "compute" | "results" | "models" | "secret" | "hide"> = {
  compute: () => Promise.reject(new Error("no compute here")),
  results: () => ({ find: async () => [], keep: async () => {} }),
  models: {},
  secret: () => undefined,
  hide: (text) => text,
};
