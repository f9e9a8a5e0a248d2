// Dependencies of a pipeline Worker, opened from its bindings: source, collection, compute, its queues. worker.ts opens
// them; doors.ts and run.ts use them.
import type { Rpc } from "@cloudflare/workers-types";
import type { Env } from "../../src/env.ts";
import type { PipelineConfig } from "../../src/shapes/config.ts";
import type { Connections } from "../../src/shapes/connection.ts";
import { costOf } from "../../src/shapes/cost.ts";
import type { SetKey } from "../../src/shapes/item.ts";
import type { Job } from "../../src/shapes/job.ts";
import { logWarning } from "../../src/shapes/log.ts";
import type { Models } from "../../src/shapes/model.ts";
import { PRICES_SETTING, pricesIn } from "../../src/shapes/prices.ts";
import type { ErasableResults } from "../../src/shapes/results.ts";
import type { Report } from "../../src/shapes/run.ts";
import type { RunMessage } from "../../src/shapes/run-message.ts";
import { openSource } from "../../src/source/open.ts";
import { openHops } from "../../src/store/collections/hops.ts";
import { setId } from "../../src/store/collections/ids.ts";
import { openCollection } from "../../src/store/collections/open.ts";
import { openIndex } from "../../src/store/index/open.ts";
import type { DeadJob } from "../../src/store/ledger/contract.ts";
import { type Attempted, GRACE_MS } from "./attempt.ts";
import { logBegin } from "./batch-log.ts";
import { hideInConsole, hiding } from "./hidden.ts";
import { metered } from "./meter.ts";
import { compiledFilter, type RunDeps } from "./run.ts";
import type { Pipeline } from "./sdk.ts";

/** What the ledger's Worker offers to a pipeline (`workers/ledger/worker.ts`). */
interface ReportDoor extends Rpc.WorkerEntrypointBranded {
  /** Reports to the shards of the runs, which must be this pipeline's own. */
  finish(reports: Report[]): Promise<void>;
  /** Whether a batch may begin within the pipeline's budget; the runs of one that may not wait in their shards. */
  mayBegin(usd_per_day: number, runIds: string[]): Promise<boolean>;
  /** Adds what a batch has cost. */
  spend(usd_per_day: number, usd: number): Promise<void>;
}

export interface PipelineDeps extends RunDeps {
  results(object: SetKey): ErasableResults;
  /** Reports to the runs' shards; where one does not answer, through the router's queue. */
  report(reports: Report[]): Promise<void>;
  /** Builds the report that an attempt has begun. */
  begun(job: Job, attempt: number): Report;
  /** Whether a batch may begin: not where the pipeline's budget is spent, and then its runs wait in their shards. */
  mayBegin(jobs: Job[]): Promise<boolean>;
  /** Adds what attempts have cost to what the pipeline has spent, where it has a budget. */
  spend(attempts: Attempted[]): Promise<void>;
  /** Puts a job onto the pipeline's own queue, to be tried again after its delay: a new message. */
  retry(done: Attempted): Promise<void>;
  /** Puts a job onto the pipeline's dead-letter queue with its reason. */
  bury(done: Attempted): Promise<void>;
}

/** Instances that calls are spread over where the project does not say: the default of weir.json. */
const COMPUTE_INSTANCES = 3;

