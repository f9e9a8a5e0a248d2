// The compute server: media in by signed URL, spans and vectors out. One process that talks HTTP and never
// decodes, and a pool of children that do. Stateless: any instance can take any call.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { availableParallelism } from "node:os";
import process from "node:process";
import type { ZodType } from "zod";
import type { Job, Output } from "./decoder/protocol.ts";
import { type Embedding, embed, sample } from "./embed.ts";
import { Inference } from "./inference/inference.ts";
import { memoryHere } from "./memory.ts";
import { type Known, readModels } from "./models.ts";
import { originsOf } from "./objects/address.ts";
import { Objects } from "./objects/objects.ts";
import { Pool } from "./pool.ts";
import { PythonRuns } from "./python/runs.ts";
import { MOST_PYTHON, pythonSchema } from "./python/schema.ts";
import {
  bodyOf,
  embedSchema,
  framesSchema,
  MOST_EMBED,
  partSchema,
  refuse,
  sampleSchema,
  splitSchema,
  urlSchema,
} from "./requests.ts";
import { unvouched } from "./vouched-origins.ts";

export interface ServerOptions {
  port?: number;
  host?: string;
  /** What models.json says, and where its files are. */
  models?: Known;
  /** Decoder children. */
  size?: number;
  /** Start them at once. */
  warm?: boolean;
  /** Without an output while bytes are waited for, and while they are not: see {@link Pool}. */
  timeoutMs?: number;
  busyMs?: number;
  spinMs?: number;
  /** Jobs running and waiting. */
  capacity?: number;
  /** Origins that may be read although they are not public: local development's own. */
  allowOrigins?: string[];
  /** Python handlers that run at once. */
  pythons?: number;
  /** Takes one line for each request. Default: JSON on standard error. */
  log?: (line: object) => void;
}

export interface RunningServer {
  url: string;
  port: number;
  /** Stops accepting, lets what runs finish, then ends the decoders. */
  close(): Promise<void>;
  decoders(): number[];
  /** The process that runs onnx models, once one was asked for. */
  inference(): number | undefined;
}

const VERSION = "0.1.0";
const DRAIN_MS = 14_000;
/** Longer than three tries of one slow range, shorter than a pipeline's patience. */
const READ_MS = 90_000;
const BUSY_MS = 30_000;
const SPIN_MS = 3000;
const CHILD_MEMORY = 1.5 * 1024 ** 3;
/** Of all memory, for models; the decoders and the server have the rest. */
const MODEL_SHARE = 0.6;
/** A large model takes its time to be read and made ready. */
const MODEL_MS = 120_000;

