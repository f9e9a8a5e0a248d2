// Models behind an OpenAI-compatible endpoint, asked by the pipeline's own client. The endpoint is a stand-in at the
// network's edge: it answers as the API reference of OpenAI says, and refuses as its providers do.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { makeVideo } from "../../cli/sample-media/media.ts";
import { type Failure, FailureError, verdictOf } from "../../src/shapes/failure.ts";
import { type Models, modelsSchema } from "../../src/shapes/model.ts";
import { quantised } from "../../src/shapes/vector.ts";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { provenanceOf } from "../../workers/pipeline/context.ts";
import { type EmbedderOptions, embedder, mapStore } from "../support/embedder.ts";
import { png } from "../support/png.ts";
import { HEADERS, post, type Source, startSource } from "./source.ts";

const KEY = "sk-a-secret-of-the-test";
interface Asked {
  headers: IncomingHttpHeaders;
  body: { model: string; input: unknown[]; dimensions?: number };
}
type Answer = { status: number; headers?: Record<string, string>; body: unknown } | undefined;

let url: string;
let asked: Asked[] = [];
/** What the endpoint answers in place of vectors, by what it is asked. */
let instead: (request: Asked, count: number) => Answer = () => undefined;

/** Four numbers that tell one input from another. */
const vectorOf = (input: unknown) => {
  const text = typeof input === "string" ? input : JSON.stringify(input);
  return [text.length, text.charCodeAt(0), text.charCodeAt(text.length - 1), 1];
};
const unit = (values: number[]) => values.map((value) => value / Math.hypot(...values));

const endpoint = createServer(async (request, response) => {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  const one: Asked = { headers: request.headers, body: JSON.parse(Buffer.concat(pieces).toString()) };
  asked.push(one);
  const { status, headers, body } = instead(one, asked.length) ?? {
    status: 200,
    body: {
      object: "list",
      model: one.body.model,
      // In no order: each says which input it is of.
      data: one.body.input
        .map((input, index) => ({ object: "embedding", index, embedding: vectorOf(input) }))
        .reverse(),
      usage: { prompt_tokens: 1, total_tokens: 1 },
    },
  };
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
});