export function openDeps(
  pipeline: Pipeline,
  config: PipelineConfig,
  connections: Connections,
  models: Models,
  bound: Env,
  now: () => number = Date.now,
  version = bound.setting("WEIR_VERSION") ?? "unversioned",
): PipelineDeps {
  const env = metered(bound);
  const commit = env.setting("WEIR_COMMIT") ?? "unknown";
  const hide = hiding(env.secretValues());
  hideInConsole(hide);
  return {
    pipeline,
    config,
    filter: compiledFilter(config),
    source: openSource(config.source.connection_id, connections, env),
    collection: openCollection(config.destination, connections, env),
    index: openIndex(config.destination, env),
    hops: openHops(env),
    compute: (object, request, turn) => computeFetch(env, object, request, turn),
    results: (object) => resultsOf(env, object),
    models,
    secret: (name) => env.setting(name),
    hide,
    begins: env.setting("WEIR_LOCAL") === "1" ? logBegin : undefined,
    version,
    commit,
    now,
    random: Math.random,
    report: async (reports) => {
      const door = env.service<ReportDoor>("REPORT_DOOR");
      await door.finish(reports).catch((error: unknown) => {
        logWarning("report.queued", { runs: reports.length, error: String(error) });
        return env.queue<RunMessage>("REPORTS").send({ kind: "finish", reports });
      });
    },
    ...budgetOf(config, env),
    begun: (job, attempt) => ({
      run_id: job.run_id,
      attempt,
      status: "running",
      version,
      commit,
      started_at: now(),
      // An attempt may look again a few times, each with its full time.
      due_at: now() + config.timeout_seconds * 3000 + GRACE_MS,
    }),
    retry: async ({ job: { waits, ...job }, attempt, next, delaySeconds }) => {
      const body: Job = { ...job, attempts_before: next === "retry" ? attempt : attempt - 1 };
      if (next === "wait") body.waits = { count: (waits?.count ?? 0) + 1, since: waits?.since ?? now() };
      await env.queue<Job>("RETRY").send(body, { delaySeconds });
    },
    bury: async ({ job, attempt, report }) => {
      const body: DeadJob = {
        job,
        attempts: attempt,
        ...(report.failure && { failure: report.failure }),
      };
      await env.queue<DeadJob>("DEAD").send(body);
    },
  };
}

/** What a pipeline may spend. A ledger that does not answer stops no run: it could not take its report either. */
function budgetOf({ budget }: PipelineConfig, env: Env): Pick<PipelineDeps, "mayBegin" | "spend"> {
  if (!budget) return { mayBegin: async () => true, spend: async () => undefined };
  const { usd_per_day } = budget;
  const door = () => env.service<ReportDoor>("REPORT_DOOR");
  const prices = pricesIn(env.setting(PRICES_SETTING));
  return {
    async mayBegin(jobs) {
      const runIds = jobs.map(({ run_id }) => run_id);
      return door()
        .mayBegin(usd_per_day, runIds)
        .catch((error: unknown) => {
          logWarning("budget.unknown", { runs: runIds.length, error: String(error) });
          return true;
        });
    },
    async spend(attempts) {
      const usd = attempts.reduce((sum, { report }) => sum + costOf(report.measures ?? {}, 1, prices), 0);
      await door()
        .spend(usd_per_day, usd)
        .catch((error: unknown) => logWarning("budget.unspent", { usd, error: String(error) }));
    },
  };
}

/** Durable Objects that keep results: each takes some hundred calls a second. Another number loses what is kept. */
const RESULT_SHARDS = 16;

/**
 * Sends a call to compute. All calls for one object go to one instance, so that the object's index is read once; an
 * instance without time passes them to the next one, which reads nothing but the index again.
 */
async function computeFetch(env: Env, object: SetKey, request: Request, turn: number): Promise<Response> {
  const instances = Number(env.setting("COMPUTE_INSTANCES") ?? COMPUTE_INSTANCES);
  const namespace = env.durableObjects("COMPUTE");
  const shard = (numberOf(object) + turn) % instances;
  const instance: unknown = namespace.get(namespace.idFromName(`compute-${shard}`));
  return (instance as { fetch(request: Request): Promise<Response> }).fetch(request);
}

/** The kept embeddings of an object, whatever the alias: pipelines with the same model share them. */
function resultsOf(env: Env, object: SetKey): ErasableResults {
  const store = async () => {
    const namespace = env.durableObjects<ErasableResults & Rpc.DurableObjectBranded>("RESULTS");
    return namespace.get(namespace.idFromName(`results-${numberOf(object) % RESULT_SHARDS}`));
  };
  return {
    find: async (keys) => (await store()).find(keys),
    keep: async (results) => (await store()).keep(results),
    erase: async (object, dry) => (await store()).erase(object, dry),
  };
}

const numberOf = (object: SetKey) => Number.parseInt(setId({ ...object, alias: "" }).slice(0, 8), 16);
