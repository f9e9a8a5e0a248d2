// The router's Hono app and what its handlers open per request: the types that app.ts and every room of routes share.
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { RouterDeps } from "../routing/deps.ts";

export type RouterApp = OpenAPIHono<{ Bindings: object }>;
export type OpenDeps = (c: Context) => RouterDeps;
