import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestHarness, type TestHarness } from "wrangler";
import type { ResultStore } from "../../src/shapes/results.ts";
import { type Source, startSource } from "./source.ts";

let harness: TestHarness;
let server: Source;
let authorization: string | undefined;

beforeAll(async () => {
  server = await startSource();
  const base = new URL(
    server.answer("/v1/split", (request, response) => {
      const seen = { method: request.method, url: request.url, type: request.headers["content-type"] };
      authorization = request.headers.authorization;
      response.writeHead(422, { "content-type": "application/problem+json" });
      request.on("data", (body) => response.end(JSON.stringify({ ...seen, body: String(body) })));
    }),
  );
  const configPath = new URL("../../workers/compute/wrangler.toml", import.meta.url);
  const vars = { COMPUTE_URL: base.origin, COMPUTE_TOKEN: "shared", RESULTS_MB: "1" };
  harness = createTestHarness({ workers: [{ configPath, vars }] });
  await harness.listen();
}, 30_000);
afterAll(async () => {
  await harness.close();
  await server.close();
});

interface Bindings {
  COMPUTE: { getByName(name: string): { fetch(url: string, init: RequestInit): Promise<Response> } };
  RESULTS: { getByName(name: string): ResultStore };
}

describe("the compute Worker", () => {
  test("hands a pipeline's call on to the compute server, and its answer back as it is", async () => {
    const { COMPUTE } = (await harness.getWorker("weir-compute").getEnv()) as unknown as Bindings;
    const body = JSON.stringify({ url: "https://example.com/a.mp4" });
    const headers = { "content-type": "application/json" };
    const init = { method: "POST", body, headers };
    const answer = await COMPUTE.getByName("bucket/a.mp4").fetch("https://compute/v1/split?x=1", init);
    expect(answer.status).toBe(422);
    expect(await answer.json()).toEqual({
      method: "POST",
      url: "/v1/split?x=1",
      type: "application/json",
      body,
    });
  });

  test("shows the server their token, whatever the caller shows", async () => {
    const { COMPUTE } = (await harness.getWorker("weir-compute").getEnv()) as unknown as Bindings;
    const init = { method: "POST", body: "{}", headers: { authorization: "Bearer guessed" } };
    await COMPUTE.getByName("bucket/a.mp4").fetch("https://compute/v1/split", init);
    expect(authorization).toBe("Bearer shared");
  });

  test("has no door of its own", async () => {
    const answer = await harness.fetch("/v1/split", { method: "POST" });
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({
      status: 404,
      detail: expect.stringContaining("COMPUTE binding"),
    });
  });
});

describe("what was made", () => {
  const store = async (name: string) => {
    const { RESULTS } = (await harness.getWorker("weir-compute").getEnv()) as unknown as Bindings;
    return RESULTS.getByName(name);
  };
  const key = (n: number) => n.toString(16).padStart(64, "0");
  const vector = (n: number) => new Uint8Array(new Float32Array(512).fill(n).buffer);

  test("is found again by its key, byte for byte, and nothing else is", async () => {
    const results = await store("one");
    await results.keep([1, 2, 3].map((n) => ({ key: key(n), vector: vector(n) })));
    await results.keep([{ key: key(2), vector: vector(20) }]);
    const found = await results.find([key(3), key(2), key(9)]);
    expect(found.map((one) => [one.key, one.vector]).sort()).toEqual([
      [key(2), vector(20)],
      [key(3), vector(3)],
    ]);
    expect(await (await store("other")).find([key(3)])).toEqual([]);
    const frames = new Uint8Array([1, 2, 3]);
    await results.keep([{ key: key(4), vector: vector(4), frames }]);
    expect(await results.find([key(4)])).toEqual([{ key: key(4), vector: vector(4), frames }]);
    expect(await results.find([])).toEqual([]);
  });

  test("stays within its bound: what was kept first goes first, some at a time", async () => {
    const results = await store("full");
    // Two kilobytes each, of the megabyte that this one has.
    for (let from = 0; from < 1000; from += 100) {
      const some = Array.from({ length: 100 }, (_, i) => ({ key: key(from + i), vector: vector(i) }));
      await results.keep(some);
    }
    const kept = await results.find(Array.from({ length: 1000 }, (_, n) => key(n)));
    expect(kept.length).toBeGreaterThan(200);
    expect(kept.length).toBeLessThan(520);
    const numbers = kept.map((one) => Number.parseInt(one.key, 16));
    expect(Math.min(...numbers)).toBeGreaterThan(400);
    expect(Math.max(...numbers)).toBe(999);
  });
});
