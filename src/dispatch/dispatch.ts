// From committed runs to their pipelines: one RPC per (batch, pipeline) over the service binding, or the
// pipeline's own queue. What a binding cannot take goes to the queue, so a broken pipeline delays nobody
// else. Free of the ledger: whoever calls it is given what became of each job.
import type { Rpc } from "@cloudflare/workers-types";
import type { Env } from "../env.ts";
import type { Job } from "../shapes/job.ts";
import { logWarning } from "../shapes/log.ts";
import type { Moment, MomentAnswer, VectorAnswer, VectorQuestion } from "../shapes/question.ts";
import type { Report } from "../shapes/run.ts";
import { sendAll } from "../store/queue-batches.ts";
import type { Pipelines } from "./pipelines.ts";

/** What a pipeline Worker answers to (`workers/pipeline/worker.ts`). */
export interface PipelineRpc extends Rpc.WorkerEntrypointBranded {
  run(jobs: Job[]): Promise<Report[]>;
  invoke(job: Job): Promise<{ report: Report; data: string[] }>;
  embedQuestion(question: VectorQuestion): Promise<VectorAnswer>;
  takeMoment(moment: Moment): Promise<MomentAnswer>;
}

export interface DispatchResult {
  /** Runs that are now in their pipeline's queue. */
  queued: string[];
  /** Reports of runs that were tried at once. */
  reports: Report[];
  /** Runs that could not be handed over; they stay pending. */
  stuck: { run_id: string; error: string }[];
}

/** A request may make 32 calls over service bindings; two are kept for others. */
const MAX_BINDING_CALLS = 30;
/** How long the quick pipelines of a batch wait for the slow, so that most are settled together. */
const TOGETHER_WAIT_MS = 2_000;

/**
 * Hands every job over and passes the results to `settleRuns`: those of the first moments together, those of a
 * slower pipeline as soon as it answers. No pipeline's trouble is another's.
 */
export async function dispatch(
  jobs: Job[],
  pipelines: Pipelines,
  env: Env,
  settleRuns: (result: DispatchResult) => Promise<void>,
): Promise<void> {
  let calls = 0;
  const together = emptyResult();
  let late = false;
  const work = [...Map.groupBy(jobs, (job) => job.alias)].map(async ([alias, group]) => {
    const byBinding =
      isLive(group) && pipelines.get(alias)?.config.dispatch === "binding" && calls++ < MAX_BINDING_CALLS;
    const result = (byBinding && (await toBinding(env, alias, group))) || (await toQueue(env, alias, group));
    if (late) return settleRuns(result);
    together.queued.push(...result.queued);
    together.reports.push(...result.reports);
    together.stuck.push(...result.stuck);
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const moment = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, TOGETHER_WAIT_MS);
  });
  await Promise.race([Promise.all(work), moment]).finally(() => clearTimeout(timer));
  late = true;
  await Promise.all([settleRuns(together), ...work]);
}

const emptyResult = (): DispatchResult => ({ queued: [], reports: [], stuck: [] });

async function toBinding(env: Env, alias: string, jobs: Job[]): Promise<DispatchResult | undefined> {
  try {
    return { ...emptyResult(), reports: await env.pipeline<PipelineRpc>(alias).run(jobs) };
  } catch (error) {
    logWarning("binding.failed", { alias, runs: jobs.length, error: String(error) });
    return undefined;
  }
}

/** A replay is never in a hurry: it takes no call over a binding from live events. */
const isLive = (jobs: Job[]) => jobs.every(({ cause }) => cause !== "replayed");

async function toQueue(env: Env, alias: string, jobs: Job[]): Promise<DispatchResult> {
  let done: { sent: Job[]; error?: unknown };
  try {
    done = await sendAll(env.pipelineQueue<Job>(alias), jobs);
  } catch (error) {
    done = { sent: [], error };
  }
  const sent = new Set(done.sent);
  const left = jobs.filter((job) => !sent.has(job));
  return {
    ...emptyResult(),
    queued: done.sent.map(({ run_id }) => run_id),
    stuck: left.map(({ run_id }) => ({ run_id, error: String(done.error) })),
  };
}
