// Access to compute: for its Worker, and the command that started it, by the token that they share. A page in a
// browser has none, whatever it sends and whatever name it has found for this machine. app.ts puts it before the routes.
import { createHash, timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import type { Failure } from "../../../src/shapes/failure.ts";
import { refusal } from "./requests.ts";

/** Names of this machine for itself. Any other, in a request, came from a DNS that somebody else answers. */
const LOOPBACK = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i;
/** Headers that browsers alone send, and no page can leave out. */
const BROWSER_HEADERS = ["origin", "sec-fetch-site"];

/** Refuses what comes from a browser, and, where only this machine is served, what names it otherwise (DNS rebinding). */
export function refuseBrowsers({ loopback }: { loopback: boolean }): MiddlewareHandler {
  return async (c, next) => {
    const header = BROWSER_HEADERS.find((name) => c.req.header(name) !== undefined);
    if (header !== undefined) return refusal(forbidden("Compute answers no page of a browser.", header));
    if (loopback && !LOOPBACK.test(c.req.header("host") ?? ""))
      return refusal(forbidden("Compute is not reached by this name.", "host"));
    return next();
  };
}

/** Refuses callers that do not show the token. */
export function requireToken(token: string): MiddlewareHandler {
  const expected = digest(`Bearer ${token}`);
  return async (c, next) => {
    if (timingSafeEqual(digest(c.req.header("authorization") ?? ""), expected)) return next();
    return refusal({
      kind: "unproven",
      detail: "The request does not show compute's token.",
      where: "authorization",
      next: "Send the COMPUTE_TOKEN that compute was started with, as a bearer token.",
    });
  };
}

const digest = (text: string) => createHash("sha256").update(text).digest();

const forbidden = (detail: string, where: string): Failure => ({ kind: "forbidden", detail, where });