let source: Source;
let server: RunningServer;
let folder: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => endpoint.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/v1/embeddings`;
  folder = await mkdtemp(join(tmpdir(), "weir-test-"));
  source = await startSource();
  server = await startServer({
    port: 0,
    log: () => {},
    allowOrigins: [source.origin],
    models: { models: {}, root: "." },
  });
});
afterAll(async () => {
  await server.close();
  await source.close();
  endpoint.closeAllConnections();
  endpoint.close();
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  asked = [];
  instead = () => undefined;
});

type Options = Partial<Pick<EmbedderOptions, "results" | "allowed">> & { secrets?: Record<string, string> };

function client(model: object = {}, { secrets = { ACME_KEY: KEY }, ...more }: Options = {}) {
  const acme = { kind: "http", url, model: "acme-embed-3", key: "ACME_KEY", dimensions: 4, ...model };
  const models: Models = modelsSchema.parse({ "acme/embed": acme });
  const { embeddings, counts } = embedder({
    models,
    allowed: ["acme/embed"],
    random: () => 0.01,
    fetch: async (request) =>
      fetch(server.url + new URL(request.url).pathname, {
        method: "POST",
        headers: HEADERS,
        body: await request.text(),
      }),
    endpoint: { secret: (name) => secrets[name] },
    ...more,
  });
  const text = (value: string) => embeddings.embed("text", { text: value }, "acme/embed");
  return { embeddings, counts, text };
}
const failureOf = (work: Promise<unknown>): Promise<Failure> =>
  work.then(
    () => Promise.reject(new Error("it was embedded")),
    (error: unknown) => {
      if (error instanceof FailureError) return error.failure;
      throw error;
    },
  );

describe("texts", () => {
  test("go to the endpoint together, with the key, and come back each to its own", async () => {
    const { text } = client({ parameters: { dimensions: 4 } });
    const words = ["one", "two", "three"];
    const vectors = await Promise.all(words.map(text));
    expect(vectors.map((vector) => [...vector])).toEqual(
      words.map((word) => unit(vectorOf(word)).map((value) => expect.closeTo(value, 6))),
    );
    expect(asked).toHaveLength(1);
    expect(asked[0]?.headers.authorization).toBe(`Bearer ${KEY}`);
    expect(asked[0]?.body).toEqual({ model: "acme-embed-3", input: words, dimensions: 4 });
  });

  test("are as many in a request as models.json says, and left at their length where it says so", async () => {
    const { text } = client({ batch: 10, normalise: false });
    const words = Array.from({ length: 35 }, (_, n) => `word ${n}`);
    const vectors = await Promise.all(words.map(text));
    expect(vectors.map((vector) => [...vector])).toEqual(words.map(vectorOf));
    expect(asked.map(({ body }) => body.input.length)).toEqual([10, 10, 10, 5]);
  });

  test("asked again are known, and the endpoint is not asked", async () => {
    const results = mapStore();
    const first = client({}, { results });
    const vector = await first.text("once");
    await first.embeddings.settled();
    asked = [];
    const again = client({}, { results });
    expect(await again.text("once")).toEqual(vector);
    expect(again.counts).toEqual({ asked: 1, known: 1 });
    expect(asked).toEqual([]);
    // Another definition is another model.
    const other = client({ parameters: { task: "query" } }, { results });
    await other.text("once");
    expect(other.counts).toEqual({ asked: 1, known: 0 });
  });

  test("in base64 are read as well", async () => {
    const bytes = Buffer.from(new Float32Array([3, 4, 0, 0]).buffer).toString("base64");
    instead = () => ({ status: 200, body: { data: [{ index: 0, embedding: bytes }] } });
    expect([...(await client().text("x"))].map((value) => Math.round(value * 10))).toEqual([6, 8, 0, 0]);
  });
});

describe("pictures and spans", () => {
  test("go as JPEG in data URLs, in the form that the endpoint takes", async () => {
    const picture = source.put(
      "/red.png",
      png(64, 32, () => [255, 0, 0]),
    );
    for (const image of ["string", "object"] as const) {
      const { embeddings } = client({ takes: ["image"], image, size: 32 });
      await embeddings.embed("image", { url: picture }, "acme/embed");
      const [input] = asked.at(-1)?.body.input ?? [];
      const sent = image === "object" ? (input as { image: string }).image : String(input);
      const [, base64 = ""] = /^data:image\/jpeg;base64,(.+)$/.exec(sent) ?? [];
      const seen = source.put("/sent.jpg", Buffer.from(base64, "base64"));
      const { lines } = await post(server.url, "/v1/image", { url: seen });
      expect(lines[0]).toMatchObject({ format: "jpeg", width: 32, height: 16 });
      expect(lines[0].colors[0].hex).toMatch(/^#f[a-f0-9]0[0-9a-f]0[0-9a-f]$/);
    }
  });

  test("a span's vector is the mean of its frames'", async () => {
    const path = join(folder, "film.mp4");
    await makeVideo(path, { seconds: 8, width: 96, height: 64, fps: 5, scenes: 4, gopSeconds: 2 });
    const film = source.put("/film.mp4", await readFile(path));
    const { embeddings } = client({ takes: ["image"], normalise: false });
    const [one, two] = await Promise.all(
      [0, 4].map((start) =>
        embeddings.embed("video", { url: film, span: { start, end: start + 4 } }, "acme/embed"),
      ),
    );
    const inputs = asked.flatMap(({ body }) => body.input);
    expect(inputs).toHaveLength(4);
    const mean = (some: unknown[]) =>
      [0, 1, 2, 3].map(
        (i) => some.reduce<number>((sum, it) => sum + (vectorOf(it)[i] ?? 0), 0) / some.length,
      );
    expect([...(one ?? [])]).toEqual(mean(inputs.slice(0, 2)));
    expect([...(two ?? [])]).toEqual(mean(inputs.slice(2)));
    const rows = inputs.slice(2).flatMap((input) => [...quantised(Float32Array.from(vectorOf(input)))]);
    expect(two && provenanceOf(two).frames).toEqual({ seconds: [4, 6], values: Int8Array.from(rows) });
  });

  test("one that cannot be decoded fails alone", async () => {
    const good = source.put(
      "/good.png",
      png(8, 8, () => [9, 9, 9]),
    );
    const bad = source.put("/bad.png", Buffer.from("no picture"));
    const { embeddings } = client({ takes: ["image"] });
    const [a, b] = [good, bad].map((one) => embeddings.embed("image", { url: one }, "acme/embed"));
    expect(await failureOf(b as Promise<unknown>)).toMatchObject({ kind: "bad_media", where: "bad.png" });
    expect(await a).toHaveLength(4);
  });
});

describe("what the endpoint says decides what is done next", () => {
  const error = (message: string) => ({ error: { message, type: "x" } });
  test.each<[number, Failure["kind"], unknown, RegExp]>([
    [401, "bad_model", error(`Incorrect API key provided: ${KEY}`), /Incorrect API key provided: …$/],
    [
      403,
      "bad_model",
      { errors: [{ code: 10000, message: "Authentication error" }] },
      /Authentication error/,
    ],
    [404, "bad_model", error("The model `x` does not exist"), /does not exist/],
    [400, "invalid", error("too many tokens"), /answered 400: too many tokens/],
    [422, "invalid", { detail: "input: not a string" }, /input: not a string/],
    [413, "too_large", "<html>nginx</html>", /answered 413$/],
    [302, "bad_model", "", /answered 302/],
    [500, "unavailable", "", /answered 500/],
    [503, "unavailable", "", /answered 503/],
    [429, "overloaded", error("Rate limit reached"), /Rate limit reached/],
  ])("%d is %s", async (status, kind, body, detail) => {
    instead = () => ({ status, body, headers: { location: "http://127.0.0.1:9/elsewhere" } });
    const failure = await failureOf(client().text("x"));
    expect(failure).toMatchObject({ kind });
    expect(failure.detail).toMatch(detail);
    expect(JSON.stringify(failure)).not.toContain(KEY);
    // What passes is asked again, and nothing else is.
    expect(asked).toHaveLength(["unavailable", "overloaded"].includes(kind) ? 5 : 1);
    if (kind === "overloaded") expect(verdictOf(kind)).toBe("wait");
  });

  test("Retry-After is waited for where that is short, and handed on to the run where it is long", async () => {
    instead = (_, count) =>
      count < 3 ? { status: 429, headers: { "retry-after": "1" }, body: "" } : undefined;
    const began = performance.now();
    expect(await client().text("x")).toHaveLength(4);
    expect(performance.now() - began).toBeGreaterThan(1900);
    asked = [];
    instead = () => ({ status: 429, headers: { "retry-after": "3600" }, body: "" });
    expect(await failureOf(client().text("x"))).toMatchObject({
      kind: "overloaded",
      retry_after_seconds: 3600,
    });
    expect(asked).toHaveLength(1);
  });

  test("one input that it will not take is found, and the others are embedded", async () => {
    instead = ({ body }) =>
      body.input.includes("poison") ? { status: 400, body: error("bad input") } : undefined;
    const { text } = client();
    const words = Array.from({ length: 20 }, (_, n) => (n === 13 ? "poison" : `word ${n}`));
    const ended = await Promise.allSettled(words.map(text));
    expect(ended.flatMap(({ status }, n) => (status === "rejected" ? [words[n]] : []))).toEqual(["poison"]);
    expect(asked.length).toBeLessThan(12);
  });

  test("what it answered before it broke off is kept, and only the rest is asked of it again", async () => {
    const results = mapStore();
    const words = Array.from({ length: 20 }, (_, n) => `word ${n}`);
    instead = ({ body }) =>
      body.input.includes("word 15")
        ? { status: 503, headers: { "retry-after": "60" }, body: "" }
        : undefined;
    const first = client({ batch: 10 }, { results });
    const ended = await Promise.allSettled(words.map(first.text));
    await first.embeddings.settled();
    expect(ended.filter(({ status }) => status === "fulfilled")).toHaveLength(10);
    instead = () => undefined;
    asked = [];
    const second = client({ batch: 10 }, { results });
    await Promise.all(words.map(second.text));
    expect(second.counts).toEqual({ asked: 20, known: 10 });
    expect(asked.flatMap(({ body }) => body.input)).toEqual(words.slice(10));
  });

  test.each<[string, unknown, RegExp]>([
    [
      "another number of numbers",
      { data: [{ index: 0, embedding: [1, 2, 3] }] },
      /gives 3 numbers; models.json says 4/,
    ],
    ["none", { data: [] }, /gives 0 embeddings for 1 inputs/],
    [
      "one twice",
      { data: [0, 0].map((index) => ({ index, embedding: [1, 2, 3, 4] })) },
      /gives 2 embeddings for 1/,
    ],
    ["something else", { result: "ok" }, /something else than embeddings/],
    ["no JSON", "<html></html>", /something else than embeddings/],
  ])("an answer with %s is a bad model", async (_, body, detail) => {
    instead = () => ({ status: 200, body });
    const failure = await failureOf(client().text("x"));
    expect(failure).toMatchObject({ kind: "bad_model" });
    expect(failure.detail).toMatch(detail);
  });

  test("nobody there is unavailable; a key that is not set is said by its name, before anybody is asked", async () => {
    const gone = client({ url: "http://127.0.0.1:9/v1/embeddings" });
    expect(await failureOf(gone.text("x"))).toMatchObject({ kind: "unavailable" });
    const unset = client({}, { secrets: {} });
    expect(await failureOf(unset.text("x"))).toMatchObject({ kind: "bad_model", where: "ACME_KEY" });
    expect(asked).toEqual([]);
  });
});

describe("a model that needs a key", () => {
  test("is for the pipelines that name it: for others it is not there, and they are told what to write", async () => {
    const { embeddings } = client({}, { allowed: undefined });
    const failure = await failureOf(embeddings.embed("text", { text: "x" }, "acme/embed"));
    expect(failure).toMatchObject({ kind: "unknown_model", next: expect.stringContaining('"models"') });
    expect(asked).toEqual([]);
  });

  test.each<[unknown, RegExp]>([
    ["", /0 characters/],
    ["x".repeat(100_001), /100001 characters/],
    [undefined, /undefined/],
  ])("is not asked of %j", async (value, detail) => {
    const { text } = client();
    const [failure, other] = await Promise.all([failureOf(text(value as string)), text("beside it")]);
    expect(failure).toMatchObject({ kind: "invalid" });
    expect(failure.detail).toMatch(detail);
    expect(other).toHaveLength(4);
  });
});
