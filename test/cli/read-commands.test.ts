// Commands that show what happened and run a pipeline once, against a server in place of the router: what is asked of
// the API, and what a person sees of its answer. And `weir put --wait`, from the event to the items.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { follow } from "../../cli/local/follow.ts";
import { clientOf } from "../../cli/operate/client.ts";
import { itemData, withoutNumbers } from "../../cli/operate/item-data.ts";
import { project } from "./support/given.ts";
import { weirHere } from "./support/run.ts";

type Answers = Record<string, unknown>;

/** A router that answers each path with a value, or with a status and a value; asked paths are kept. */
async function router(answers: Answers) {
  const calls: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "");
    calls.push(`${request.method} ${path}`);
    const [, answer] = Object.entries(answers).find(([start]) => path.startsWith(start)) ?? [];
    const [status, body] = Array.isArray(answer) ? answer : [answer === undefined ? 404 : 200, answer ?? {}];
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  }).listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise((resolve) => server.once("listening", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const weir = (...words: string[]) =>
    weirHere(["--root", project(), ...words], { WEIR_URL: url, WEIR_API_KEY: "k" });
  return { calls, url, weir };
}

const event = {
  id: "evt_1",
  received_at: "2026-01-02T03:04:05.000Z",
  time: "2026-01-02T03:04:05.000Z",
  type: "created",
  operation: "ObjectCreated:Put",
  sender: "s3",
  connection: "inbox",
  bucket: "media",
  key: "a.mp4",
  etag: "e1",
  outcome: { matched: ["one"], refused: [{ alias: "two", reason: "extension is mp4" }], refused_count: 1 },
};

test("weir events lists what was reported, and what each runs", async () => {
  const { weir, calls } = await router({ "/v1/events": { data: [event] } });
  const { code, stdout } = await weir("events", "--key", "a.mp4", "--limit", "3");
  expect(code).toBe(0);
  expect(calls).toEqual(["GET /v1/events?key=a.mp4&limit=3"]);
  expect(stdout).toMatch(/created +s3 by inbox +media\/a\.mp4 +one +evt_1$/m);
});

test("weir events show says who refused the event, and why", async () => {
  const { weir } = await router({ "/v1/events/evt_1": event });
  const { stdout } = await weir("events", "show", "evt_1");
  expect(stdout).toMatch(/^runs +one$/m);
  expect(stdout).toMatch(/^refused +two: extension is mp4$/m);
});

test("weir rejections says what was refused, where, and what was expected", async () => {
  const failure = {
    kind: "unproven",
    detail: "The clock is off.",
    where: "webhook-timestamp",
    expected: "now",
  };
  const row = { connection: "inbox", scheme: "standard-webhooks", failure, count: 2, at: event.time };
  const { weir } = await router({ "/v1/rejections": { data: [row] } });
  const { stdout } = await weir("rejections");
  expect(stdout).toMatch(/inbox +standard-webhooks +2 +The clock is off\. +webhook-timestamp +now$/m);
});

test("weir lineage says where an item came from", async () => {
  const lineage = {
    item_id: "i1",
    object: { connection: "inbox", bucket: "media", key: "a.mp4", etag: "e1", version_id: null, size: 9 },
    event: { id: "evt_1", time: event.time },
    run: { id: "run_1", stored_at: event.time },
    pipeline: { alias: "one", version: "v1", commit: "" },
    vectors: [{ path: "embedding", dims: 512, model: "m" }],
  };
  const { weir } = await router({ "/v1/collections/data/items/i1/lineage": lineage });
  const { stdout } = await weir("lineage", "data", "i1");
  expect(stdout).toMatch(/^code +one version v1, commit none$/m);
  expect(stdout).toMatch(/^vector +embedding, 512 numbers by m$/m);
});

test("weir invoke prints a vector by its length and model; with --full, its numbers", async () => {
  const numbers = Array.from({ length: 512 }, (_, index) => index / 512);
  const pipeline = { alias: "one", config: { destination: { collection: "data" } } };
  const vectors = [{ path: "embedding", dims: 512, model: "m" }];
  const { weir } = await router({
    "/v1/pipelines/one/invoke": {
      status: "succeeded",
      run_id: "run_1",
      processed_data: [{ start: 0, embedding: numbers }],
      error_details: null,
    },
    "/v1/pipelines": { data: [pipeline] },
    "/v1/collections/data/items": { data: [{ pipeline: "one", position: 0, data: {}, vectors }] },
  });
  const brief = await weir("invoke", "one", "media/a.mp4");
  expect(JSON.parse(brief.stdout)).toEqual([{ start: 0, embedding: { vector: 512, model: "m" } }]);
  const full = await weir("invoke", "one", "media/a.mp4", "--full");
  expect(JSON.parse(full.stdout)).toEqual([{ start: 0, embedding: numbers }]);
});

test("weir invoke of a run that fails says what failed, and ends with 1", async () => {
  const error_details = {
    kind: "handler_failed",
    detail: "Error: boom",
    where: "at handler (worker.js:1:1)",
  };
  const { weir } = await router({
    "/v1/pipelines/one/invoke": [500, { status: "dead", run_id: "run_1", processed_data: [], error_details }],
  });
  const { code, stdout, stderr } = await weir("invoke", "one", "--payload", '{"a":1}');
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toContain("The run run_1 failed, handler_failed: Error: boom");
  expect(stderr).toContain("at handler (worker.js:1:1)");
});

test.each([
  [["invoke", "one"], "Give bucket/key, or --payload"],
  [["invoke", "one", "media"], "Write bucket/key"],
  [["invoke", "one", "--payload", "{a}"], "cannot be read as JSON"],
])("%s is refused before anything is sent", async (words, message) => {
  const { weir, calls } = await router({});
  const { code, stderr } = await weir(...words);
  expect({ code, calls }).toEqual({ code: 2, calls: [] });
  expect(stderr).toContain(message);
});

test("weir open prints a URL whose fragment is a key that may only read", async () => {
  const { weir, url } = await router({ "/v1/keys": [201, { key: "weirkey_1" }] });
  const { stdout } = await weir("open", "--no-browser");
  expect(stdout).toBe(`${url}/#key=weirkey_1\n`);
});

test("an item's stored vectors, which the API leaves out, are shown in their places", () => {
  const data = { parts: [{ embedding: null, text: null }], nothing: null };
  const vectors = [{ path: "parts.0.embedding", dims: 8, model: null, span: null, recipe: null }];
  expect(itemData({ data, vectors })).toEqual({
    parts: [{ embedding: { vector: 8 }, text: null }],
    nothing: null,
  });
  expect(withoutNumbers([{ box: [1, 2, 3, 4], words: [] }], new Map())).toEqual([
    { box: [1, 2, 3, 4], words: [] },
  ]);
});

test("an upload is followed from its own event to the items of its runs", async () => {
  const run = { id: "run_1", alias: "one", status: "succeeded", attempt: 1, items: 1, log: [] };
  const item = { id: "i1", pipeline: "one", position: 0, data: {}, vectors: [] };
  const { url } = await router({
    "/v1/events": { data: [{ ...event, id: "evt_other", etag: "e0" }, event] },
    "/v1/runs?event_id=evt_1": { data: [run] },
    "/v1/pipelines": { data: [{ alias: "one", config: { destination: { collection: "data" } } }] },
    "/v1/collections/data/items": { data: [item, { ...item, pipeline: "two" }] },
  });
  const target = { bucket: "media", key: "a.mp4" };
  const followed = await follow(clientOf(url, "k"), { target, etag: "e1", since: Date.parse(event.time) });
  expect(followed).toMatchObject({
    event: { id: "evt_1" },
    runs: [{ id: "run_1" }],
    stored: [{ alias: "one", collection: "data", items: [{ id: "i1", pipeline: "one" }] }],
  });
  expect(followed.stored[0]?.items).toHaveLength(1);
});
