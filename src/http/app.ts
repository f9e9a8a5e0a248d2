// The HTTP route table of the router, in the order data flows. Each route is defined once with its zod
// schemas, which validate it, type it, and document it at /openapi.json. Handlers only join parts.
import { OpenAPIHono } from "@hono/zod-openapi";
import { requestId } from "hono/request-id";
import { dashboard } from "../../dashboard/serve.ts";
import { pipelineByAlias } from "../dispatch/pipelines.ts";
import { openRouter } from "../routing/deps.ts";
import { invokeLater, invokeNow } from "../routing/invoke.ts";
import { type Failure, FailureError } from "../shapes/failure.ts";
import { logError } from "../shapes/log.ts";
import { isPassing, storeFailure } from "../store/failure.ts";
import { describeApi } from "./document.ts";
import { addErasureRoutes } from "./erasures/handlers.ts";
import { crossOrigin } from "./gate/cross-origin.ts";
import { authorize } from "./gate/gate.ts";
import { idempotent } from "./gate/idempotency.ts";
import { boundedBody, jsonBody } from "./gate/json-body.ts";
import { addKeyRoutes } from "./keys/handlers.ts";
import { addLiveRoutes } from "./live/handlers.ts";
import { readMoment } from "./moments.ts";
import { readObject } from "./object-reads.ts";
import { addOperateRoutes } from "./operate/handlers.ts";
import { addIndexRoutes } from "./operate/index-handlers.ts";
import { problem } from "./problem.ts";
import { addReadRoutes } from "./read/handlers.ts";
import * as routes from "./read/routes.ts";
import { reference } from "./reference/serve.ts";
import type { OpenDeps, RouterApp } from "./router-app.ts";
import { addSearchRoutes } from "./search/handlers.ts";
import { addStatusRoutes } from "./status/handlers.ts";
import { addUploadRoutes } from "./uploads/handlers.ts";
import { answerHandshake, answerWebhook } from "./webhook.ts";

/** Routes that start work with every request, and so take an `Idempotency-Key`. */
const IDEMPOTENT_PATHS = [
  "/v1/pipelines/:alias/invoke",
  "/v1/replays",
  "/v1/audits",
  "/v1/dead-letters/redrive",
];

export function createApp() {
  const open: OpenDeps = (c) => openRouter(c.env, (work) => c.executionCtx.waitUntil(work));
  const app = new OpenAPIHono<{ Bindings: object }>({
    defaultHook: (result) =>
      result.success ? undefined : problem(invalidInput(result.target, result.error.issues)),
  });

  app.get("/healthz", (c) => c.json({ status: "ok" }));
  app.route("/", dashboard);
  app.route("/", reference);

  // receive
  app.post("/v1/connections/:id/events", (c) => answerWebhook(c.req.raw, c.req.param("id"), open(c)));
  app.options("/v1/connections/:id/events", (c) => answerHandshake(c.req.raw, c.req.param("id"), open(c)));

  // signed reads of objects: the URL is the proof
  app.on(["GET", "HEAD"], "/v1/objects/:connection/:key", (c) => {
    const { connections, env, now } = open(c);
    return readObject(c.req.raw, connections, env, now());
  });

  app.on(["GET", "HEAD"], "/v1/moments/:connection/:key", (c) => readMoment(c.req.raw, open(c)));

  app.use("/v1/*", crossOrigin);
  for (const path of ["/v1/*", "/metrics", "/mcp"]) app.use(path, requestId(), authorize);

  for (const path of [...JSON_PATHS, "/mcp"]) app.use(path, boundedBody, jsonBody);
  for (const path of IDEMPOTENT_PATHS) app.post(path, idempotent(open));
  app.openapi(routes.invoke, async (c) => {
    const deps = open(c);
    const pipeline = pipelineByAlias(c.req.valid("param").alias, deps.pipelines);
    const body = c.req.valid("json");
    if (c.req.valid("query").async === "true") {
      const answer = await invokeLater(pipeline, body, deps);
      c.set("audit", { detail: { run_id: answer.run_id } });
      return c.json(answer, 202, { location: `/v1/runs/${answer.run_id}` });
    }
    const [answer, status] = await invokeNow(pipeline, body, deps);
    c.set("audit", { detail: { run_id: answer.run_id } });
    return c.json(answer, status);
  });

  addReadRoutes(app, open);
  addOperateRoutes(app, open);
  addIndexRoutes(app, open);
  addErasureRoutes(app, open);
  addKeyRoutes(app, open);
  addSearchRoutes(app, open);
  addLiveRoutes(app, open);
  addStatusRoutes(app, open);
  addUploadRoutes(app, open);

  // What it needs is loaded when it is first asked.
  app.post("/mcp", async (c) => (await import("./mcp.ts")).answerMcp(app, c));
  app.all("/mcp", () => new Response(null, { status: 405, headers: { allow: "POST" } }));
  describeApi(app);
  answerErrors(app);
  return app;
}

/** Answers what is no route, and every error, with a problem. */
function answerErrors(app: RouterApp): void {
  app.notFound((c) =>
    problem({
      kind: "not_found",
      detail: `there is no ${c.req.method} ${c.req.path}`,
      next: "see /openapi.json",
    }),
  );
  app.onError((error, c) => {
    if (error instanceof FailureError) return problem(error.failure);
    // @hono/zod-openapi throws this for a body that is not JSON at all.
    if ("getResponse" in error && "status" in error && error.status === 400) {
      return problem({
        kind: "invalid",
        detail: "the body is not valid JSON",
        where: "body",
        expected: "a JSON object",
      });
    }
    logError("http.error", { path: c.req.path, error: String(error) });
    if (isPassing(error)) return problem(storeFailure(error));
    return problem({
      kind: "internal",
      detail: "something of ours broke; nothing was changed by halves",
      next: "try again; the log has the cause",
    });
  });
}

/** Routes that take a JSON body, without the webhooks, which have rules of their own. */
const JSON_PATHS = [
  "pipelines",
  "filters",
  "collections",
  "objects",
  "runs",
  "replays",
  "audits",
  "dead-letters",
  "ledger",
  "erasures",
  "keys",
].map((name) => `/v1/${name}/*`);

/** Faults that one answer names of a body that is wrong in many places. */
const MAX_ISSUES = 10;

function invalidInput(target: string, issues: readonly { path: PropertyKey[]; message: string }[]): Failure {
  const where = (path: PropertyKey[]) => [target, ...path.map(String)].join(".");
  const shown = issues.slice(0, MAX_ISSUES).map((issue) => `${where(issue.path)}: ${issue.message}`);
  const detail = [...shown, ...(issues.length > MAX_ISSUES ? ["and more"] : [])].join("; ");
  return { kind: "invalid", detail, where: where(issues[0]?.path ?? []), next: "see /openapi.json" };
}
