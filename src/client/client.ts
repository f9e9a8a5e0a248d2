// The typed client of Weir's HTTP API, `import { WeirClient } from "weir/client"`: a method for each operation, generated
// from the OpenAPI document. Needs `fetch` and streams, and so runs in Node, in Workers and in browsers.
import { type EventSourceMessage, EventSourceParserStream } from "eventsource-parser/stream";
import { type Call, Operations, type Problem, type ServerEvent } from "./operations.generated.ts";

export type * from "./operations.generated.ts";

export interface WeirClientOptions {
  /** Where the router is: `https://weir.example.com`. */
  url: string;
  /** An API key with the scopes of what is called. */
  key: string;
  /** In place of the platform's own: to go another way, or to be tested. */
  fetch?: typeof fetch;
}

/** A refused call: its problem (RFC 9457), and how long to wait where waiting helps. */
export class WeirError extends Error {
  readonly status: number;
  /** Absent where something in front of Weir answered. */
  readonly problem: Problem | undefined;
  /** Seconds. */
  readonly retryAfter: number | undefined;
  /** The answer's body as it came. */
  readonly text: string;
  readonly call: Pick<Call, "method" | "path">;

  constructor(call: Pick<Call, "method" | "path">, response: Response, text: string) {
    const problem = problemIn(response, text);
    super(`${call.method} ${call.path}: ${response.status} ${problem?.detail ?? text.slice(0, 200)}`);
    this.name = "WeirError";
    this.status = response.status;
    this.problem = problem;
    const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
    this.retryAfter = Number.isFinite(seconds) ? seconds : undefined;
    this.text = text;
    this.call = call;
  }
}

export class WeirClient extends Operations {
  readonly #options: WeirClientOptions;

  constructor(options: WeirClientOptions) {
    super();
    this.#options = options;
  }

  /** Sends any call. @throws WeirError for an answer that is no success */
  override async send<T>(call: Call): Promise<T> {
    const response = await this.#answer(call);
    const isJson = response.headers.get("content-type")?.includes("json");
    return (isJson ? await response.json() : await response.text()) as T;
  }

  /** Sends a call whose answer is a stream of events; leaving the loop ends it. @throws WeirError as `send` does */
  override async *stream<T>(call: Call): AsyncGenerator<ServerEvent<T>> {
    const response = await this.#answer(call);
    if (response.body) yield* eventsIn<T>(response.body);
  }

  async #answer({
    method,
    path,
    query = {},
    body,
    file,
    signal,
    idempotencyKey,
    headers,
  }: Call): Promise<Response> {
    const { url, key, fetch: send = fetch } = this.#options;
    const target = new URL(path, url);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) target.searchParams.set(name, String(value));
    const response = await send(target.href, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(idempotencyKey !== undefined && { "idempotency-key": idempotencyKey }),
        ...headers,
      },
      ...(file && { body: file }),
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
    if (!response.ok) throw new WeirError({ method, path }, response, await response.text());
    return response;
  }

  /**
   * Every row of a list, page after page:
   * `for await (const run of weir.each((cursor) => weir.listRuns({ cursor })))`.
   */
  async *each<Row>(
    list: (cursor: string | undefined) => Promise<{ data: Row[]; next?: string | undefined }>,
  ): AsyncGenerator<Row> {
    let cursor: string | undefined;
    do {
      const page = await list(cursor);
      yield* page.data;
      cursor = page.next;
    } while (cursor !== undefined);
  }
}

/** Events of a stream (html.spec.whatwg.org/multipage/server-sent-events.html). */
async function* eventsIn<T>(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent<T>> {
  const reader = body
    .pipeThrough(new TextDecoderStream() as never)
    .pipeThrough(new EventSourceParserStream())
    .getReader() as ReadableStreamDefaultReader<EventSourceMessage>;
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      const { event = "message", id = "", data } = read.value;
      yield { event, id, data: JSON.parse(data) as T };
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function problemIn(response: Response, text: string): Problem | undefined {
  if (!response.headers.get("content-type")?.includes("json")) return undefined;
  try {
    return JSON.parse(text) as Problem;
  } catch {
    return undefined;
  }
}
