// The `weir` of a handler: signed URLs of its source's objects, and embeddings by models wherever they run. run.ts opens
// one each time that a handler runs.

import type { PipelineConfig } from "../../src/shapes/config.ts";
import { FailureError } from "../../src/shapes/failure.ts";
import type { SetKey } from "../../src/shapes/item.ts";
import type { Models } from "../../src/shapes/model.ts";
import type { ResultStore } from "../../src/shapes/results.ts";
import type { EmbeddingCounts } from "../../src/shapes/run.ts";
import { fetchNamed } from "../../src/shapes/user-agent.ts";
import type { Observed, Source } from "../../src/source/contract.ts";
import { ComputeClient } from "./compute.ts";
import { Embeddings } from "./embeddings.ts";
import { count, step, timed } from "./meter.ts";
import type { Weir } from "./sdk.ts";
import { Transcriptions } from "./transcriptions.ts";

export interface WeirDeps {
  config: PipelineConfig;
  source: Source;
  /** Sends a request to compute: to the object's own instance, or the `turn`-th after it. */
  compute(object: SetKey, request: Request, turn: number): Promise<Response>;
  /** The kept embeddings of an object. */
  results(object: SetKey): ResultStore;
  models: Models;
  /** A secret of this Worker by its name. */
  secret(name: string): string | undefined;
  now(): number;
  random(): number;
}

/** Lifetime of signed URLs: longer than any run. */
const URL_SECONDS = 3600;

interface OpenedWeir {
  weir: Weir;
  compute: ComputeClient;
  /** The vector of words that somebody searches for, as their model takes those. */
  questionVector(text: string, model: string): Promise<Float32Array>;
  /** Resolves once all computed embeddings are kept. */
  settled(): Promise<void>;
}

/** `compute split` of a request to /v1/split. */
const nameOfCall = ({ url }: Request) => `compute ${new URL(url).pathname.split("/").at(-1)}`;

/** Opens `weir` for one object as the run has `seen` it. `counts` grows with each embedding. */
export function openWeir(
  deps: WeirDeps,
  set: SetKey,
  seen: Observed | null | undefined,
  signal: AbortSignal,
  counts: EmbeddingCounts,
): OpenedWeir {
  const { source, random } = deps;
  const compute = new ComputeClient(
    (request, turn) => timed(nameOfCall(request), () => deps.compute(set, request, turn)),
    signal,
    random,
  );
  const asking = {
    models: deps.models,
    allowed: deps.config.models,
    compute,
    results: deps.results(set),
    endpoint: {
      fetch: (request: Request) => {
        count("model_requests");
        return step(
          "model",
          () => fetchNamed(request),
          ({ status }) => ({ detail: `answered ${status}` }),
        );
      },
      ...{ secret: deps.secret, signal, random },
    },
  };
  const embeddings = new Embeddings({ ...asking, counts });
  const transcriptions = new Transcriptions(asking);
  const weir: Weir = {
    async fileUrl(bucket, key) {
      const own = bucket === set.bucket && key === set.key ? seen : undefined;
      const object = own ?? (await source.observe(bucket, key));
      if (!object) {
        const detail = `${bucket}/${key} is not there.`;
        throw new FailureError({ kind: "object_gone", detail, where: "fileUrl" });
      }
      const url = await source.url(bucket, key, deps.now() + URL_SECONDS * 1000);
      const { etag, size } = object;
      const opened = { connection: set.connection, bucket, key, etag, size };
      embeddings.opened(url, opened);
      transcriptions.opened(url, opened);
      return compute.vouch(url);
    },
    embed: {
      video: (chunk, model) =>
        embeddings.embed("video", { url: chunk.url, span: { start: chunk.start, end: chunk.end } }, model),
      image: (url, model) => embeddings.embed("image", { url }, model),
      text: (text, model) => embeddings.embed("text", { text }, model),
    },
    transcribe: (source, options) =>
      transcriptions.transcribe(
        typeof source === "string"
          ? { url: source }
          : { url: source.url, span: { start: source.start, end: source.end } },
        options,
      ),
  };
  return {
    weir,
    compute,
    questionVector: (text, model) => embeddings.embed("text", { text }, model, "query"),
    settled: () => embeddings.settled(),
  };
}
