// The bearer key of the read and operate API. Without a configured key these routes are closed, not open.
import { timingSafeEqual } from "node:crypto";
import { createMiddleware } from "hono/factory";
import { type Surroundings, surroundings } from "../env.ts";
import { problem } from "./problem.ts";

export const requireKey = createMiddleware<{ Bindings: object }>(async (c, next) => {
  const refused = await check(c.req.header("authorization"), surroundings(c.env));
  return refused ?? next();
});

async function check(authorization: string | undefined, env: Surroundings): Promise<Response | undefined> {
  const key = env.setting("WEIR_API_KEY");
  if (key === undefined) {
    return problem({
      kind: "unavailable",
      detail: "this Weir has no API key, so it serves nothing that needs one",
      next: "set one: `npx wrangler secret put WEIR_API_KEY`, locally a line in .weir/dev.env",
      retry_after_seconds: 60,
    });
  }
  const given = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
  if (given !== undefined && timingSafeEqual(await digest(given), await digest(key))) return undefined;
  return problem({
    kind: "unproven",
    detail: given === undefined ? "the request has no API key" : "the API key is not valid",
    where: "Authorization",
    expected: "Bearer and this Weir's API key",
  });
}

const digest = async (text: string) =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
