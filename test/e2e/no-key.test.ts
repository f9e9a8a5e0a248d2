// A Weir without an API key is closed, not open.
import { afterAll, beforeAll, expect, test } from "vitest";
import { startWeir, type Weir } from "../support/weir.ts";

let weir: Weir;
beforeAll(async () => {
  weir = await startWeir({ WEIR_API_KEY: "" });
}, 120_000);
afterAll(() => weir?.close());

test("without a configured key, what needs one is refused as ours to fix, and webhooks still work", async () => {
  const response = await weir.fetch("/v1/events", { headers: { authorization: "Bearer " } });
  expect(response.status).toBe(503);
  expect(await response.text()).toContain("wrangler secret put WEIR_API_KEY");
  expect((await weir.api("/v1/events")).status).toBe(503);
  expect((await weir.fetch("/healthz")).status).toBe(200);
  const object = {
    bucket: "test-media",
    key: "x.bin",
    size: 1,
    eTag: "e",
    eventTime: new Date().toISOString(),
  };
  expect((await weir.deliver("conn_media", weir.s3Records(object))).status).toBe(202);
});
