// The decoder child: one job at a time from its parent, outputs back as they come. Native code that reads
// untrusted bytes lives and, if need be, dies here. It gets no environment and no secrets.
import process from "node:process";
import { type Failure, FailureError } from "../../../src/shapes/failure.ts";
import { type Job, type Output, run } from "./jobs.ts";

/** What the child says to its parent. */
export type FromChild = { type: "output"; output: Output } | { type: "end"; failure?: Failure };

const say = (message: FromChild) => process.send?.(message);

process.on("message", async (job: Job) => {
  try {
    for await (const output of run(job)) say({ type: "output", output });
    say({ type: "end" });
  } catch (error) {
    if (error instanceof FailureError) say({ type: "end", failure: error.failure });
    else {
      console.error(error);
      process.exit(70);
    }
  }
});
process.on("disconnect", () => process.exit(0));
