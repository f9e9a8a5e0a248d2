// The client of the compute endpoint. Embeddings asked for in one turn of the event loop are sent
// together, bounded in size and number; a result that an instance took with it is asked for again.
import { Buffer } from "node:buffer";
import { z } from "zod";
import { type Failure, FailureError } from "../../src/shapes/failure.ts";
import { remember } from "./context.ts";
import {
  Chunk,
  type FramesOptions,
  failureSchema,
  frameLineSchema,
  type ImageInfo,
  imageSchema,
  type Picture,
  type Probe,
  probeSchema,
  type SplitOptions,
  splitSchema,
  vectorLineSchema,
} from "./media.ts";

type Fetch = (request: Request) => Promise<Response>;
interface Wanted {
  kind: "video" | "image";
  url: string;
  span?: { start: number; end: number };
  model: string;
  resolve(values: Float32Array): void;
  reject(error: unknown): void;
}

const MAX_ITEMS = 16;
const MAX_IN_FLIGHT = 4;
const MAX_TRIES = 5;
/** Longest pause between tries: a run that must wait longer goes back to its queue instead. */
const MAX_PAUSE_MS = 10_000;

export class Compute {
  readonly #fetch: Fetch;
  readonly #signal: AbortSignal;
  readonly #random: () => number;
  /** Answers so far, and how many of them had been computed before. */
  readonly embedded = { spans: 0, cached: 0 };
  #wanted: Wanted[] = [];
  #inFlight = 0;
  #scheduled = false;

  constructor(fetch: Fetch, signal: AbortSignal, random: () => number = Math.random) {
    this.#fetch = fetch;
    this.#signal = signal;
    this.#random = random;
  }

  async split(url: string, options: SplitOptions): Promise<Chunk[]> {
    const { frameInterval, maxDuration, ...others } = options;
    // What is undefined is left out of JSON.
    const body = { url, ...others, frame_interval: frameInterval, max_duration: maxDuration };
    const response = await this.#post("/v1/split", body);
    return splitSchema.parse(await response.json()).chunks.map((chunk) => new Chunk(url, chunk));
  }

  async image(url: string): Promise<ImageInfo> {
    return imageSchema.parse(await (await this.#post("/v1/image", { url })).json());
  }

  async probe(url: string): Promise<Probe> {
    return probeSchema.parse(await (await this.#post("/v1/probe", { url })).json());
  }

  async frames(url: string, options: FramesOptions): Promise<Picture[]> {
    for (let tries = 1; tries < MAX_TRIES; tries++) {
      const pictures: Picture[] = [];
      for await (const line of lines(await this.#post("/v1/frames", { url, ...options }), frameLineSchema)) {
        if ("error" in line) throw new FailureError(line.error);
        if ("done" in line) return pictures;
        const { data, ...picture } = line;
        pictures.push({ ...picture, bytes: bytesOf(data) });
      }
    }
    throw new FailureError(unavailable("compute kept ending its answers early"));
  }

  /** The chunk by itself as a file: an MP4, or its sound as WAV. */
  async part(path: "/v1/clip" | "/v1/audio", { url, start, end }: Chunk): Promise<Uint8Array> {
    const response = await this.#post(path, { url, span: { start, end } });
    return new Uint8Array(await response.arrayBuffer());
  }

  /** Posts to a path that has no method here; what comes back is for the caller to check. */
  async call(path: string, body: unknown): Promise<unknown> {
    return (await this.#post(path, body)).json();
  }

  embed(
    kind: "video" | "image",
    url: string,
    model: string,
    span?: { start: number; end: number },
  ): Promise<Float32Array> {
    return new Promise((resolve, reject) => {
      this.#wanted.push({ kind, url, model, resolve, reject, ...(span && { span }) });
      if (this.#scheduled) return;
      this.#scheduled = true;
      setTimeout(() => {
        this.#scheduled = false;
        this.#pump();
      });
    });
  }

  #pump(): void {
    while (this.#wanted.length > 0 && this.#inFlight < MAX_IN_FLIGHT) {
      const { kind, model } = this.#wanted[0] as Wanted;
      const alike = (wanted: Wanted) => wanted.kind === kind && wanted.model === model;
      const batch = this.#wanted.filter(alike).slice(0, MAX_ITEMS);
      const taken = new Set(batch);
      this.#wanted = this.#wanted.filter((wanted) => !taken.has(wanted));
      this.#inFlight++;
      this.#embedBatch(batch)
        .catch((error: unknown) => batch.forEach((wanted) => void wanted.reject(error)))
        .finally(() => {
          this.#inFlight--;
          this.#pump();
        });
    }
  }

  /** Sends a batch and settles its members as lines arrive; what a cut-off stream left out is asked again. */
  async #embedBatch(batch: Wanted[]): Promise<void> {
    let left = batch;
    for (let tries = 1; left.length > 0; tries++) {
      const asked = left;
      const answered = new Set<Wanted>();
      const items = asked.map(({ url, span }) => ({ url, ...(span && { span }) }));
      const { kind, model } = asked[0] as Wanted;
      const response = await this.#post("/v1/embed", { items, model, kind });
      for await (const line of lines(response, vectorLineSchema)) {
        const wanted = asked[line.index];
        if (!wanted) continue;
        answered.add(wanted);
        this.embedded.spans += 1;
        if ("cached" in line && line.cached) this.embedded.cached += 1;
        if ("error" in line) wanted.reject(new FailureError(line.error));
        else
          wanted.resolve(
            remember(floats(line.embedding), {
              model: line.model,
              ...(wanted.span && { span: wanted.span }),
            }),
          );
      }
      left = asked.filter((wanted) => !answered.has(wanted));
      if (left.length > 0 && tries >= MAX_TRIES)
        throw new FailureError(unavailable("compute kept ending its answers early"));
    }
  }

  /** Posts JSON; waits and tries again where compute is busy or away, as long as that is short. */
  async #post(path: string, body: unknown): Promise<Response> {
    for (let tries = 1; ; tries++) {
      this.#signal.throwIfAborted();
      const request = new Request(`http://compute${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
        signal: this.#signal,
      });
      const response = await this.#fetch(request).catch((cause: unknown) => cause);
      if (response instanceof Response && response.ok) return response;
      this.#signal.throwIfAborted();
      const failure = await failureOf(response);
      const pause = failure.retry_after_seconds
        ? failure.retry_after_seconds * 1000
        : 200 * 2 ** tries * this.#random();
      const passing = failure.kind === "unavailable" || failure.kind === "overloaded";
      if (!passing || tries >= MAX_TRIES || pause > MAX_PAUSE_MS) throw new FailureError(failure);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

const unavailable = (detail: string): Failure => ({ kind: "unavailable", detail });

async function failureOf(response: unknown): Promise<Failure> {
  if (!(response instanceof Response)) return unavailable(`compute did not answer (${String(response)})`);
  const problem = z.object({ failure: failureSchema }).safeParse(await response.json().catch(() => null));
  return problem.success ? problem.data.failure : unavailable(`compute answered ${response.status}`);
}

const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"));
const floats = (base64: string) => new Float32Array(bytesOf(base64).buffer);

/** NDJSON lines of an answer; ends quietly where the connection was cut. */
async function* lines<T>(response: Response, schema: z.ZodType<T>): AsyncGenerator<T> {
  let rest = "";
  try {
    for await (const text of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) if (part !== "") yield schema.parse(JSON.parse(part));
    }
  } catch (cause) {
    if (cause instanceof z.ZodError || cause instanceof SyntaxError)
      throw new FailureError(unavailable("compute's answer is not what it promised"));
  }
}
