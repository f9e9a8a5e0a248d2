// The client of the compute endpoint. Embeddings asked for in one turn of the event loop are sent
// together, bounded in size and number; a result that an instance took with it is asked for again.
import { Buffer } from "node:buffer";
import { z } from "zod";
import { type Failure, FailureError } from "../../src/shapes/failure.ts";
import { remember } from "./context.ts";

/** A part of a video: `[start, end)`, seconds. Its signed URL is kept out of anything that is stored. */
export class Chunk {
  readonly index: number;
  readonly start: number;
  readonly end: number;
  readonly firstFrame: number;
  readonly lastFrame: number;
  /** Seconds of the keyframes inside. */
  readonly keyframes: number[];
  readonly #url: string;

  constructor(url: string, from: z.infer<typeof splitSchema>["chunks"][number]) {
    this.#url = url;
    this.index = from.index;
    this.start = from.start;
    this.end = from.end;
    this.firstFrame = from.first_frame;
    this.lastFrame = from.last_frame;
    this.keyframes = from.keyframes;
  }

  get url(): string {
    return this.#url;
  }
}

export interface SplitOptions {
  /** Seconds per chunk; 10 when absent. */
  frameInterval?: number;
}

export interface ImageInfo {
  width: number;
  height: number;
  format: string;
  /** Dominant colours with their share of the picture, largest first. */
  colors: { hex: string; share: number }[];
}

const splitSchema = z.object({
  chunks: z.array(
    z.object({
      index: z.number(),
      start: z.number(),
      end: z.number(),
      first_frame: z.number(),
      last_frame: z.number(),
      keyframes: z.array(z.number()),
    }),
  ),
});
const imageSchema = z.object({
  width: z.number(),
  height: z.number(),
  format: z.string(),
  colors: z.array(z.object({ hex: z.string(), share: z.number() })),
});
const failureSchema = z.custom<Failure>(
  (value) => z.object({ kind: z.string(), detail: z.string() }).safeParse(value).success,
);
const lineSchema = z.union([
  z.object({ index: z.number().int(), embedding: z.base64(), model: z.string() }),
  z.object({ index: z.number().int(), error: failureSchema }),
]);

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
  #wanted: Wanted[] = [];
  #inFlight = 0;
  #scheduled = false;

  constructor(fetch: Fetch, signal: AbortSignal, random: () => number = Math.random) {
    this.#fetch = fetch;
    this.#signal = signal;
    this.#random = random;
  }

  async split(url: string, { frameInterval }: SplitOptions): Promise<Chunk[]> {
    const body = { url, ...(frameInterval === undefined ? {} : { frame_interval: frameInterval }) };
    const response = await this.#post("/v1/split", body);
    return splitSchema.parse(await response.json()).chunks.map((chunk) => new Chunk(url, chunk));
  }

  async image(url: string): Promise<ImageInfo> {
    return imageSchema.parse(await (await this.#post("/v1/image", { url })).json());
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
      for await (const line of lines(response)) {
        const wanted = asked[line.index];
        if (!wanted) continue;
        answered.add(wanted);
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

const floats = (base64: string) => new Float32Array(new Uint8Array(Buffer.from(base64, "base64")).buffer);

/** NDJSON lines of an answer; ends quietly where the connection was cut. */
async function* lines(response: Response): AsyncGenerator<z.infer<typeof lineSchema>> {
  let rest = "";
  try {
    for await (const text of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) if (part !== "") yield lineSchema.parse(JSON.parse(part));
    }
  } catch (cause) {
    if (cause instanceof z.ZodError || cause instanceof SyntaxError)
      throw new FailureError(unavailable("compute's answer is not what it promised"));
  }
}
