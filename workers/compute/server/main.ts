// The compute server: media in by signed URL, spans and vectors out. One process that talks HTTP and never
// decodes, and a pool of children that do. Stateless: any instance can take any call.
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { availableParallelism } from "node:os";
import process from "node:process";
import type { Failure } from "../../../src/shapes/failure.ts";
import { embed } from "./embed.ts";
import type { Job, Output } from "./jobs.ts";
import { type Models, modelsSchema } from "./models.ts";
import { Pool } from "./pool.ts";
import { bodyOf, embedSchema, imageSchema, refuse, splitSchema } from "./requests.ts";

export interface ServerOptions {
  port?: number;
  host?: string;
  models?: Models;
  /** Decoder children. */
  size?: number;
  timeoutMs?: number;
  /** Jobs running and waiting. */
  capacity?: number;
  /** Takes one line for each request. Default: JSON on standard error. */
  log?: (line: object) => void;
}

export interface RunningServer {
  url: string;
  port: number;
  /** Stops accepting, lets what runs finish, then ends the decoders. */
  close(): Promise<void>;
  decoders(): number[];
}

const VERSION = "0.1.0";
const DRAIN_MS = 14_000;
/** Longer than three tries of one slow range, shorter than a pipeline's patience. */
const DECODE_MS = 90_000;

/** Starts the server; port 0 takes a free one. */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const models = options.models ?? (await readModels());
  const log = options.log ?? logLine;
  const size = options.size ?? availableParallelism();
  const capacity = options.capacity ?? size * 16;
  const pool = new Pool({ size, capacity, timeoutMs: options.timeoutMs ?? DECODE_MS });

  const routes: Record<string, (request: IncomingMessage, response: ServerResponse) => Promise<void> | void> =
    {
      "GET /health": (_request, response) => answer(response, { status: "ok", version: VERSION }),
      "POST /v1/split": async (request, response) => {
        const body = await bodyOf(request, splitSchema);
        if (!body.ok) return refuse(response, body.failure);
        return single(pool, { kind: "split", ...body.value }, response);
      },
      "POST /v1/embed": async (request, response) => {
        const body = await bodyOf(request, embedSchema);
        if (!body.ok) return refuse(response, body.failure);
        return embed(pool, models, body.value, response);
      },
      "POST /v1/image": async (request, response) => {
        const body = await bodyOf(request, imageSchema);
        if (!body.ok) return refuse(response, body.failure);
        return single(pool, { kind: "image", ...body.value }, response);
      },
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
  };
  return {
    url: `http://${host === "0.0.0.0" ? "127.0.0.1" : host}:${port}`,
    port,
    close,
    decoders: () => pool.pids,
  };
}

/** One job, one JSON answer. */
async function single(pool: Pool, job: Job, response: ServerResponse): Promise<void> {
  const place = pool.admit(1);
  if (!place.ok) return refuse(response, place.failure);
  try {
    let output: Output | undefined;
    const failure: Failure | undefined = await pool.run(job, (value) => {
      output = value;
    });
    if (failure) refuse(response, failure);
    else answer(response, output ?? {});
  } finally {
    place.release();
  }
}

function answer(response: ServerResponse, body: object): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
}

async function readModels(): Promise<Models> {
  const file = new URL("../../../models.json", import.meta.url);
  return modelsSchema.parse(JSON.parse(await readFile(file, "utf8")));
}

const logLine = (line: object) => console.error(JSON.stringify({ at: "compute", ...line }));

if (import.meta.main) {
  const server = await startServer({
    port: Number(process.env.PORT ?? 8080),
    host: process.env.HOST ?? "127.0.0.1",
  });
  console.log(JSON.stringify({ listening: server.port }));
  const stop = async () => {
    setTimeout(() => process.exit(1), DRAIN_MS).unref();
    await server.close();
    process.exit(0);
  };
  process.once("SIGTERM", stop).once("SIGINT", stop);
}
