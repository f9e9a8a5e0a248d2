// Handlers of the routes that only read: pipelines, events, runs, items, dead letters. Each passes its question to
// src/query and answers with the result.

import { pipelineByAlias } from "../../dispatch/pipelines.ts";
import { openEnv } from "../../env.ts";
import { describeItem, describeLineage, listItems, openCollectionNamed } from "../../query/collections.ts";
import { getDeadLetter, listCauses, listDeadLetters } from "../../query/dead-letters.ts";
import { diffFilters } from "../../query/diff.ts";
import { answerFilterTest } from "../../query/filters.ts";
import { listFound } from "../../query/found-items.ts";
import { readIndexLags } from "../../query/index-lag.ts";
import { getEvent, getRun, listEvents, listRejections, listRuns } from "../../query/ledger.ts";
import { renderMetrics } from "../../query/metrics.ts";
import { lookAtObject } from "../../query/object-now.ts";
import { listObjects } from "../../query/pipeline-objects.ts";
import { listVersions } from "../../query/versions.ts";
import { explainDecision } from "../../query/why.ts";
import { costOf } from "../../shapes/cost.ts";
import { notFound } from "../../shapes/failure.ts";
import { listSpentToday } from "../../store/ledger/budgets.ts";
import { listPaused } from "../../store/ledger/pauses.ts";
import { openStores } from "../../store/stores.ts";
import type { OpenDeps, RouterApp } from "../router-app.ts";
import * as routes from "./routes.ts";

/** Prometheus's text format, version 0.0.4. */
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Adds every route that only reads. */
export function addReadRoutes(app: RouterApp, open: OpenDeps): void {
  addPipelineRoutes(app, open);
  addEventRoutes(app, open);
  addItemRoutes(app, open);
  addDeadLetterRoutes(app, open);
}

function addPipelineRoutes(app: RouterApp, open: OpenDeps): void {
  app.openapi(routes.pipelines, async (c) => {
    const deps = open(c);
    const { env, pipelines } = deps;
    const [pauses, today, spending] = await Promise.all([
      listPaused(env.ledger()),
      listSpentToday(env.ledger(), deps.now()),
      openStores(deps).shards.spending(),
    ]);
    const paused = new Map(pauses.map((pause) => [pause.alias, pause]));
    const spent = new Map(spending.map((one) => [one.alias, one]));
    const data = pipelines.all.map(({ alias, version, config, problems }) => {
      const pause = paused.get(alias);
      const state = pause ? { reason: pause.reason, at: new Date(pause.at).toISOString() } : null;
      const { runs = 0, measures = {} } = spent.get(alias) ?? {};
      const usd = costOf(measures, runs, pipelines.prices);
      const cost = { runs, usd, usd_today: config.budget ? (today.get(alias) ?? 0) : null, measures };
      const held = problems && { problems: [...problems] };
      return { alias, version, config, ...held, paused: state, cost };
    });
    return c.json({ data }, 200);
  });
  app.openapi(routes.versions, async (c) => {
    const { env, connections, pipelines, now } = open(c);
    const pipeline = pipelineByAlias(c.req.valid("param").alias, pipelines);
    const how = { now: now(), prices: pipelines.prices };
    return c.json({ data: await listVersions(openStores({ env, connections }), pipeline, how) }, 200);
  });
  app.openapi(routes.objects, async (c) => {
    const { env, connections, pipelines } = open(c);
    const pipeline = pipelineByAlias(c.req.valid("param").alias, pipelines);
    const { stale, ...query } = c.req.valid("query");
    return c.json(
      await listObjects(openStores({ env, connections }), pipeline, { ...query, stale: stale === "true" }),
      200,
    );
  });
  app.openapi(routes.filterTest, async (c) => {
    const { env, connections, pipelines } = open(c);
    return c.json(
      await answerFilterTest(c.req.valid("json"), pipelines, openStores({ env, connections })),
      200,
    );
  });
  app.openapi(routes.filterDiff, async (c) => {
    const { pipelines, connections, env, now } = open(c);
    const request = c.req.valid("json");
    const pipeline = pipelineByAlias(request.alias, pipelines);
    const { collection } = openCollectionNamed(
      pipeline.config.destination.collection,
      pipelines,
      connections,
      env,
    );
    const deps = { pipeline, collection, stores: openStores({ env, connections }), now: now() };
    return c.json(await diffFilters(request, deps), 200);
  });
  app.openapi(routes.look, async (c) => {
    const { connections, env, now } = open(c);
    return c.json(await lookAtObject(c.req.valid("json"), connections, env, now()), 200);
  });
}

