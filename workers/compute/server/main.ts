// The compute server: media in by signed URL, spans and vectors out. One process that talks HTTP and never
// decodes, and a pool of children that do. Stateless: any instance can take any call.
import type { AddressInfo } from "node:net";
import process from "node:process";
import { createAdaptorServer } from "@hono/node-server";
import { createApp } from "./app.ts";
import { Drain } from "./drain.ts";
import type { EmbedDeps } from "./embed.ts";
import { Inference } from "./inference/inference.ts";
import { type ModelCatalogue, readModels } from "./models.ts";
import { originsOf } from "./objects/address.ts";
import { ObjectCache } from "./objects/objects.ts";
import { Pool } from "./pool.ts";
import { PythonRuns } from "./python/runs.ts";
import { sharesOf } from "./shares.ts";

export interface ServerOptions {
  /** The bearer token of callers; default: COMPUTE_TOKEN. Nothing is served without one. */
  token?: string;
  port?: number;
  host?: string;
  /** Models that models.json defines, and where their files are. */
  models?: ModelCatalogue;
  /** Decoder children. */
  size?: number;
  /** Start them at once. */
  warm?: boolean;
  /** Limits of a job: see `JobLimits` in job-run.ts. */
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
  /** Refuses new work with 503, finishes what has begun (a Python run with all its turns), then closes. */
  drain(): Promise<void>;
  /** Stops accepting, lets what runs finish, then ends the decoders. */
  close(): Promise<void>;
  decoders(): number[];
  /** Id of the process that runs onnx models, once there was a need for one. */
  inference(): number | undefined;
}

/** Time to finish what has begun. The platform ends an instance 15 minutes after SIGTERM. */
const DRAIN_MS = 14 * 60_000;
/** A person who ends local work waits no longer than that. */
const END_MS = 14_000;
/** Patience with a source: longer than three tries of one slow range, shorter than a pipeline's own. */
const READ_MS = 90_000;
const BUSY_MS = 30_000;
const SPIN_MS = 3000;
/** Patience with a model: a large one takes its time to be read and set up. */
const MODEL_MS = 120_000;

/** Starts the server; port 0 takes a free one. */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const token = options.token ?? process.env.COMPUTE_TOKEN;
  if (!token)
    throw new Error("Compute has no token: set COMPUTE_TOKEN to a random text that its callers know.");
  const catalogue = options.models ?? (await readModels());
  const log = options.log ?? logLine;
  const shares = sharesOf();
  const size = options.size ?? shares.decoders;
  const capacity = options.capacity ?? size * 16;
  const allowOrigins = options.allowOrigins ?? originsOf(process.env.COMPUTE_ALLOW_ORIGINS);
  const objects = new ObjectCache(allowOrigins);
  const pool = new Pool({
    size,
    capacity,
    timeoutMs: options.timeoutMs ?? READ_MS,
    busyMs: options.busyMs ?? BUSY_MS,
    spinMs: options.spinMs ?? SPIN_MS,
    memory: shares.decoderBytes,
    objects,
  });
  if (options.warm) pool.warm();
  const inference = new Inference({
    ...catalogue,
    threads: size,
    memory: shares.modelBytes,
    patienceMs: MODEL_MS,
  });
  const drain = new Drain();
  const embedding: EmbedDeps = { pool, catalogue, inference };
  const python = new PythonRuns({
    size: options.pythons ?? shares.pythons,
    memory: shares.pythonBytes,
    drain,
  });

  const host = options.host ?? "127.0.0.1";
  const app = createApp({ ...embedding, python, drain, token, loopback: host === "127.0.0.1", log });
  // This process's own Request and Response stay what they are.
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(options.port ?? 8080, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    if ("closeIdleConnections" in server) server.closeIdleConnections();
    await closed;
    pool.close();
    await objects.close();
    inference.close();
    python.close();
  };
  return {
    url: `http://${host === "0.0.0.0" ? "127.0.0.1" : host}:${port}`,
    port,
    async drain() {
      await drain.start();
      await close();
    },
    close,
    decoders: () => pool.pids,
    inference: () => inference.pid,
  };
}

const logLine = (line: object) => console.error(JSON.stringify({ at: "compute", ...line }));

if (import.meta.main) {
  const server = await startServer({
    port: Number(process.env.PORT ?? 8080),
    host: process.env.HOST ?? "127.0.0.1",
    warm: true,
  });
  console.log(JSON.stringify({ listening: server.port }));
  const end = async (how: () => Promise<void>, withinMs: number) => {
    setTimeout(() => process.exit(1), withinMs).unref();
    await how();
    process.exit(0);
  };
  process.once("SIGTERM", () => end(server.drain, DRAIN_MS)).once("SIGINT", () => end(server.close, END_MS));
}
