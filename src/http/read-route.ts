// What routes that only read have in common.
import { createRoute, type z } from "@hono/zod-openapi";
import { operationOf, type PathOf } from "./gate/scopes.ts";
import { json, problems } from "./schemas.ts";

/** A read: GET, one 200 answer, the shared problems. */
export function read<
  P extends PathOf<"GET">,
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodType,
>(path: P, summary: string, params: Params, query: Query, body: Body) {
  return createRoute({
    method: "get",
    path,
    summary,
    ...operationOf("GET", path),
    request: { params, query },
    responses: { 200: json(body, summary), ...problems },
  });
}
