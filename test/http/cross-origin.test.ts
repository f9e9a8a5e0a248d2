// Which pages of other origins may call the API, and with what: by the router's own middleware, in front of a route that
// refuses whoever has no key.
import { Hono } from "hono";
import { expect, test } from "vitest";
import { crossOrigin } from "../../src/http/gate/cross-origin.ts";

const APP = "https://app.example.com";
const app = new Hono();
app.use("/v1/*", crossOrigin);
app.use("/v1/*", async (c, next) =>
  c.req.header("authorization")
    ? next()
    : c.json({ detail: "no key" }, 401, { "www-authenticate": "Bearer" }),
);
app.get("/v1/runs", (c) => c.json({ data: [] }));
app.get("/metrics", (c) => c.text("weir_runs_total 1"));

const SET = { WEIR_ALLOWED_ORIGINS: `${APP}, http://localhost:3000 ` };
const ask = (path: string, origin: string, env: object, more: RequestInit = {}) =>
  app.request(path, { ...more, headers: { origin, ...(more.headers as Record<string, string>) } }, env);
const preflight = (origin: string, env: object) =>
  ask("/v1/runs", origin, env, {
    method: "OPTIONS",
    headers: {
      "access-control-request-method": "PUT",
      "access-control-request-headers": "authorization,x-amz-meta-color",
    },
  });
const allowed = (response: Response) => response.headers.get("access-control-allow-origin");

test("an origin that is named may ask, with a key and without, and hears why it is refused", async () => {
  const may = await preflight(APP, SET);
  expect([may.status, allowed(may)]).toEqual([204, APP]);
  expect(may.headers.get("access-control-allow-methods")).toBe("GET,POST,PUT");
  expect(may.headers.get("access-control-allow-headers")).toBe("authorization,x-amz-meta-color");
  expect(may.headers.get("access-control-max-age")).toBe("600");
  const answer = await ask("/v1/runs", "http://localhost:3000", SET, {
    headers: { authorization: "Bearer k" },
  });
  expect([answer.status, allowed(answer)]).toEqual([200, "http://localhost:3000"]);
  expect(answer.headers.get("vary")?.toLowerCase()).toContain("origin");
  const refused = await ask("/v1/runs", APP, SET);
  expect([refused.status, allowed(refused)]).toEqual([401, APP]);
  expect(refused.headers.get("access-control-expose-headers")).toContain("www-authenticate");
});

test("credentials of a browser are never asked for", async () => {
  for (const response of [await preflight(APP, SET), await ask("/v1/runs", APP, SET)])
    expect(response.headers.get("access-control-allow-credentials")).toBeNull();
});

test.each([
  ["another origin", "https://evil.example.com", SET],
  ["another scheme", "http://app.example.com", SET],
  ["a name that ends so", "https://app.example.com.evil.com", SET],
  ["no origin at all", "null", SET],
  ["any, where none is set", APP, {}],
  ["any, where all are meant to be", APP, { WEIR_ALLOWED_ORIGINS: "*" }],
  ["one that is set with a path", APP, { WEIR_ALLOWED_ORIGINS: `${APP}/` }],
  ["a named one, in local work", APP, { ...SET, WEIR_LOCAL: "1" }],
])("%s may not", async (_, origin, env) => {
  const may = await preflight(origin, env);
  expect([may.status, allowed(may)]).toEqual([401, null]);
  expect(allowed(await ask("/v1/runs", origin, env, { headers: { authorization: "Bearer k" } }))).toBeNull();
});

test("what is not of the API stays as it is", async () => {
  expect(allowed(await ask("/metrics", APP, SET))).toBeNull();
});
