// The OpenAPI document of the HTTP API: of every route by its schemas. The router serves it at /openapi.json, and `weir
// generate` makes the typed client (src/client) out of the same.
import { OpenAPIHono } from "@hono/zod-openapi";
import * as erasures from "./erasures/routes.ts";
import * as keys from "./keys/routes.ts";
import * as live from "./live/routes.ts";
import * as operate from "./operate/routes.ts";
import * as read from "./read/routes.ts";
import type { RouterApp } from "./router-app.ts";
import * as search from "./search/routes.ts";
import * as status from "./status/routes.ts";
import * as uploads from "./uploads/routes.ts";

const ABOUT = {
  openapi: "3.1.0",
  info: { title: "Weir", version: "1", description: "Edge event router for object storage" },
};

/** Serves the description of every route that was added, as of the address that it is asked at. */
export function describeApi(app: RouterApp): void {
  app.doc31("/openapi.json", (c) => ({ ...ABOUT, servers: [{ url: new URL(c.req.url).origin }] }));
  addScheme(app);
}

/** The document without a server: the same wherever Weir runs. */
export function apiDocument() {
  const app: RouterApp = new OpenAPIHono();
  for (const routes of [read, operate, erasures, keys, search, live, status, uploads])
    for (const route of Object.values(routes)) app.openAPIRegistry.registerPath(route);
  addScheme(app);
  return app.getOpenAPI31Document(ABOUT);
}

const addScheme = (app: RouterApp) =>
  app.openAPIRegistry.registerComponent("securitySchemes", "key", {
    type: "http",
    scheme: "bearer",
    description: "An API key. A requirement's list names the scope that the key must have.",
  });
