// Handlers of the routes of erasures. The audit row names the erasure, never what it erases.
import { beginErasure, describeErasure } from "../../erasure/manage.ts";
import { notFound } from "../../shapes/failure.ts";
import { receiptKeyOf } from "../../shapes/receipt.ts";
import { getErasure } from "../../store/erasure/record.ts";
import type { OpenDeps, RouterApp } from "../router-app.ts";
import * as routes from "./routes.ts";

export function addErasureRoutes(app: RouterApp, open: OpenDeps): void {
  app.openapi(routes.createErasure, async (c) => {
    const deps = open(c);
    const erasure = await beginErasure(c.req.valid("json"), c.get("caller"), deps);
    const { connection, dry_run } = erasure;
    c.set("audit", { target: erasure.id, detail: { connection, dry_run } });
    return c.json(await describeErasure(erasure, deps), 202);
  });
  app.openapi(routes.erasure, async (c) => {
    const deps = open(c);
    const { id } = c.req.valid("param");
    const erasure = await getErasure(deps.env.ledger(), id);
    if (!erasure) throw notFound(`erasure ${id}`);
    return c.json(await describeErasure(erasure, deps), 200);
  });
  app.openapi(routes.erasureKey, async (c) =>
    c.json(await receiptKeyOf(open(c).env.required("WEIR_SIGNING_KEY")), 200),
  );
}
