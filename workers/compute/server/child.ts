// The decoder child: one job at a time from its parent, outputs back as they come. Native code that reads
// untrusted bytes lives and, if need be, dies here. It gets no secrets, and of the environment only which
// origins it may read.
import process from "node:process";
import { type Failure, FailureError } from "../../../src/shapes/failure.ts";
import { type Host, type Job, type Output, run, type Version } from "./jobs.ts";

/** What the child says to its parent. */
export type FromChild =
  | { type: "output"; output: Output }
  /** It waits for bytes, or no longer does: silence means something else then. */
  | { type: "fetching"; on: boolean }
  /** Asks which items need no work, now that the object's version is known. */
  | { type: "opened"; version: Version }
  | { type: "end"; failure?: Failure };
export type ToChild = { type: "job"; job: Job } | { type: "skip"; indexes: number[] };

const say = (message: FromChild) => process.send?.(message);

let answered: (indexes: number[]) => void = () => {};
const host: Host = {
  fetching: (on) => say({ type: "fetching", on }),
  known(version) {
    const answer = new Promise<number[]>((resolve) => {
      answered = resolve;
    });
    say({ type: "opened", version });
    return answer;
  },
};

process.on("message", async (message: ToChild) => {
  if (message.type === "skip") return answered(message.indexes);
  try {
    for await (const output of run(message.job, host)) say({ type: "output", output });
    say({ type: "end" });
  } catch (error) {
    if (error instanceof FailureError) say({ type: "end", failure: error.failure });
    else {
      console.error(error);
      process.exit(70);
    }
  }
  // Between jobs all of a job's memory is garbage; left alone, it would grow with the longest film.
  globalThis.gc?.();
});
process.on("disconnect", () => process.exit(0));
