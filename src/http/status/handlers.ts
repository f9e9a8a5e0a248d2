// Handlers of the routes of how things are: they pass each question to src/query.
import { pipelineByAlias } from "../../dispatch/pipelines.ts";
import { listConnections } from "../../query/connections.ts";
import { locate } from "../../query/locate.ts";
import { readOverview } from "../../query/overview.ts";
import { describePipeline } from "../../query/pipeline.ts";
import type { OpenDeps, RouterApp } from "../router-app.ts";
import * as routes from "./routes.ts";

export function addStatusRoutes(app: RouterApp, open: OpenDeps): void {
  app.openapi(routes.locate, async (c) => {
    const { q, limit } = c.req.valid("query");
    return c.json(await locate(q, limit, open(c)), 200);
  });
  app.openapi(routes.overview, async (c) =>
    c.json(await readOverview(c.req.valid("query").hours, open(c)), 200),
  );
  app.openapi(routes.connections, async (c) =>
    c.json({ data: await listConnections(new URL(c.req.url).origin, open(c)) }, 200),
  );
  app.openapi(routes.pipeline, async (c) => {
    const deps = open(c);
    return c.json(
      await describePipeline(pipelineByAlias(c.req.valid("param").alias, deps.pipelines), deps),
      200,
    );
  });
}
