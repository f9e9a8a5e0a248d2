// Models behind an OpenAI-compatible `/embeddings` endpoint. The pipeline's own Worker calls it: it has a network and the
// one secret; compute, which decodes untrusted media, has neither. embeddings.ts is the caller.
import { Buffer } from "node:buffer";
import { z } from "zod";
import { type Failure, FailureError, fail, ok, type Result } from "../../src/shapes/failure.ts";
import type { SampledVectors } from "../../src/shapes/item.ts";
import type { HttpModel, HttpSpeechModel, Modality } from "../../src/shapes/model.ts";
import { finished, pooled, quantisedRows } from "../../src/shapes/vector.ts";
import type { ComputeClient, EmbedInput } from "./compute.ts";
import { count } from "./meter.ts";
import { type Patience, patiently, retryAfter } from "./patience.ts";

export interface Endpoint extends Patience {
  fetch(request: Request): Promise<Response>;
  /** A secret by its name, where the Worker has it. */
  secret(name: string): string | undefined;
}

/** One item's vector, those of its sampled frames, and the version of the object that was read. */
export interface Embedded {
  values: Float32Array;
  frames?: SampledVectors | undefined;
  version?: { etag?: string | undefined; size: number } | undefined;
}

/** Callbacks for the outcome of each item, by its index. */
interface Answers {
  done(index: number, embedded: Embedded): void;
  failed(index: number, error: unknown): void;
}

const answerSchema = z.object({
  data: z.array(z.object({ index: z.int(), embedding: z.union([z.array(z.number()), z.base64()]) })),
  usage: z.object({ total_tokens: z.int().nonnegative() }).optional().catch(undefined),
});
const problemSchema = z.union([
  z.object({ error: z.object({ message: z.string() }) }).transform(({ error }) => error.message),
  z.object({ error: z.string() }).transform(({ error }) => error),
  z
    .object({ errors: z.array(z.object({ message: z.string() })).min(1) })
    .transform(({ errors }) => errors[0]?.message),
  z.object({ detail: z.string() }).transform(({ detail }) => detail),
  z.object({ message: z.string() }).transform(({ message }) => message),
]);
const MAX_MESSAGE_CHARACTERS = 300;

/** Fetches the vectors of texts, pictures or spans; a span's vector is pooled from those of its frames. */
export async function askEndpoint(
  endpoint: Endpoint,
  compute: ComputeClient,
  model: HttpModel,
  kind: Modality,
  items: readonly EmbedInput[],
  { done, failed }: Answers,
): Promise<void> {
  const parts: (Pick<Embedded, "version"> & { index: number; inputs: unknown[]; seconds?: number[] })[] = [];
  if (kind === "text") {
    for (const [index, item] of items.entries())
      if ("text" in item) parts.push({ index, inputs: [item.text] });
  } else {
    await compute.sample({ kind, size: model.size }, items, (index, line) => {
      if ("error" in line) return failed(index, new FailureError(line.error));
      const { pictures, sampled: seconds, version } = line;
      const ofFilm = kind === "video" && seconds?.length === pictures.length;
      parts.push({ index, inputs: pictures.map(pictureAs(model)), version, ...(ofFilm && { seconds }) });
    });
  }
  const inputs = parts.flatMap((part) => part.inputs);
  const vectors: (Float32Array | Failure)[] = [];
  let broken: unknown;
  for (let from = 0; from < inputs.length && broken === undefined; from += model.batch) {
    const some = inputs.slice(from, from + model.batch);
    // Vectors that came before an error are good.
    vectors.push(
      ...(await vectorsOf(endpoint, model, some).catch((error: unknown) => {
        broken = error;
        return [];
      })),
    );
  }
  for (const { index, inputs, version, seconds } of parts) {
    const own = vectors.splice(0, inputs.length);
    const whole = own.flatMap((vector) => (vector instanceof Float32Array ? [vector] : []));
    const [failure] = own.flatMap((vector) => (vector instanceof Float32Array ? [] : [vector]));
    try {
      if (failure) throw new FailureError(failure);
      if (whole.length < inputs.length) throw broken;
      const values = finished(pooled(whole, model.frames), model.normalise);
      done(index, { values, version, ...(seconds && { frames: { seconds, values: quantisedRows(whole) } }) });
    } catch (error) {
      failed(index, error);
    }
  }
}

const pictureAs =
  ({ image }: HttpModel) =>
  (base64: string) => {
    const url = `data:image/jpeg;base64,${base64}`;
    return image === "object" ? { image: url } : url;
  };

