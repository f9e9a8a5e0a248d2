// The generic pipeline Worker: one source for every pipeline; wrangler's [alias] puts the folder's handler
// and config in. Its doors are RPC (`run`, `invoke`) and the pipeline's own queue; both do the same.

import { WorkerEntrypoint } from "cloudflare:workers";
import config from "#pipeline/config";
import pipeline from "#pipeline/handler";
import connections from "#weir/connections";
import { surroundings } from "../../src/env.ts";
import { pipelineConfigSchema } from "../../src/shapes/config.ts";
import { connectionsSchema } from "../../src/shapes/connection.ts";
import type { Job } from "../../src/shapes/job.ts";
import type { Report } from "../../src/shapes/run.ts";
import { type Attempted, attemptAll } from "./attempt.ts";
import { openDeps } from "./deps.ts";

const parsed = {
  config: pipelineConfigSchema.parse(config),
  connections: connectionsSchema.parse(connections),
};

export default class PipelineWorker extends WorkerEntrypoint {
  #deps() {
    return openDeps(pipeline, parsed.config, parsed.connections, surroundings(this.env as object));
  }

  /** Tries a batch of jobs once. What must be tried again has gone to the pipeline's own queue. */
  async run(jobs: Job[]): Promise<Report[]> {
    const deps = this.#deps();
    const attempted: Attempted[] = [];
    await attemptAll(
      jobs.map((job) => ({ job, attempt: job.attempts_before + 1 })),
      deps,
      async (done) => {
        tell(done);
        if (done.next === "retry") await deps.retry(done);
        if (done.next === "dead") await deps.bury(done);
        attempted.push(done);
      },
    );
    return attempted.map((done) => done.report);
  }

  /** Tries one job once, for somebody who waits: no retries, and the data comes back with the report. */
  async invoke(job: Job): Promise<{ report: Report; data: string[] }> {
    let result: Attempted | undefined;
    await attemptAll([{ job, attempt: 1 }], this.#deps(), async (done) => {
      tell(done);
      result = done;
    });
    if (!result) throw new Error("the attempt came to nothing");
    const { report, outcome } = result;
    const data = outcome.status === "succeeded" ? (outcome.stored ?? []).map(withVectors) : [];
    return { report: report.status === "failed" ? { ...report, status: "dead" } : report, data };
  }

  override async queue(batch: MessageBatch<unknown>): Promise<void> {
    const deps = this.#deps();
    const messages = batch.messages as readonly Message<Job>[];
    const tries = messages.map((message) => ({
      job: message.body,
      attempt: message.body.attempts_before + message.attempts,
      message,
    }));
    await deps.report(tries.map(({ job, attempt }) => deps.begun(job, attempt)));
    await attemptAll(tries, deps, async (done, { message }) => {
      tell(done);
      await deps.report([done.report]);
      if (done.next === "dead") await deps.bury(done);
      if (done.next === "wait") await deps.retry(done);
      if (done.next === "retry") message.retry({ delaySeconds: done.delaySeconds });
      else message.ack();
    });
  }

  override fetch(): Response {
    return Response.json(
      {
        detail: "a pipeline has no HTTP door of its own",
        next: "POST /v1/pipelines/{alias}/invoke on the router",
      },
      { status: 404 },
    );
  }
}

/** One line for each attempt, whatever came of it. */
function tell({ job, attempt, report, next }: Attempted): void {
  const { run_id, alias, event, cause } = job;
  const { id: event_id, bucket, key } = event;
  const { status, version, items, reason, failure, started_at, ended_at = started_at } = report;
  const of = { run_id, event_id, alias, attempt, cause, bucket, key };
  const came = { status, next, ms: ended_at - started_at, items, reason, failure: failure?.kind };
  console.log(JSON.stringify({ log: "attempt", ...of, ...came, version }));
}

/** An item's JSON with its vectors back in their places, as arrays of numbers. */
function withVectors(item: { data: string; vectors: { path: string; values: Float32Array }[] }): string {
  const data: unknown = JSON.parse(item.data);
  for (const { path, values } of item.vectors) {
    const steps = path.split(".");
    const last = steps.pop() ?? "";
    let at = data as Record<string, unknown>;
    for (const step of steps) at = at[step] as Record<string, unknown>;
    at[last] = Array.from(values);
  }
  return JSON.stringify(data);
}
