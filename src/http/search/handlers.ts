// The handler of the route by which a collection is asked: it passes the question to src/query.
import { searchCollection } from "../../query/search.ts";
import type { OpenDeps, RouterApp } from "../router-app.ts";
import * as routes from "./routes.ts";

export function addSearchRoutes(app: RouterApp, open: OpenDeps): void {
  app.openapi(routes.search, async (c) => {
    const answer = await searchCollection(c.req.valid("param").name, c.req.valid("json"), open(c));
    return c.json(answer, 200);
  });
}