/** Starts the server; port 0 takes a free one. */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const known = options.models ?? (await readModels());
  const log = options.log ?? logLine;
  const size = options.size ?? availableParallelism();
  const capacity = options.capacity ?? size * 16;
  const allowOrigins = options.allowOrigins ?? originsOf(process.env.COMPUTE_ALLOW_ORIGINS);
  const objects = new Objects(allowOrigins);
  const pool = new Pool({
    size,
    capacity,
    timeoutMs: options.timeoutMs ?? READ_MS,
    busyMs: options.busyMs ?? BUSY_MS,
    spinMs: options.spinMs ?? SPIN_MS,
    memory: CHILD_MEMORY,
    objects,
  });
  if (options.warm) pool.warm();
  const inference = new Inference({
    ...known,
    threads: size,
    memory: memoryHere() * MODEL_SHARE,
    patienceMs: MODEL_MS,
  });
  const embedding: Embedding = { pool, known, inference };
  const python = new PythonRuns({ size: options.pythons ?? size * 4 });

  type Route = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void;
  const taking =
    <T>(schema: ZodType<T>, handle: (body: T, to: ServerResponse) => Promise<void>, most?: number): Route =>
    async (request, response) => {
      const body = await bodyOf(request, schema, most);
      if (!body.ok) return refuse(response, body.failure);
      const why = unvouched(request, body.value);
      return why ? refuse(response, why) : handle(body.value, response);
    };
  const routes: Record<string, Route> = {
    "GET /health": (_request, response) =>
      answer(response, { status: "ok", version: VERSION, python: python.counts }),
    "POST /v1/probe": taking(urlSchema, (body, to) => single(pool, { kind: "probe", ...body }, to)),
    "POST /v1/split": taking(splitSchema, (body, to) => single(pool, { kind: "split", ...body }, to)),
    "POST /v1/embed": taking(embedSchema, (body, to) => embed(embedding, body, to, until(to)), MOST_EMBED),
    "POST /v1/sample": taking(sampleSchema, (body, to) => sample(embedding, body, to, until(to))),
    "POST /v1/frames": taking(framesSchema, (body, to) => many(pool, { kind: "frames", ...body }, to)),
    "POST /v1/clip": taking(partSchema, (body, to) => single(pool, { kind: "clip", ...body }, to, file)),
    "POST /v1/audio": taking(partSchema, (body, to) => single(pool, { kind: "audio", ...body }, to, file)),
    "POST /v1/image": taking(urlSchema, (body, to) => single(pool, { kind: "image", ...body }, to)),
    "POST /v1/python": taking(
      pythonSchema,
      async (body, to) => {
        const turn = await python.take(body);
        if (turn.ok) answer(to, turn.value);
        else refuse(to, turn.failure);
      },
      MOST_PYTHON,
    ),
  };

  const server = createServer(async (request, response) => {
    const path = request.url?.split("?")[0] ?? "/";
    const route = routes[`${request.method} ${path}`];
    const began = performance.now();
    try {
      if (route) await route(request, response);
      else refuse(response, { kind: "not_found", detail: `there is no ${request.method} ${path} here` });
    } catch (error) {
      console.error(error);
      if (response.headersSent) response.destroy();
      else refuse(response, { kind: "internal", detail: "the compute server failed; its log says why" });
    }
    if (path !== "/health")
      log({ path, status: response.statusCode, ms: Math.round(performance.now() - began) });
  });
  const host = options.host ?? "127.0.0.1";
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(options.port ?? 8080, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    await closed;
    pool.close();
    await objects.close();
    inference.close();
    python.close();
  };
  return {
    url: `http://${host === "0.0.0.0" ? "127.0.0.1" : host}:${port}`,
    port,
    close,
    decoders: () => pool.pids,
    inference: () => inference.pid,
  };
}

/** One job, one answer: JSON, or a file. */
async function single(pool: Pool, job: Job, response: ServerResponse, tell = answer): Promise<void> {
  const place = pool.admit(1);
  if (!place.ok) return refuse(response, place.failure);
  try {
    let output: Output | undefined;
    const onOutput = (value: Output) => {
      output = value;
    };
    const caller = { onOutput, signal: until(response) };
    const first = await pool.run(job, caller);
    // A child may die of something else than its job: one more tells.
    const ended = first?.died ? await pool.run(job, caller) : first;
    if (ended) refuse(response, ended.failure);
    else tell(response, output ?? {});
  } finally {
    place.release();
  }
}

/** One job, a line for each of its outputs; the last line says how many they were, or what failed. */
async function many(pool: Pool, job: Job, response: ServerResponse): Promise<void> {
  const place = pool.admit(1);
  if (!place.ok) return refuse(response, place.failure);
  try {
    let done = 0;
    const onOutput = (output: Output) => {
      done += 1;
      if (!response.headersSent) response.writeHead(200, { "content-type": "application/x-ndjson" });
      response.write(`${JSON.stringify(output)}\n`);
    };
    const caller = { onOutput, signal: until(response) };
    const first = await pool.run(job, caller);
    const ended = first?.died && !response.headersSent ? await pool.run(job, caller) : first;
    if (ended && !response.headersSent) return refuse(response, ended.failure);
    response.end(`${JSON.stringify(ended ? { error: ended.failure } : { done })}\n`);
  } finally {
    place.release();
  }
}

/** Aborts when the client has gone before its answer was complete. */
function until(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) gone.abort();
  });
  return gone.signal;
}

function answer(response: ServerResponse, body: object): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function file(response: ServerResponse, made: { type?: unknown; data?: unknown }): void {
  response.writeHead(200, { "content-type": String(made.type) });
  response.end(Buffer.from(String(made.data), "base64"));
}

const logLine = (line: object) => console.error(JSON.stringify({ at: "compute", ...line }));

if (import.meta.main) {
  const server = await startServer({
    port: Number(process.env.PORT ?? 8080),
    host: process.env.HOST ?? "127.0.0.1",
    warm: true,
  });
  console.log(JSON.stringify({ listening: server.port }));
  const stop = async () => {
    setTimeout(() => process.exit(1), DRAIN_MS).unref();
    await server.close();
    process.exit(0);
  };
  process.once("SIGTERM", stop).once("SIGINT", stop);
}
