// The HTTP route table of the router, in the order data flows. Each route is defined once with its zod
// schemas, which validate it, type it, and document it at /openapi.json. Handlers only join parts.
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { requestId } from "hono/request-id";
import { dashboard } from "../../dashboard/serve.ts";
import { surroundings } from "../env.ts";
import { lineage, listItems, openNamed, shape } from "../query/collections.ts";
import { getDeadLetter, listCauses, listDeadLetters } from "../query/dead-letters.ts";
import { diffFilters } from "../query/diff.ts";
import { testAsked } from "../query/filters.ts";
import { getEvent, getRun, listEvents, listRejections, listRuns } from "../query/ledger.ts";
import { metrics } from "../query/metrics.ts";
import { lookAt } from "../query/object-now.ts";
import { listObjects } from "../query/pipeline-objects.ts";
import { named } from "../query/pipelines.ts";
import { listVersions } from "../query/versions.ts";
import { why } from "../query/why.ts";
import { openRouter, type RouterDeps } from "../routing/deps.ts";
import { invokeLater, invokeNow } from "../routing/invoke.ts";
import { type Failure, FailureError } from "../shapes/failure.ts";
import { isPassing, storeFailure } from "../store/failure.ts";
import { listPaused } from "../store/ledger/pauses.ts";
import { guard } from "./gate/gate.ts";
import { idempotent } from "./gate/idempotency.ts";
import { boundedBody, jsonBody } from "./gate/json-body.ts";
import { administer } from "./keys/handlers.ts";
import { readObject } from "./object-reads.ts";
import { operate } from "./operate/handlers.ts";
import { problem } from "./problem.ts";
import * as routes from "./read/routes.ts";

/** Prometheus's text format, version 0.0.4. */
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Routes that make work each time they are asked, and so take an `Idempotency-Key`. */
const TAKE_KEYS = ["/v1/pipelines/:alias/invoke", "/v1/replays", "/v1/audits", "/v1/dead-letters/redrive"];

