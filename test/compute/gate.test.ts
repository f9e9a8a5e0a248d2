// Who compute lets in: its Worker, by the token that they share, and nobody by a browser.
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { HEADERS } from "./source.ts";

let compute: RunningServer;
beforeAll(async () => {
  compute = await startServer({ port: 0, log: () => {} });
});
afterAll(() => compute.close());

const PAGE = "http://localhost:3000";
const RUN = "9d2f63a1-6f3f-4c7e-9b3d-4b1d5c2f7a10";
const start = { pipeline: "films", event: {}, timeout_ms: 5000, source: "def handler(event): return []" };

/** A turn of a Python run, asked with just these headers; node:http lets a test name any host. */
const ask = (headers: Record<string, string>, path = "/v1/python", method = "POST") =>
  new Promise<{ status: number | undefined; kind: string | undefined }>((resolve, reject) => {
    const asked = request(compute.url + path, { method, headers }, async (response) => {
      const pieces: Buffer[] = [];
      for await (const piece of response) pieces.push(piece as Buffer);
      const { failure } = JSON.parse(String(Buffer.concat(pieces)) || "{}") as { failure?: { kind: string } };
      resolve({ status: response.statusCode, kind: failure?.kind });
    });
    asked.on("error", reject).end(method === "POST" ? JSON.stringify({ run: RUN, start }) : undefined);
  });

describe("a call of compute", () => {
  test.each<[string, Record<string, string>, number]>([
    ["no token", { "content-type": "application/json" }, 401],
    ["another token", { ...HEADERS, authorization: "Bearer guessed" }, 401],
    [
      "the token in another place",
      { "content-type": "application/json", cookie: HEADERS.authorization },
      401,
    ],
    ["a body that is said to be text, as a form's is", { ...HEADERS, "content-type": "text/plain" }, 415],
    ["no word of what its body is", { authorization: HEADERS.authorization }, 415],
    ["the origin of a page", { ...HEADERS, origin: PAGE }, 403],
    ["an origin that hides itself", { ...HEADERS, origin: "null" }, 403],
    ["the mark of a browser", { ...HEADERS, "sec-fetch-site": "same-site" }, 403],
    ["another name of this machine (DNS rebinding)", { ...HEADERS, host: "attacker.example" }, 403],
    ["a name that begins like this machine's", { ...HEADERS, host: "127.0.0.1.attacker.example" }, 403],
  ])("with %s is refused", async (_, headers, status) => {
    expect(await ask(headers)).toMatchObject({ status });
  });

  test("for its health alone needs no token, and yet no page is answered", async () => {
    expect(await ask({}, "/health", "GET")).toMatchObject({ status: 200 });
    expect(await ask({ "sec-fetch-site": "cross-site" }, "/health", "GET")).toMatchObject({ status: 403 });
    expect(await ask({ host: "attacker.example" }, "/health", "GET")).toMatchObject({ status: 403 });
  });

  test("says nothing of what paths there are to who has no token", async () => {
    expect(await ask({}, "/v1/nothing", "GET")).toMatchObject({ status: 401 });
    expect(await ask(HEADERS, "/v1/nothing", "GET")).toMatchObject({ status: 404, kind: "not_found" });
  });
});

test("a server without a token does not start", async () => {
  await expect(startServer({ port: 0, token: "" })).rejects.toThrow("COMPUTE_TOKEN");
});
