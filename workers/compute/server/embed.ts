// POST /v1/embed and /v1/sample: many items in, one NDJSON line for each as it is done. Items of one object go to
// one child together and share its reading of the index; a decoder that dies costs the item it was at, not the
// rest. What the child took of frames becomes a vector there (builtin), in the inference process (onnx), or
// travels on as pictures (sample).
import { Buffer } from "node:buffer";
import { type Failure, FailureError, fail, ok, type Result } from "../../../src/shapes/failure.ts";
import { type EmbeddingModel, findModel, type Modality, ranAs, recipeOf } from "../../../src/shapes/model.ts";
import { streamLines, type WriteLine } from "./answers.ts";
import type { EmbedJob, Output, SampledItem } from "./decoder/protocol.ts";
import type { Inference } from "./inference/inference.ts";
import type { ModelInput } from "./inference/run.ts";
import { type ModelCatalogue, otherDefinition, pictureTake, takeFor } from "./models.ts";
import type { Pool } from "./pool.ts";
import { type EmbedRequest, refusal, type SampleRequest } from "./requests.ts";

/** Processes and models that embedding needs. */
export interface EmbedDeps {
  pool: Pool;
  catalogue: ModelCatalogue;
  inference: Inference;
}

/** Spans of one object that wait for a model or are in it, so that it never waits for them. */
const SPANS_AHEAD = 3;

/** Makes a line of what a child took. */
type Finish = (sampled: SampledItem) => Promise<object>;

/** Vectors of spans, pictures or texts. */
export async function embed(
  { pool, catalogue, inference }: EmbedDeps,
  request: EmbedRequest,
  signal: AbortSignal,
): Promise<Response> {
  const resolved = await modelOf(catalogue, request);
  if (!resolved.ok) return refusal(resolved.failure);
  const { model, provenance } = resolved.value;
  const vector = async (input: ModelInput) => {
    const { vector: values, frames } = await inference.embed(request.model, request.kind, input);
    return {
      embedding: base64(values),
      dims: values.length,
      ...(frames && { frame_vectors: base64(frames) }),
    };
  };
  if (request.kind === "text") {
    const texts = [...request.items.entries()];
    return streamLines(pool, 1, async (write) => {
      const writes = texts.map(async ([index, { text }]) =>
        write({
          index,
          ...(await vector({ text }).then((embedded) => ({ ...embedded, ...provenance }), asError)),
        }),
      );
      await Promise.all(writes);
    });
  }
  const finish: Finish = async ({ index, sampled, read, version, ...parts }) => {
    const embedded = "frames" in parts ? await vector(parts) : parts;
    return { index, ...embedded, sampled, read, version, ...provenance };
  };
  return sampledThen(pool, jobsOf(request, takeFor(model, request.kind)), finish, signal);
}

const base64 = ({ buffer, byteOffset, byteLength }: Float32Array | Int8Array) =>
  Buffer.from(buffer, byteOffset, byteLength).toString("base64");

/** The frames that stand for spans, as pictures. */
export async function sample(
  { pool }: EmbedDeps,
  request: SampleRequest,
  signal: AbortSignal,
): Promise<Response> {
  const finish: Finish = async ({ index, sampled, read, version, ...parts }) => {
    const frames = "frames" in parts ? parts.frames : [];
    return {
      index,
      pictures: frames.map((frame) => Buffer.from(frame).toString("base64")),
      sampled,
      read,
      version,
    };
  };
  return sampledThen(pool, jobsOf(request, pictureTake(request.size)), finish, signal);
}

/** The model that is asked for, if it runs here and is the one that the caller means. */
async function modelOf(
  { models }: ModelCatalogue,
  { model: name, kind, definition }: EmbedRequest,
): Promise<Result<{ model: EmbeddingModel; provenance: { model: string; definition: string } }>> {
  const model = findModel(models, name, kind as Modality);
  if (!model.ok) return model;
  if (model.value.kind === "http") {
    const next = "Its pipeline Worker asks the endpoint; compute has no network but for objects.";
    return fail("unknown_model", `${name} is an http model, which does not run in compute`, { next });
  }
  const recipe = await recipeOf(model.value, kind as Modality);
  if (definition !== undefined && definition !== recipe.definition) return otherDefinition(name);
  return ok({
    model: model.value,
    provenance: { model: ranAs(name, model.value), definition: recipe.definition },
  });
}

function sampledThen(pool: Pool, jobs: EmbedJob[], finish: Finish, signal: AbortSignal): Response {
  const lanes = Math.min(jobs.length, pool.options.size);
  return streamLines(pool, lanes, async (write) => {
    await Promise.all(
      Array.from({ length: lanes }, async () => {
        for (let job = jobs.shift(); job && !signal.aborted; job = jobs.shift())
          await runEmbedJob(pool, job, finish, write, signal);
      }),
    );
  });
}

/** One job for each object, its spans in the order of time. */
function jobsOf(
  { items, kind }: SampleRequest | Exclude<EmbedRequest, { kind: "text" }>,
  sampling: ReturnType<typeof takeFor>,
) {
  const jobs = new Map<string, EmbedJob>();
  for (const [index, { url, span }] of items.entries()) {
    const job = jobs.get(url) ?? { kind: "embed", url, media: kind, ...sampling, items: [] };
    jobs.set(url, job);
    job.items.push({ index, span });
  }
  for (const job of jobs.values()) job.items.sort((a, b) => (a.span?.start ?? 0) - (b.span?.start ?? 0));
  return [...jobs.values()];
}

/** Runs a job until each of its items has a line. */
async function runEmbedJob(
  pool: Pool,
  job: EmbedJob,
  finish: Finish,
  write: WriteLine,
  signal: AbortSignal,
): Promise<void> {
  let left = job.items;
  let suspect: number | undefined;
  const finishing = new Set<Promise<void>>();
  const refuseAll = (items: EmbedJob["items"], error: Failure) => {
    for (const { index } of items) write({ index, error });
  };
  const onOutput = (output: Output) => {
    left = left.slice(1);
    if (!("sampled" in output)) return write(output);
    const { index } = output as SampledItem;
    const done: Promise<void> = finish(output as SampledItem)
      .then(write, (error: unknown) => write({ index, ...asError(error) }))
      .finally(() => finishing.delete(done));
    finishing.add(done);
    // Whoever waits below hears of it.
    done.catch(() => {});
    // The child goes on while a model is at work, as far as memory is meant to hold what it has taken.
    return finishing.size < SPANS_AHEAD ? undefined : Promise.race(finishing);
  };
  while (left.length > 0 && !signal.aborted) {
    const before = left.length;
    const ended = await pool.run({ ...job, items: left }, { onOutput, signal });
    await Promise.all(finishing);
    const [culprit, ...others] = left;
    if (ended === undefined || culprit === undefined) return;
    // A child can die of something else than the item it was at: that gets a second one.
    if (ended.died && suspect !== culprit.index) {
      suspect = culprit.index;
      continue;
    }
    // Nothing came of it at all: opening it is what fails, and would again.
    if (left.length === before) return refuseAll(left, ended.failure);
    refuseAll([culprit], ended.failure);
    left = others;
  }
}

function asError(error: unknown): { error: Failure } {
  if (error instanceof FailureError) return { error: error.failure };
  throw error;
}
