// Handlers of the routes that see to the index of a collection: where it differs, and building it anew.
import { compareIndex, openIndexNamed, reindex } from "../../query/indexes.ts";
import type { OpenDeps, RouterApp } from "../router-app.ts";
import * as routes from "./routes.ts";

export function addIndexRoutes(app: RouterApp, open: OpenDeps): void {
  app.openapi(routes.compareIndex, async (c) => {
    const searched = openIndexNamed(c.req.valid("param").name, open(c));
    return c.json(await compareIndex(searched, c.req.valid("query").cursor), 200);
  });
  app.openapi(routes.reindex, async (c) => {
    const deps = open(c);
    const { name } = c.req.valid("param");
    const answer = await reindex(openIndexNamed(name, deps), c.req.valid("json").begin, deps.now);
    c.set("audit", { target: name, detail: { sets: answer.brought } });
    return c.json(answer, 200);
  });
}