function addEventRoutes(app: RouterApp, open: OpenDeps): void {
  app.openapi(routes.events, async (c) => {
    const { limit, cursor, ...filters } = c.req.valid("query");
    return c.json(await listEvents(openStores(open(c)), filters, { limit, cursor }), 200);
  });
  app.openapi(routes.event, async (c) => {
    const { id } = c.req.valid("param");
    return c.json(orNotFound(await getEvent(openStores(open(c)), id), "event", id), 200);
  });
  app.openapi(routes.why, async (c) => {
    const { id, alias } = c.req.valid("param");
    const { env, connections, pipelines } = open(c);
    return c.json(await explainDecision(openStores({ env, connections }), id, alias, pipelines), 200);
  });
  app.openapi(routes.runs, async (c) => {
    const { limit, cursor, ...filters } = c.req.valid("query");
    return c.json(await listRuns(openStores(open(c)), filters, { limit, cursor }), 200);
  });
  app.openapi(routes.run, async (c) => {
    const { id } = c.req.valid("param");
    return c.json(orNotFound(await getRun(openStores(open(c)), id), "run", id), 200);
  });
  app.openapi(routes.rejections, async (c) => {
    const { limit, cursor, ...filters } = c.req.valid("query");
    return c.json(await listRejections(openEnv(c.env).ledger(), filters, { limit, cursor }), 200);
  });
  app.openapi(routes.metrics, async (c) => {
    const deps = open(c);
    const lags = await readIndexLags(deps);
    return c.text(await renderMetrics(openStores(deps), deps.now(), lags, deps.pipelines.prices), 200, {
      "content-type": METRICS_TYPE,
    });
  });
}

function addItemRoutes(app: RouterApp, open: OpenDeps): void {
  app.openapi(routes.items, async (c) => {
    const { name } = c.req.valid("param");
    const { vectors, stale, ...query } = c.req.valid("query");
    const deps = open(c);
    const opened = openCollectionNamed(name, deps.pipelines, deps.connections, deps.env);
    const page = { ...query, stale: stale === "true", vectors: vectors === "true" };
    const isFound = query.filter !== undefined || query.sort !== undefined;
    if (isFound) return c.json(await listFound(name, opened, page, deps), 200);
    return c.json(await listItems(name, opened, page), 200);
  });
  app.openapi(routes.item, async (c) => {
    const { name, id } = c.req.valid("param");
    const { pipelines, connections, env } = open(c);
    const item = orNotFound(
      await openCollectionNamed(name, pipelines, connections, env).collection.get(id),
      "item",
      id,
    );
    return c.json(describeItem(item, c.req.valid("query").vectors === "true"), 200);
  });
  app.openapi(routes.itemLineage, async (c) => {
    const { name, id } = c.req.valid("param");
    const { pipelines, connections, env } = open(c);
    return c.json(
      describeLineage(
        orNotFound(
          await openCollectionNamed(name, pipelines, connections, env).collection.get(id),
          "item",
          id,
        ),
      ),
      200,
    );
  });
}

function addDeadLetterRoutes(app: RouterApp, open: OpenDeps): void {
  app.openapi(routes.deadLetters, async (c) => {
    const { limit, cursor, ...filters } = c.req.valid("query");
    return c.json(await listDeadLetters(openStores(open(c)), filters, { limit, cursor }), 200);
  });
  app.openapi(routes.deadLetterCauses, async (c) => {
    const { alias } = c.req.valid("query");
    return c.json({ data: await listCauses(openStores(open(c)), alias) }, 200);
  });
  app.openapi(routes.deadLetter, async (c) => {
    const { id } = c.req.valid("param");
    const letter = await getDeadLetter(openStores(open(c)), id);
    return c.json(orNotFound(letter, "dead letter of run", id), 200);
  });
}

function orNotFound<T>(value: T | null, what: string, id: string): T {
  if (value === null) throw notFound(`${what} ${id.slice(0, 120)}`);
  return value;
}
