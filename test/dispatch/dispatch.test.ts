// Handing over: each pipeline's trouble is its own.
import { expect, test } from "vitest";
import { dispatch } from "../../src/dispatch/dispatch.ts";
import { openPipelines } from "../../src/dispatch/pipelines.ts";
import { openEnv } from "../../src/env.ts";
import { pipelineConfigSchema } from "../../src/shapes/config.ts";
import type { Job } from "../../src/shapes/job.ts";

const pipelines = openPipelines(
  ["well", "unbound", "broken", "slow"].map((alias) => ({
    alias,
    version: "v",
    config: pipelineConfigSchema.parse({
      alias,
      source: { connection_id: "c" },
      destination: { connection_id: "d", collection: "x" },
      dispatch: "binding",
    }),
  })),
);
const job = (alias: string): Job => ({
  run_id: `run_${alias}`,
  alias,
  cause: "matched",
  attempts_before: 0,
  event: {
    id: "evt",
    connection: "c",
    sender: "r2",
    type: "created",
    operation: "PutObject",
    bucket: "b",
    key: "k",
    time: "2026-11-23T09:59:00.000Z",
    identities: [],
    hops: 0,
    received_at: "2026-11-23T09:59:01.000Z",
  },
});
const queue = { sendBatch: async () => undefined };

test("one that is not bound, one that throws and one that is slow: only what nobody took is stuck", async () => {
  const ran: string[] = [];
  const running = (alias: string, until = Promise.resolve()) => ({
    run: async () => {
      await until;
      ran.push(alias);
    },
  });
  let go = () => {};
  const slow = new Promise<void>((resolve) => {
    go = resolve;
  });
  const env = openEnv({
    PIPELINE_WELL: {
      run: async () => {
        ran.push("well");
        go();
      },
    },
    PIPELINE_BROKEN: { run: () => Promise.reject(new Error("Worker exceeded CPU time limit.")) },
    PIPELINE_SLOW: running("slow", slow),
    QUEUE_BROKEN: queue,
    // The unbound one has no queue either.
  });
  const stuck = await dispatch(["slow", "well", "broken", "unbound"].map(job), pipelines, env);
  expect(stuck).toMatchObject([{ run_id: "run_unbound", error: expect.stringContaining("QUEUE_UNBOUND") }]);
  expect(ran).toEqual(["well", "slow"]);
});
