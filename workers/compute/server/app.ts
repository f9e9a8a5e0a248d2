// Compute's HTTP doors: each path with the schema of its body, its cap and what answers it. main.ts listens and opens
// what they need; gate.ts says who is let in.
import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { ZodType } from "zod";
import { answerLines, answerOnce, presentFile } from "./answers.ts";
import { type Drain, refuseWhileDraining } from "./drain.ts";
import { type EmbedDeps, embed, sample } from "./embed.ts";
import { refuseBrowsers, requireToken } from "./gate.ts";
import type { PythonRuns } from "./python/runs.ts";
import { MAX_PYTHON_BYTES, pythonSchema } from "./python/schema.ts";
import {
  embedSchema,
  framesSchema,
  MAX_BODY_BYTES,
  MAX_EMBED_BYTES,
  MAX_SOUND_BYTES,
  parseBody,
  partSchema,
  refusal,
  sampleSchema,
  speechSchema,
  splitSchema,
  transcribeSchema,
  urlSchema,
} from "./requests.ts";
import { transcribe } from "./transcribe.ts";
import { refuseUnvouched } from "./vouched-origins.ts";

export interface AppDeps extends EmbedDeps {
  python: PythonRuns;
  drain: Drain;
  /** The token that every caller but a health check must show. */
  token: string;
  /** Whether only this machine is served. */
  loopback: boolean;
  log: (line: object) => void;
}

type App = Hono<{ Bindings: HttpBindings }>;
type BodyHandler<T> = (body: T, signal: AbortSignal) => Promise<Response> | Response;

const VERSION = "0.1.0";

/** Every route, behind the gate. */
export function createApp(deps: AppDeps): App {
  const { pool, python } = deps;
  const app: App = new Hono();
  app.use(logRequests(deps.log), refuseBrowsers(deps));
  app.get("/health", (c) => {
    const status = deps.drain.isDraining ? "draining" : "ok";
    return c.json({ status, version: VERSION, python: python.counts });
  });
  app.use(requireToken(deps.token), refuseWhileDraining(deps.drain));

  const post = <T>(path: string, schema: ZodType<T>, handle: BodyHandler<T>, maxSize = MAX_BODY_BYTES) =>
    app.post(path, ownRequest, bodyLimit({ maxSize, onError: () => tooLarge(maxSize) }), async (c) => {
      const body = await parseBody(c, schema);
      if (!body.ok) return refusal(body.failure);
      const refused = refuseUnvouched(c.req.header("weir-vouched-origins"), body.value);
      return refused ? refusal(refused) : handle(body.value, c.req.raw.signal);
    });
  post("/v1/probe", urlSchema, (body, signal) => answerOnce(pool, { kind: "probe", ...body }, signal));
  post("/v1/split", splitSchema, (body, signal) => answerOnce(pool, { kind: "split", ...body }, signal));
  post("/v1/embed", embedSchema, (body, signal) => embed(deps, body, signal), MAX_EMBED_BYTES);
  post("/v1/sample", sampleSchema, (body, signal) => sample(deps, body, signal));
  post("/v1/frames", framesSchema, (body, signal) => answerLines(pool, { kind: "frames", ...body }, signal));
  post("/v1/speech", speechSchema, (body, signal) => answerLines(pool, { kind: "speech", ...body }, signal));
  post("/v1/transcribe", transcribeSchema, (body) => transcribe(deps, body), MAX_SOUND_BYTES);
  post("/v1/clip", partSchema, (body, signal) =>
    answerOnce(pool, { kind: "clip", ...body }, signal, presentFile),
  );
  post("/v1/audio", partSchema, (body, signal) =>
    answerOnce(pool, { kind: "audio", ...body }, signal, presentFile),
  );
  post("/v1/image", urlSchema, (body, signal) => answerOnce(pool, { kind: "image", ...body }, signal));
  post(
    "/v1/python",
    pythonSchema,
    async (body) => {
      const turn = await python.take(body);
      return turn.ok ? Response.json(turn.value) : refusal(turn.failure);
    },
    MAX_PYTHON_BYTES,
  );

  app.notFound((c) =>
    refusal({ kind: "not_found", detail: `there is no ${c.req.method} ${c.req.path} here` }),
  );
  app.onError((error) => {
    console.error(error);
    return refusal({ kind: "internal", detail: "the compute server failed; its log says why" });
  });
  return app;
}

/** A body of unknown length comes as the platform's own request: the limit copies it, which a stand-in forbids. */
async function ownRequest(c: Context, next: () => Promise<void>): Promise<void> {
  const { url, method, headers, body, signal } = c.req.raw;
  if (headers.has("transfer-encoding"))
    c.req.raw = new Request(url, { method, headers, body, signal, duplex: "half" });
  await next();
}

function tooLarge(maxBytes: number): Response {
  const response = refusal({ kind: "too_large", detail: `the body is over ${maxBytes >> 20} MB` });
  response.headers.set("connection", "close");
  return response;
}

/** One line for each answer, once it is over or cut off. Health checks come all the time and are left out. */
const logRequests =
  (log: AppDeps["log"]) =>
  async (c: Context<{ Bindings: HttpBindings }>, next: () => Promise<void>): Promise<void> => {
    const { path } = c.req;
    const { outgoing } = c.env;
    const began = performance.now();
    if (path !== "/health")
      outgoing.once("close", () =>
        log({ path, status: outgoing.statusCode, ms: Math.round(performance.now() - began) }),
      );
    await next();
  };
