// The client of the compute endpoint: one method for each thing that it does. What it has no time for is asked
// again, of another instance; what an instance took with it as well. embeddings.ts decides what is asked together.
import { Buffer } from "node:buffer";
import { z } from "zod";
import { type Failure, FailureError, fail, ok, type Result } from "../../src/shapes/failure.ts";
import type { Modality } from "../../src/shapes/model.ts";
import {
  Chunk,
  type FramesOptions,
  failureSchema,
  frameLineSchema,
  type ImageInfo,
  imageSchema,
  type Picture,
  type Probe,
  picturesLineSchema,
  probeSchema,
  type SplitOptions,
  splitSchema,
  vectorLineSchema,
} from "./media.ts";
import { MAX_TRIES, type Patience, patiently, retryAfter } from "./patience.ts";

/** Sends a request to compute. `turn` counts the instances that had no time for it. */
export type ComputeFetch = (request: Request, turn: number) => Promise<Response>;

/** The header that carries the origins; `server/vouched-origins.ts` reads it. */
const VOUCHED = "weir-vouched-origins";

/** What a vector is asked of. */
export type Input = { url: string; span?: { start: number; end: number } } | { text: string };

export class Compute {
  readonly #fetch: ComputeFetch;
  readonly #patience: Patience;
  /** Origins of the URLs that this run has signed: what compute may read for it. */
  readonly #vouched = new Set<string>();

  constructor(fetch: ComputeFetch, signal: AbortSignal, random: () => number = Math.random) {
    this.#fetch = fetch;
    this.#patience = { signal, random };
  }

  /** Says that a URL is signed by Weir. Compute reads for this run from the origins of such URLs only. */
  vouch(url: string): string {
    this.#vouched.add(new URL(url).origin);
    return url;
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

  /** Posts to a path that has no method here, always of the same instance; the answer is the caller's to check. */
  async call(path: string, body: unknown): Promise<unknown> {
    return (await this.#post(path, body, () => 0)).json();
  }

  /** Vectors, each told as it is made. `definition` is refused by a compute that has another. */
  embed(
    asked: { kind: Modality; model: string; definition: string },
    items: readonly Input[],
    onLine: (at: number, line: z.infer<typeof vectorLineSchema>) => void,
  ): Promise<void> {
    return this.#each("/v1/embed", asked, items, vectorLineSchema, onLine);
  }

  /** The frames that stand for spans, or pictures themselves, as JPEG to send elsewhere. */
  sample(
    asked: { kind: "video" | "image"; size: number },
    items: readonly Input[],
    onLine: (at: number, line: z.infer<typeof picturesLineSchema>) => void,
  ): Promise<void> {
    return this.#each("/v1/sample", asked, items, picturesLineSchema, onLine);
  }

  /** A line for each item, in any order; what a cut-off stream left out is asked again. */
  async #each<Line extends { index: number }>(
    path: string,
    asked: object,
    items: readonly Input[],
    schema: z.ZodType<Line>,
    onLine: (at: number, line: Line) => void,
  ): Promise<void> {
    let left = [...items.keys()];
    for (let tries = 1; left.length > 0; tries++) {
      const sent = left;
      const response = await this.#post(path, { ...asked, items: sent.map((at) => items[at]) });
      for await (const line of lines(response, schema)) {
        const at = sent[line.index];
        if (at === undefined || !left.includes(at)) continue;
        left = left.filter((other) => other !== at);
        onLine(at, line);
      }
      if (left.length > 0 && tries >= MAX_TRIES)
        throw new FailureError(unavailable("compute kept ending its answers early"));
    }
  }

  async #post(path: string, body: unknown, turnOf = (turn: number) => turn): Promise<Response> {
    const text = JSON.stringify(body);
    return patiently(this.#patience, async (turn): Promise<Result<Response>> => {
      const request = new Request(`http://compute${path}`, {
        method: "POST",
        headers: { "content-type": "application/json", [VOUCHED]: [...this.#vouched].join() },
        body: text,
        signal: this.#patience.signal,
      });
      const response = await this.#fetch(request, turnOf(turn)).catch((cause: unknown) => cause);
      if (response instanceof Response && response.ok) return ok(response);
      return { ok: false, failure: await failureOf(response) };
    });
  }
}

const unavailable = (detail: string): Failure => ({ kind: "unavailable", detail });

async function failureOf(response: unknown): Promise<Failure> {
  if (!(response instanceof Response)) return unavailable(`compute did not answer (${String(response)})`);
  const problem = z.object({ failure: failureSchema }).safeParse(await response.json().catch(() => null));
  if (problem.success) return problem.data.failure;
  // What stands in front of a container says so when there is no room for another one.
  const full = response.status === 429 || response.status === 503;
  return full
    ? fail("overloaded", `compute has no instance free (${response.status})`, retryAfter(response)).failure
    : unavailable(`compute answered ${response.status}`);
}

export const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"));

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
