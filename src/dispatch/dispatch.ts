// From committed runs to their pipelines: one RPC per (batch, pipeline) over the service binding, or the
// pipeline's own queue. What a binding cannot take goes to the queue, so a broken pipeline delays nobody
// else. Free of the ledger: it returns what became of each job.
import type { Surroundings } from "../env.ts";
import type { Job } from "../shapes/job.ts";
import type { Report } from "../shapes/run.ts";
import { sendAll } from "../store/queue-batches.ts";
import type { Pipelines } from "./pipelines.ts";

/** What a pipeline Worker answers to (`workers/pipeline/worker.ts`). */
export interface PipelineRpc extends Rpc.WorkerEntrypointBranded {
  run(jobs: Job[]): Promise<Report[]>;
  invoke(job: Job): Promise<{ report: Report; data: string[] }>;
}

export interface Dispatched {
  /** Runs that are now in their pipeline's queue. */
  queued: string[];
  /** Reports of runs that were tried at once. */
  reports: Report[];
  /** Runs that could not be handed over; they stay pending. */
  stuck: { run_id: string; error: string }[];
}

/** A request may make 32 calls over service bindings; two are kept for others. */
const MAX_BINDING_CALLS = 30;
export async function dispatch(jobs: Job[], pipelines: Pipelines, env: Surroundings): Promise<Dispatched> {
  const result: Dispatched = { queued: [], reports: [], stuck: [] };
  let calls = 0;
  const work = [...Map.groupBy(jobs, (job) => job.alias)].map(async ([alias, group]) => {
    const byBinding =
      isLive(group) && pipelines.get(alias)?.config.dispatch === "binding" && calls++ < MAX_BINDING_CALLS;
    if (byBinding) {
      const answered = await env
        .pipeline<PipelineRpc>(alias)
        .run(group)
        .catch(() => null);
      if (answered) return void result.reports.push(...answered);
    }
    const { sent, error } = await toQueue(env, alias, group);
    result.queued.push(...sent.map((job) => job.run_id));
    const left = group.filter((job) => !sent.includes(job));
    result.stuck.push(...left.map(({ run_id }) => ({ run_id, error: String(error) })));
  });
  await Promise.all(work);
  return result;
}

/** A replay is never in a hurry: it takes no call over a binding from live events. */
const isLive = (jobs: Job[]) => jobs.every(({ cause }) => cause !== "replayed");

async function toQueue(
  env: Surroundings,
  alias: string,
  jobs: Job[],
): Promise<{ sent: Job[]; error?: unknown }> {
  try {
    return await sendAll(env.pipelineQueue<Job>(alias), jobs);
  } catch (error) {
    return { sent: [], error };
  }
}