/** Sends one request. Where the endpoint refuses it as a whole, its halves are sent, to find the input to blame. */
async function vectorsOf(
  endpoint: Endpoint,
  model: HttpModel,
  inputs: readonly unknown[],
): Promise<(Float32Array | Failure)[]> {
  try {
    return await patiently(endpoint, () => ask(endpoint, model, inputs));
  } catch (error) {
    if (!(error instanceof FailureError) || !["invalid", "too_large"].includes(error.failure.kind))
      throw error;
    if (inputs.length < 2) return [error.failure];
    const half = inputs.length >> 1;
    return [
      ...(await vectorsOf(endpoint, model, inputs.slice(0, half))),
      ...(await vectorsOf(endpoint, model, inputs.slice(half))),
    ];
  }
}

async function ask(
  endpoint: Endpoint,
  model: HttpModel,
  inputs: readonly unknown[],
): Promise<Result<Float32Array[]>> {
  const body = JSON.stringify({ ...model.parameters, model: model.model, input: inputs });
  const answer = await postTo(endpoint, model, body, { "content-type": "application/json" });
  if (!answer.ok) return answer;
  const { host } = new URL(model.url);
  const parsed = answerSchema.safeParse(answer.value);
  if (!parsed.success) return fail("bad_model", `${host} answers with something else than embeddings.`);
  count("model_tokens", parsed.data.usage?.total_tokens ?? 0);
  return vectorsIn(parsed.data, inputs.length, model, host);
}

/** Body of a request to an endpoint. */
export type RequestBody = string | Uint8Array<ArrayBuffer> | FormData;

/** Sends a body to a model's endpoint, with the model's key. The value is the answer's JSON; undefined for no JSON. */
export async function postTo(
  endpoint: Endpoint,
  model: HttpModel | HttpSpeechModel,
  body: RequestBody,
  headers: Record<string, string> = {},
): Promise<Result<unknown>> {
  const { host } = new URL(model.url);
  const key = model.key === undefined ? undefined : endpoint.secret(model.key);
  if (model.key !== undefined && key === undefined) {
    const next = `Give the pipeline's Worker ${model.key}: at deploy, or locally as a line in .weir/dev.env.`;
    return fail("bad_model", `The secret ${model.key} is not set.`, { where: model.key, next });
  }
  const request = new Request(model.url, {
    method: "POST",
    headers: { ...headers, ...(key !== undefined && { authorization: `Bearer ${key}` }) },
    body,
    // A redirect would take the key along.
    redirect: "manual",
    signal: AbortSignal.any([endpoint.signal, AbortSignal.timeout(model.timeout_seconds * 1000)]),
  });
  const response = await endpoint.fetch(request).catch((cause: unknown) => cause);
  if (!(response instanceof Response)) return fail("unavailable", `${host} did not answer.`);
  const text = await response.text().catch(() => "");
  if (!response.ok) return refusal(response, host, messageOf(text, key), model);
  return ok(jsonOf(text));
}

function vectorsIn(
  { data }: z.infer<typeof answerSchema>,
  count: number,
  { dimensions }: HttpModel,
  host: string,
): Result<Float32Array[]> {
  const vectors: Float32Array[] = [];
  for (const { index, embedding } of data) {
    vectors[index] =
      typeof embedding === "string"
        ? new Float32Array(new Uint8Array(Buffer.from(embedding, "base64")).buffer)
        : Float32Array.from(embedding);
    const { length } = vectors[index];
    if (length !== dimensions) {
      const next = 'Correct "dimensions" in models.json, or ask for fewer by "parameters".';
      return fail("bad_model", `${host} gives ${length} numbers; models.json says ${dimensions}.`, { next });
    }
  }
  const whole = data.length === count && vectors.length === count && !vectors.includes(undefined as never);
  return whole
    ? ok(vectors)
    : fail("bad_model", `${host} gives ${data.length} embeddings for ${count} inputs.`);
}

/** The endpoint's own error message, without the key should it repeat that. */
function messageOf(text: string, key: string | undefined): string {
  const problem = problemSchema.safeParse(jsonOf(text));
  const message = (problem.success ? problem.data : undefined) ?? "";
  return (key ? message.replaceAll(key, "…") : message).slice(0, MAX_MESSAGE_CHARACTERS);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refusal(
  response: Response,
  host: string,
  message: string,
  model: HttpModel | HttpSpeechModel,
): Result<never> {
  const { status } = response;
  const detail = `${host} answered ${status}${message && `: ${message}`}`;
  const later = retryAfter(response);
  if (status === 429) return fail("overloaded", detail, later);
  if (status === 408 || status === 425 || status >= 500) return fail("unavailable", detail, later);
  if (status === 413)
    return fail("too_large", detail, { next: 'Send less: a smaller "size", or a shorter text or chunk.' });
  if (status === 400 || status === 422) return fail("invalid", detail, { where: "models.json" });
  const next =
    status === 401 || status === 403
      ? `Give ${model.key ?? 'a secret named by "key"'} a key that may use ${model.model}.`
      : 'Check "url" and "model" in models.json.';
  return fail("bad_model", detail, { where: "models.json", next });
}
