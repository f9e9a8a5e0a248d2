// Invocations: runs one pipeline by its alias, now or by its queue. Filters are not consulted; everything after that is
// as for any event.

import type { z } from "zod";
import { withPayloadUrl } from "../dispatch/addressed.ts";
import type { PipelineRpc } from "../dispatch/dispatch.ts";
import type { Pipelines, RegisteredPipeline } from "../dispatch/pipelines.ts";
import type { Env } from "../env.ts";
import type { Connections } from "../shapes/connection.ts";
import { type Event, eventSchema } from "../shapes/event.ts";
import { eventId } from "../shapes/event-id.ts";
import { type Failure, FailureError, statusOf } from "../shapes/failure.ts";
import type { Job } from "../shapes/job.ts";
import { logWarning } from "../shapes/log.ts";
import { listPaused } from "../store/ledger/pauses.ts";
import { bounded } from "../store/payloads.ts";
import { openStores } from "../store/stores.ts";
import { ERASED, recordWhole } from "./record.ts";

/** Longest key, characters: S3 and R2 take no longer one. */
const MAX_KEY_CHARS = 1_024;

/** `{bucket, key}`, a full event, or a free `{payload}` (with or without an object). */
export const invokeSchema = eventSchema
  .omit({
    payload_ref: true,
    id: true,
    connection: true,
    sender: true,
    identities: true,
    hops: true,
    received_at: true,
  })
  .partial()
  .refine((body) => body.payload !== undefined || (body.bucket !== undefined && body.key !== undefined), {
    error: "expected `bucket` and `key`, or a `payload`",
  })
  .refine((body) => (body.bucket === undefined) === (body.key === undefined), {
    error: "`bucket` and `key` go together",
  })
  .refine((body) => (body.key?.length ?? 0) <= MAX_KEY_CHARS, {
    error: `\`key\` has more than ${MAX_KEY_CHARS} characters: no object is named so`,
    path: ["key"],
  })
  .refine((body) => body.key !== "", { error: "`key` is empty", path: ["key"] });

export type InvokeBody = z.infer<typeof invokeSchema>;

export interface InvokeAnswer {
  status: string;
  run_id: string;
  processed_data: unknown[];
  error_details: Failure | null;
}

export interface InvokeDeps {
  env: Env;
  connections: Connections;
  pipelines: Pipelines;
  now(): number;
}

/** Runs the pipeline and waits. The second value is the HTTP status. */
export async function invokeNow(
  pipeline: RegisteredPipeline,
  body: InvokeBody,
  deps: InvokeDeps,
): Promise<[InvokeAnswer, ReturnType<typeof statusOf> | 200]> {
  const job = await recordInvocation(pipeline, body, deps);
  // A call by RPC carries the payload itself, whatever its size: an RPC may have 32 MB.
  if (job.event.payload_ref) job.event = { ...job.event, payload: body.payload };
  const { report, data } = await callPipeline(pipeline.alias, job, deps);
  // The caller has the answer even where the shard misses the report: its alarm repeats the run, which finds its items.
  await openStores(deps)
    .shards.finish([report], { now: deps.now(), letters: false })
    .catch((error: unknown) => logWarning("invoke.unrecorded", { run_id: job.run_id, error: String(error) }));
  const gone: Failure | null =
    report.status === "skipped"
      ? { kind: "object_gone", detail: report.reason ?? "the object is not there" }
      : null;
  const failure = report.failure ?? gone;
  const answer = {
    status: report.status,
    run_id: job.run_id,
    processed_data: data.map((item): unknown => JSON.parse(item)),
    error_details: failure,
  };
  return [answer, failure ? statusOf(failure.kind) : 200];
}

/** Puts the run into the pipeline's queue. */
export async function invokeLater(
  pipeline: RegisteredPipeline,
  body: InvokeBody,
  deps: InvokeDeps,
): Promise<InvokeAnswer> {
  const job = await withPayloadUrl(await recordInvocation(pipeline, body, deps), deps);
  const queued = await deps.env
    .pipelineQueue<Job>(pipeline.alias)
    .send(job)
    .then(
      () => true,
      async (error: unknown) => {
        logWarning("run.stuck", { run_id: job.run_id, error: String(error) });
        await openStores(deps).shards.unsent([job.run_id], deps.now());
        return false;
      },
    );
  // It is committed: what did not leave now leaves with its shard's alarm.
  const status = queued ? "queued" : "pending";
  return { status, run_id: job.run_id, processed_data: [], error_details: null };
}

async function callPipeline(alias: string, job: Job, { env }: InvokeDeps) {
  try {
    return await env.pipeline<PipelineRpc>(alias).invoke(job);
  } catch (error) {
    throw new FailureError({
      kind: "unavailable",
      detail: `pipeline ${alias} did not answer: ${String(error).slice(0, 200)}`,
      next: `its run is on record and will be tried again: GET /v1/runs/${job.run_id}`,
    });
  }
}

async function recordInvocation(
  pipeline: RegisteredPipeline,
  body: InvokeBody,
  deps: InvokeDeps,
): Promise<Job> {
  await refuseIfPaused(pipeline.alias, deps);
  const event = await bounded(eventOf(pipeline, body, deps), () => deps.env.archive());
  const outcome = { matched: [pipeline.alias], refused: [], refused_count: 0 };
  const [due] = await recordWhole([{ event, lookups: [], outcome, cause: "invoked" }], deps);
  // Nothing else keeps an invocation from being new: it has an id of its own.
  if (!due) throw new FailureError(ERASED);
  return { run_id: due.run.run_id, alias: pipeline.alias, event, cause: "invoked", attempts_before: 0 };
}

/** Refuses an invocation of a paused pipeline: unlike an event, its caller is there to be told. @throws `conflict` */
async function refuseIfPaused(alias: string, { env }: InvokeDeps): Promise<void> {
  const paused = (await listPaused(env.ledger())).find((pause) => pause.alias === alias);
  if (!paused) return;
  throw new FailureError({
    kind: "conflict",
    detail: `pipeline ${alias} is paused: ${paused.reason}`,
    next: `ask again when it is resumed: \`weir pipelines resume ${alias}\``,
  });
}

function eventOf({ config }: RegisteredPipeline, body: InvokeBody, { connections, now }: InvokeDeps): Event {
  const connection = config.source.connection_id;
  const source = connections.connections[connection];
  const buckets = source && source.kind !== "d1" ? source.buckets : [];
  if (body.bucket !== undefined && !buckets.includes(body.bucket)) {
    throw new FailureError({
      kind: "invalid",
      detail: `bucket ${body.bucket} is not one of the pipeline's source connection ${connection}`,
      where: "bucket",
      expected: buckets.join(", "),
    });
  }
  const at = new Date(now()).toISOString();
  const [time, key] = [body.time ?? at, body.key ?? ""];
  return {
    ...body,
    type: body.type ?? "created",
    operation: body.operation ?? "Invoke",
    time,
    bucket: body.bucket ?? "",
    key,
    id: eventId({ time, received_at: at, key }, crypto.randomUUID().replaceAll("-", "")),
    connection,
    sender: "invoke",
    identities: [],
    hops: 0,
    received_at: at,
  };
}
