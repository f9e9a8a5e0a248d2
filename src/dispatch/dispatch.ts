// From committed runs to their pipelines: one RPC per (batch, pipeline) over the service binding, or the
// pipeline's own queue. What a binding cannot take goes to the queue, so a broken pipeline delays nobody
// else. Free of the ledger: pipelines report to it by themselves.
import type { Rpc } from "@cloudflare/workers-types";
import type { Env } from "../env.ts";
import type { ObjectName } from "../shapes/erasure.ts";
import type { Job } from "../shapes/job.ts";
import { logWarning } from "../shapes/log.ts";
import type { Moment, MomentAnswer, VectorAnswer, VectorQuestion } from "../shapes/question.ts";
import type { Report } from "../shapes/run.ts";
import { sendAll } from "../store/queue-batches.ts";
import type { Pipelines } from "./pipelines.ts";

/** What a pipeline Worker answers to (`workers/pipeline/worker.ts`). */
export interface PipelineRpc extends Rpc.WorkerEntrypointBranded {
  run(jobs: Job[]): Promise<void>;
  invoke(job: Job): Promise<{ report: Report; data: string[] }>;
  embedQuestion(question: VectorQuestion): Promise<VectorAnswer>;
  takeMoment(moment: Moment): Promise<MomentAnswer>;
  eraseResults(objects: ObjectName[], dry: boolean): Promise<number[]>;
}

/** A run that could not be handed over; it stays as it is. */
export interface StuckRun {
  run_id: string;
  error: string;
}

/** A request may make 32 calls over service bindings; two are kept for others. */
const MAX_BINDING_CALLS = 30;
/** Hands every job over, and returns those that neither binding nor queue took. No pipeline's trouble is another's. */
export async function dispatch(jobs: Job[], pipelines: Pipelines, env: Env): Promise<StuckRun[]> {
  let calls = 0;
  const stuck = [...Map.groupBy(jobs, (job) => job.alias)].map(async ([alias, group]) => {
    const byBinding =
      isLive(group) && pipelines.get(alias)?.config.dispatch === "binding" && calls++ < MAX_BINDING_CALLS;
    return byBinding && (await toBinding(env, alias, group)) ? [] : toQueue(env, alias, group);
  });
  return (await Promise.all(stuck)).flat();
}

/** Runs jobs over the binding. Returns whether the pipeline took them. */
async function toBinding(env: Env, alias: string, jobs: Job[]): Promise<boolean> {
  try {
    await env.pipeline<PipelineRpc>(alias).run(jobs);
    return true;
  } catch (error) {
    logWarning("binding.failed", { alias, runs: jobs.length, error: String(error) });
    return false;
  }
}

/** A replay is never in a hurry: it takes no call over a binding from live events. */
const isLive = (jobs: Job[]) => jobs.every(({ cause }) => cause !== "replayed");

async function toQueue(env: Env, alias: string, jobs: Job[]): Promise<StuckRun[]> {
  let done: { sent: Job[]; error?: unknown };
  try {
    done = await sendAll(env.pipelineQueue<Job>(alias), jobs);
  } catch (error) {
    done = { sent: [], error };
  }
  const sent = new Set(done.sent);
  const left = jobs.filter((job) => !sent.has(job));
  return left.map(({ run_id }) => ({ run_id, error: String(done.error) }));
}
