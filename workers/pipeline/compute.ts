// The client of compute's HTTP API: one method for each call. A call that an instance has no time for, or that ended
// with its instance, is sent again to another one (patience.ts). embeddings.ts decides which embeddings travel together.
import { Buffer } from "node:buffer";
import { z } from "zod";
import { type Failure, FailureError, fail, ok, type Result } from "../../src/shapes/failure.ts";
import type { Modality } from "../../src/shapes/model.ts";
import {
  Chunk,
  type FramesOptions,
  failureSchema,
  frameLineSchema,
  type Heard,
  heardSchema,
  type ImageInfo,
  imageSchema,
  type Picture,
  type Probe,
  picturesLineSchema,
  probeSchema,
  type SpeechWindow,
  type SplitOptions,
  speechLineSchema,
  splitSchema,
  vectorLineSchema,
} from "./media.ts";
import { MAX_TRIES, type Patience, patiently, retryAfter } from "./patience.ts";

/** Sends a request to compute. `turn` counts the instances that had no time for it. */
export type ComputeFetch = (request: Request, turn: number) => Promise<Response>;

/** Header that carries the origins; workers/compute/server/vouched-origins.ts reads it. */
const VOUCHED_HEADER = "weir-vouched-origins";

/** Input of one embedding: an image or a span of a film by its signed URL, or a text. */
export type EmbedInput = { url: string; span?: { start: number; end: number } } | { text: string };

export class ComputeClient {
  readonly #fetch: ComputeFetch;
  readonly #patience: Patience;
  /** Origins of the URLs that this run has signed: compute reads from no others for it. */
  readonly #vouched = new Set<string>();

  constructor(fetch: ComputeFetch, signal: AbortSignal, random: () => number = Math.random) {
    this.#fetch = fetch;
    this.#patience = { signal, random };
  }

  /** Vouches that a URL is signed by Weir, and returns it. Compute reads only from the origins of such URLs. */
  vouch(url: string): string {
    this.#vouched.add(new URL(url).origin);
    return url;
  }

  async split(url: string, options: SplitOptions): Promise<Chunk[]> {
    const { frameInterval, maxDuration, ...others } = options;
    // JSON leaves out members that are undefined.
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
        pictures.push({ ...picture, bytes: bytesFromBase64(data) });
      }
    }
    throw new FailureError(unavailable("Compute ended its answers early, each time."));
  }

  /**
   * Yields the windows of a film's sound that have a voice in them, up to the second `until`. Compute is asked for a few
   * minutes at a time; a part whose answer was cut off is asked for again, for the windows that are missing.
   */
  async *speech(url: string, from: number, until: number | undefined): AsyncGenerator<SpeechWindow> {
    let reached = from;
    for (let tries = 1; tries < MAX_TRIES; tries++) {
      let next: number | null | undefined;
      const response = await this.#post("/v1/speech", { url, from, until });
      for await (const line of lines(response, speechLineSchema)) {
        if ("error" in line) throw new FailureError(line.error);
        if ("next" in line) next = line.next;
        if (!("data" in line) || line.start < reached) continue;
        const { data, ...window } = line;
        yield { ...window, wav: bytesFromBase64(data) };
        reached = line.end;
      }
      if (next === null) return;
      if (next === undefined || next <= from) continue;
      [from, reached, tries] = [next, next, 0];
    }
    throw new FailureError(unavailable("Compute ended its answers early, each time."));
  }

  /** Has a speech model of the project write down a window. Compute refuses a `definition` that differs from its own. */
  async transcribe(
    request: { model: string; definition: string; language: string | undefined },
    wav: Uint8Array<ArrayBuffer>,
  ): Promise<Heard> {
    const audio = Buffer.from(wav).toString("base64");
    const heard = heardSchema.safeParse(
      await (await this.#post("/v1/transcribe", { ...request, audio })).json(),
    );
    if (heard.success) return heard.data;
    throw new FailureError(unavailable("Compute's answer does not have the form that it promises."));
  }

  /** Fetches a chunk as a file of its own: an MP4, or its sound as WAV. */
  async part(path: "/v1/clip" | "/v1/audio", { url, start, end }: Chunk): Promise<Uint8Array> {
    const response = await this.#post(path, { url, span: { start, end } });
    return new Uint8Array(await response.arrayBuffer());
  }

  /** Posts to a path that has no method here, always to the same instance; the caller checks the answer. */
  async call(path: string, body: unknown): Promise<unknown> {
    return (await this.#post(path, body, () => 0)).json();
  }

  /** Embeds items; `onLine` hears each vector as it comes. Compute refuses a `definition` that differs from its own. */
  embed(
    request: { kind: Modality; model: string; definition: string },
    items: readonly EmbedInput[],
    onLine: (index: number, line: z.infer<typeof vectorLineSchema>) => void,
  ): Promise<void> {
    return this.#each("/v1/embed", request, items, vectorLineSchema, onLine);
  }

  /** Samples items as JPEG, for a model elsewhere: the frames that stand for a span, or the picture itself. */
  sample(
    request: { kind: "video" | "image"; size: number },
    items: readonly EmbedInput[],
    onLine: (index: number, line: z.infer<typeof picturesLineSchema>) => void,
  ): Promise<void> {
    return this.#each("/v1/sample", request, items, picturesLineSchema, onLine);
  }

  /** Reads a line for each item, in any order; items that a cut-off answer left out are sent again. */
  async #each<Line extends { index: number }>(
    path: string,
    request: object,
    items: readonly EmbedInput[],
    schema: z.ZodType<Line>,
    onLine: (index: number, line: Line) => void,
  ): Promise<void> {
    let left = [...items.keys()];
    for (let tries = 1; left.length > 0; tries++) {
      const sent = left;
      const response = await this.#post(path, { ...request, items: sent.map((index) => items[index]) });
      for await (const line of lines(response, schema)) {
        const index = sent[line.index];
        if (index === undefined || !left.includes(index)) continue;
        left = left.filter((other) => other !== index);
        onLine(index, line);
      }
      if (left.length > 0 && tries >= MAX_TRIES)
        throw new FailureError(unavailable("Compute ended its answers early, each time."));
    }
  }

  async #post(path: string, body: unknown, turnOf = (turn: number) => turn): Promise<Response> {
    const text = JSON.stringify(body);
    return patiently(this.#patience, async (turn): Promise<Result<Response>> => {
      const request = new Request(`http://compute${path}`, {
        method: "POST",
        headers: { "content-type": "application/json", [VOUCHED_HEADER]: [...this.#vouched].join() },
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
  if (!(response instanceof Response)) return unavailable(`Compute did not answer (${String(response)}).`);
  const problem = z.object({ failure: failureSchema }).safeParse(await response.json().catch(() => null));
  if (problem.success) return problem.data.failure;
  // The platform in front of a container answers so when there is no room for another one.
  const full = response.status === 429 || response.status === 503;
  return full
    ? fail("overloaded", `Compute has no instance free (${response.status}).`, retryAfter(response)).failure
    : unavailable(`Compute answered ${response.status}.`);
}

export const bytesFromBase64 = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"));

/** Yields the NDJSON lines of an answer; ends quietly where the connection was cut. */
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
      throw new FailureError(unavailable("Compute's answer does not have the form that it promises."));
  }
}
