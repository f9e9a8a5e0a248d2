import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestHarness, type TestHarness } from "wrangler";
import { type Source, startSource } from "./source.ts";

let harness: TestHarness;
let server: Source;

beforeAll(async () => {
  server = await startSource();
  const base = new URL(
    server.answer("/v1/split", (request, response) => {
      const seen = { method: request.method, url: request.url, type: request.headers["content-type"] };
      response.writeHead(422, { "content-type": "application/problem+json" });
      request.on("data", (body) => response.end(JSON.stringify({ ...seen, body: String(body) })));
    }),
  );
  const configPath = new URL("../../workers/compute/wrangler.toml", import.meta.url);
  harness = createTestHarness({ workers: [{ configPath, vars: { COMPUTE_URL: base.origin } }] });
  await harness.listen();
}, 30_000);
afterAll(async () => {
  await harness.close();
  await server.close();
});

interface Bindings {
  COMPUTE: { getByName(name: string): { fetch(url: string, init: RequestInit): Promise<Response> } };
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

  test("has no door of its own", async () => {
    const answer = await harness.fetch("/v1/split", { method: "POST" });
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({
      status: 404,
      detail: expect.stringContaining("COMPUTE binding"),
    });
  });
});