export function createApp() {
  const open = (c: Context): RouterDeps => openRouter(c.env, (work) => c.executionCtx.waitUntil(work));
  const app = new OpenAPIHono<{ Bindings: object }>({
    defaultHook: (result) =>
      result.success ? undefined : problem(invalidInput(result.target, result.error.issues)),
  });

  app.get("/healthz", (c) => c.json({ status: "ok" }));
  app.route("/", dashboard);

  // receive
  app.post("/v1/connections/:id/events", (c) => open(c).webhook(c.req.raw, c.req.param("id")));
  app.options("/v1/connections/:id/events", (c) => open(c).handshake(c.req.raw, c.req.param("id")));

  // signed reads of objects: the URL is the proof
  app.on(["GET", "HEAD"], "/v1/objects/:connection/:key", (c) => {
    const { connections, env, now } = open(c);
    return readObject(c.req.raw, connections, env, now());
  });

  for (const path of ["/v1/*", "/metrics"]) app.use(path, requestId(), guard);

  for (const path of JSON_DOORS) app.use(path, boundedBody, jsonBody);
  for (const path of TAKE_KEYS) app.post(path, idempotent);
  app.openapi(routes.invoke, async (c) => {
    const deps = open(c);
    const pipeline = named(c.req.valid("param").alias, deps.pipelines);
    const body = c.req.valid("json");
    if (c.req.valid("query").async === "true") {
      const answer = await invokeLater(pipeline, body, deps);
      c.set("told", { detail: { run_id: answer.run_id } });
      return c.json(answer, 202, { location: `/v1/runs/${answer.run_id}` });
    }
    const [answer, status] = await invokeNow(pipeline, body, deps);
    c.set("told", { detail: { run_id: answer.run_id } });
    return c.json(answer, status);
  });

  // query
  app.openapi(routes.pipelines, async (c) => {
    const { env, pipelines } = open(c);
    const paused = new Map((await listPaused(env.ledger())).map((one) => [one.alias, one]));
    const data = pipelines.all.map(({ alias, version, config }) => {
      const pause = paused.get(alias);
      const is = pause ? { reason: pause.reason, at: new Date(pause.at).toISOString() } : null;
      return { alias, version, config, paused: is };
    });
    return c.json({ data }, 200);
  });
  app.openapi(routes.versions, async (c) => {
    const { env, pipelines } = open(c);
    const pipeline = named(c.req.valid("param").alias, pipelines);
    return c.json({ data: await listVersions(env.ledger(), pipeline) }, 200);
  });
  app.openapi(routes.objects, async (c) => {
    const { env, pipelines } = open(c);
    const pipeline = named(c.req.valid("param").alias, pipelines);
    const { stale, ...query } = c.req.valid("query");
    return c.json(await listObjects(env.ledger(), pipeline, { ...query, stale: stale === "true" }), 200);
  });
  app.openapi(routes.events, async (c) => {
    const { limit, cursor, ...filters } = c.req.valid("query");
    return c.json(await listEvents(surroundings(c.env).books(), filters, { limit, cursor }), 200);
  });
  app.openapi(routes.event, async (c) => {
    const { id } = c.req.valid("param");
    return c.json(found(await getEvent(surroundings(c.env).books(), id), "event", id), 200);
  });
  app.openapi(routes.why, async (c) => {
    const { id, alias } = c.req.valid("param");
    const { env, pipelines } = open(c);
    return c.json(await why(env.books(), id, alias, pipelines), 200);
  });
  app.openapi(routes.filterTest, async (c) => {
    const { env, pipelines } = open(c);
    return c.json(await testAsked(c.req.valid("json"), pipelines, env.books()), 200);
  });
  app.openapi(routes.filterDiff, async (c) => {
    const { pipelines, connections, env, now } = open(c);
    const asked = c.req.valid("json");
    const pipeline = named(asked.alias, pipelines);
    const { collection } = openNamed(pipeline.config.destination.collection, pipelines, connections, env);
    const deps = { pipeline, collection, books: env.books(), now: now() };
    return c.json(await diffFilters(asked, deps), 200);
  });
  app.openapi(routes.look, async (c) => {
    const { connections, env, now } = open(c);
    return c.json(await lookAt(c.req.valid("json"), connections, env, now()), 200);
  });
  app.openapi(routes.runs, async (c) => {
    const { limit, cursor, ...filters } = c.req.valid("query");
    return c.json(await listRuns(surroundings(c.env).books(), filters, { limit, cursor }), 200);
  });
  app.openapi(routes.run, async (c) => {
    const { id } = c.req.valid("param");
    return c.json(found(await getRun(surroundings(c.env).books(), id), "run", id), 200);
  });
  app.openapi(routes.items, async (c) => {
    const { name } = c.req.valid("param");
    const { vectors, stale, ...query } = c.req.valid("query");
    const { pipelines, connections, env } = open(c);
    const named = openNamed(name, pipelines, connections, env);
    const asked = { ...query, stale: stale === "true", vectors: vectors === "true" };
    return c.json(await listItems(name, named, asked), 200);
  });
  app.openapi(routes.item, async (c) => {
    const { name, id } = c.req.valid("param");
    const { pipelines, connections, env } = open(c);
    const item = found(await openNamed(name, pipelines, connections, env).collection.get(id), "item", id);
    return c.json(shape(item, c.req.valid("query").vectors === "true"), 200);
  });
  app.openapi(routes.itemLineage, async (c) => {
    const { name, id } = c.req.valid("param");
    const { pipelines, connections, env } = open(c);
    return c.json(
      lineage(found(await openNamed(name, pipelines, connections, env).collection.get(id), "item", id)),
      200,
    );
  });
  app.openapi(routes.deadLetters, async (c) => {
    const { limit, cursor, ...filters } = c.req.valid("query");
    return c.json(await listDeadLetters(surroundings(c.env).ledger(), filters, { limit, cursor }), 200);
  });
  app.openapi(routes.deadLetterCauses, async (c) => {
    const { alias } = c.req.valid("query");
    return c.json({ data: await listCauses(surroundings(c.env).ledger(), alias) }, 200);
  });
  app.openapi(routes.deadLetter, async (c) => {
    const { id } = c.req.valid("param");
    const letter = await getDeadLetter(surroundings(c.env).ledger(), id);
    return c.json(found(letter, "dead letter of run", id), 200);
  });
  app.openapi(routes.rejections, async (c) => {
    const { limit, cursor, ...filters } = c.req.valid("query");
    return c.json(await listRejections(surroundings(c.env).ledger(), filters, { limit, cursor }), 200);
  });

  app.openapi(routes.metrics, async (c) => {
    const { env, now } = open(c);
    return c.text(await metrics(env.ledger(), now()), 200, { "content-type": METRICS_TYPE });
  });

  operate(app, open);
  administer(app, open);

  app.doc31("/openapi.json", {
    openapi: "3.1.0",
    info: { title: "Weir", version: "1", description: "Edge event router for object storage" },
  });
  app.openAPIRegistry.registerComponent("securitySchemes", "key", {
    type: "http",
    scheme: "bearer",
    description: "An API key. A requirement's list names the scope that the key must have.",
  });

  app.notFound((c) =>
    problem({
      kind: "not_found",
      detail: `there is no ${c.req.method} ${c.req.path}`,
      next: "see /openapi.json",
    }),
  );
  app.onError((error, c) => {
    if (error instanceof FailureError) return problem(error.failure);
    // What @hono/zod-openapi throws for a body that is not JSON at all.
    if ("getResponse" in error && "status" in error && error.status === 400) {
      return problem({
        kind: "invalid",
        detail: "the body is not valid JSON",
        where: "body",
        expected: "a JSON object",
      });
    }
    console.error(JSON.stringify({ log: "http.error", path: c.req.path, error: String(error) }));
    if (isPassing(error)) return problem(storeFailure(error));
    return problem({
      kind: "internal",
      detail: "something of ours broke; nothing was changed by halves",
      next: "try again; the log has the cause",
    });
  });
  return app;
}

/** Every door that takes JSON but the webhooks, which have rules of their own. */
const JSON_DOORS = [
  "pipelines",
  "filters",
  "objects",
  "runs",
  "replays",
  "audits",
  "dead-letters",
  "keys",
].map((name) => `/v1/${name}/*`);

function found<T>(value: T | null, what: string, id: string): T {
  if (value === null)
    throw new FailureError({ kind: "not_found", detail: `there is no ${what} ${id.slice(0, 120)}` });
  return value;
}

/** What is said of a body that is wrong in many places. */
const MAX_ISSUES = 10;

function invalidInput(target: string, issues: readonly { path: PropertyKey[]; message: string }[]): Failure {
  const where = (path: PropertyKey[]) => [target, ...path.map(String)].join(".");
  const shown = issues.slice(0, MAX_ISSUES).map((issue) => `${where(issue.path)}: ${issue.message}`);
  const detail = [...shown, ...(issues.length > MAX_ISSUES ? ["and more"] : [])].join("; ");
  return { kind: "invalid", detail, where: where(issues[0]?.path ?? []), next: "see /openapi.json" };
}
