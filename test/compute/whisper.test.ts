// Speech by a Whisper model of ONNX files: the pipeline's own client against a real compute server, whose model is a tiny
// one that follows how loud it is (tiny-whisper.ts). No real weights: what they hear is not tested here.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeVideo } from "../../cli/sample-media/media.ts";
import { FailureError, verdictOf } from "../../src/shapes/failure.ts";
import { type Models, modelsSchema } from "../../src/shapes/model.ts";
import { beforeLoop, type Grammar, nextToken } from "../../workers/compute/server/inference/next-token.ts";
import { spokenIn } from "../../workers/compute/server/inference/spoken.ts";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import type { ComputeFetch } from "../../workers/pipeline/compute.ts";
import { embedder, mapStore } from "../support/embedder.ts";
import { tinyWhisper, whisperEntry } from "../support/tiny-whisper.ts";
import { HEADERS, post, type Source, startSource } from "./source.ts";

/** When somebody speaks in the film, seconds: the first two in one window, the others in one each. */
const VOICES = [
  [3.2, 5],
  [6.4, 7.4],
  [20.1, 22.4],
  [38.5, 39.5],
] as const;

let folder: string;
let source: Source;
let server: RunningServer;
let film: string;
let models: Models;
let asked: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-whisper-"));
  source = await startSource();
  const files = tinyWhisper();
  await mkdir(join(folder, "models"));
  for (const [name, bytes] of Object.entries(files))
    await writeFile(join(folder, "models", name.split("/").at(-1) ?? ""), bytes);
  const plain = whisperEntry(files);
  models = modelsSchema.parse({
    "acme/ears": plain,
    "acme/keeps": whisperEntry(files, "onnx/decoder_model_merged.onnx"),
    "acme/brief": { ...plain, max_length: 12 },
    "acme/loops": whisperEntry(files, "onnx/decoder_model_loops.onnx"),
    "acme/english": {
      ...plain,
      tokens: { ...plain.tokens, transcribe: undefined, languages: {}, start: plain.tokens.transcribe },
    },
    "acme/wide": { ...plain, mels: 128 },
    "acme/swapped": { ...plain, decoder: plain.encoder },
    "acme/damaged": { ...plain, encoder: { ...plain.encoder, sha256: "0".repeat(64) } },
  });
  server = await startServer({
    port: 0,
    log: () => {},
    allowOrigins: [source.origin],
    models: { models, root: folder },
  });
  const path = join(folder, "film.mp4");
  const said = (second: number) => VOICES.some(([from, to]) => from <= second && second < to);
  const audio = (second: number) =>
    (said(second) ? 0.3 : 0.001) * (Math.sin(second * 300 * Math.PI) + Math.sin(second * 900 * Math.PI));
  await makeVideo(path, { seconds: 45, width: 64, height: 48, fps: 2, scenes: 2, audio });
  film = source.put("/film.mp4", await readFile(path));
}, 60_000);
afterAll(async () => {
  await server.close();
  await source.close();
  await rm(folder, { recursive: true });
});

const toCompute: ComputeFetch = async (request) => {
  const { pathname } = new URL(request.url);
  asked.push(pathname);
  return fetch(server.url + pathname, { method: "POST", headers: HEADERS, body: await request.text() });
};
function client(results = mapStore(), known = models) {
  asked = [];
  return embedder({ models: known, allowed: undefined, results, random: () => 0.01, fetch: toCompute })
    .transcriptions;
}
const refused = (work: Promise<unknown>) =>
  work.then(
    () => Promise.reject(new Error("it was transcribed")),
    (error: unknown) => {
      if (error instanceof FailureError) return error.failure;
      throw error;
    },
  );

describe("a film's speech, by a Whisper model in compute", () => {
  test("has its text with the film's seconds, its language, and no silence", async () => {
    const { segments, words, language, heardSeconds } = await client().transcribe(
      { url: film },
      { model: "acme/ears" },
    );
    expect(segments.map(({ text }) => text)).toEqual(VOICES.map(() => "hello world"));
    for (const [i, [from, to]] of VOICES.entries()) {
      expect(Math.abs((segments[i]?.start ?? 0) - from), `start ${i}`).toBeLessThan(0.12);
      expect(Math.abs((segments[i]?.end ?? 0) - to), `end ${i}`).toBeLessThan(0.12);
    }
    expect(language).toBe("de");
    expect(heardSeconds).toBeLessThan(15);
    // Words share their segment's time.
    expect(words.length).toBe(2 * VOICES.length);
    expect(words.slice(0, 2)).toEqual([
      { text: "hello", start: segments[0]?.start, end: words[1]?.start },
      { text: "world", start: words[0]?.end, end: segments[0]?.end },
    ]);
  });

  test("of a chunk alone, in the language that is given", async () => {
    const transcript = await client().transcribe(
      { url: film, span: { start: 15, end: 30 } },
      { model: "acme/ears", language: "en-GB" },
    );
    expect(transcript).toMatchObject({ text: "hello world", language: "en" });
    expect(transcript.segments[0]?.start).toBeCloseTo(20.1, 0);
  });

  test("by a decoder that keeps what it has computed, which is fed what is new", async () => {
    const { segments, language } = await client().transcribe(
      { url: film, span: { start: 15, end: 30 } },
      { model: "acme/keeps" },
    );
    expect([segments.map(({ text }) => text), language]).toEqual([["hello world"], "de"]);
  });

  test("by a decoder that takes few tokens: a window goes on where its last whole part ended", async () => {
    const span = { start: 0, end: 15 };
    const brief = await client().transcribe({ url: film, span }, { model: "acme/brief" });
    expect(brief.segments.map(({ text }) => text)).toEqual(["hello world", "hello world"]);
    // Where the sound begins loud, the tiny model knows no beginning.
    expect(brief.segments[1]?.start).toBeGreaterThan(6.3);
    expect(Math.abs((brief.segments[1]?.end ?? 0) - 7.4)).toBeLessThan(0.12);
  });

  test("by a model of English alone, and by one with 128 bands for one with 80, which fails for good", async () => {
    const span = { start: 15, end: 30 };
    const english = await client().transcribe({ url: film, span }, { model: "acme/english" });
    expect(english).toMatchObject({ text: "hello world", language: "en" });
    const failure = await refused(client().transcribe({ url: film, span }, { model: "acme/wide" }));
    expect(failure).toMatchObject({ kind: "bad_model", detail: expect.stringContaining("encoder_model") });
    expect(verdictOf(failure.kind)).toBe("dead");
  });

  test("is cut where a model repeats itself without end", async () => {
    const { text } = await client().transcribe(
      { url: film, span: { start: 15, end: 30 } },
      { model: "acme/loops" },
    );
    expect(text).toBe("hello");
  });

  test("is kept: asked again, nothing is computed", async () => {
    const head = await fetch(film, { headers: { range: "bytes=0-0" } });
    const size = Number(head.headers.get("content-range")?.split("/")[1]);
    const opened = {
      connection: "c",
      bucket: "b",
      key: "film.mp4",
      etag: head.headers.get("etag") ?? "",
      size,
    };
    const results = mapStore();
    const ask = () => {
      const transcriptions = client(results);
      transcriptions.opened(film, opened);
      return transcriptions.transcribe({ url: film }, { model: "acme/ears" });
    };
    const first = await ask();
    expect(asked.filter((path) => path === "/v1/transcribe")).toHaveLength(3);
    expect(await ask()).toEqual(first);
    expect(asked).toEqual([]);
  });
});

describe("what cannot be heard says why", () => {
  const span = { start: 15, end: 30 };
  test("a language that the model does not know", async () => {
    const failure = await refused(
      client().transcribe({ url: film, span }, { model: "acme/ears", language: "fr" }),
    );
    expect(failure).toMatchObject({ kind: "invalid", where: "language", expected: "de, en" });
  });

  test("files that are something else", async () => {
    const swapped = await refused(client().transcribe({ url: film, span }, { model: "acme/swapped" }));
    expect(swapped).toMatchObject({
      kind: "bad_model",
      detail: expect.stringContaining("asks for an input input_features"),
      next: expect.stringContaining("decoder_model_merged.onnx"),
    });
    const damaged = await refused(client().transcribe({ url: film, span }, { model: "acme/damaged" }));
    expect(damaged).toMatchObject({ kind: "bad_model", detail: expect.stringContaining("SHA-256") });
  });

  test("a model that is none, another definition, and a body that is no WAV", async () => {
    const wav = Buffer.alloc(44).toString("base64");
    const ask = async (body: object) => {
      const { status, lines } = await post(server.url, "/v1/transcribe", body);
      return [status, lines[0].failure.kind];
    };
    expect(await ask({ model: "acme/none", audio: wav })).toEqual([422, "unknown_model"]);
    expect(await ask({ model: "acme/ears", definition: "other", audio: wav })).toEqual([503, "overloaded"]);
    expect(await ask({ model: "acme/ears", audio: wav })).toEqual([400, "invalid"]);
    expect(await ask({ model: "acme/ears", audio: "?" })).toEqual([400, "invalid"]);
  });
});

describe("which token is next", () => {
  const grammar: Grammar = { end: 5, zero: 8, latestFirst: 10, never: new Set([6]), notFirst: new Set([1]) };
  const after = (written: number[], likely: Record<number, number>) =>
    nextToken(
      Float32Array.from({ length: 20 }, (_, i) => likely[i] ?? -20),
      written,
      grammar,
    );
  test.each([
    ["the first is a time, and an early one", [], { 2: 9, 15: 8, 9: 1 }, 9],
    ["text follows a time that opens", [8], { 12: 9, 2: 1 }, 2],
    ["what may not be first is not", [8], { 1: 9, 2: 1 }, 2],
    ["but later it may be", [8, 2], { 1: 9, 2: 1 }, 1],
    ["what is suppressed never is", [8, 2], { 6: 9, 3: 1 }, 3],
    ["behind a time that closes come another or the end", [8, 2, 12], { 2: 9, 12: 1, 5: 0.5 }, 12],
    ["or the end", [8, 2, 12], { 2: 9, 12: 1, 5: 3 }, 5],
    ["times do not go back", [8, 2, 12, 12, 3], { 11: 9, 13: 8, 2: 1 }, 13],
    ["many times together outweigh a word", [8, 2], { 3: 5, 12: 4.5, 13: 4.5, 14: 4.4 }, 12],
    ["a single one does not", [8, 2], { 3: 5, 12: 4.5 }, 3],
    [
      "numbers that are none end it",
      [8, 2],
      Object.fromEntries(
        Array(20)
          .fill(0)
          .map((_, i) => [i, NaN]),
      ),
      5,
    ],
  ] as [string, number[], Record<number, number>, number][])("%s", (_, written, likely, expected) => {
    expect(after(written, likely)).toBe(expected);
  });

  test("a loop is cut behind its first turn, and emphasis is none", () => {
    expect(beforeLoop([8, 2, ...Array(6).fill(3)])).toEqual([8, 2, 3]);
    expect(beforeLoop([8, ...Array(6).fill([1, 2, 3]).flat()])).toEqual([8, 1, 2, 3]);
    expect(beforeLoop([8, 2, ...Array(5).fill(3)])).toBeUndefined();
  });
});

describe("which parts were said", () => {
  const of = (written: number[]) => spokenIn(written, { zero: 100, seconds: 20 });
  test.each([
    ["one, and the window is over", [100, 1, 2, 150], [[0, 1]], undefined],
    [
      "two",
      [100, 1, 150, 160, 2, 200],
      [
        [0, 1],
        [1.2, 2],
      ],
      undefined,
    ],
    [
      "a pair at the end: the window goes on there",
      [100, 1, 150, 200, 2, 400, 400],
      [
        [0, 1],
        [2, 6],
      ],
      6,
    ],
    ["text without an end is left to the next window", [100, 1, 200, 200, 2], [[0, 2]], 2],
    ["unless nothing else was said", [110, 1, 2], [[0.2, 20]], undefined],
    [
      "or so little that the window would hardly move",
      [100, 1, 110, 110, 2],
      [
        [0, 0.2],
        [0.2, 20],
      ],
      undefined,
    ],
    ["times behind the sound are its end", [100, 1, 1400], [[0, 20]], undefined],
    ["nothing", [], [], undefined],
  ] as [string, number[], number[][], number | undefined][])("%s", (_, written, times, goOn) => {
    const spoken = of(written);
    expect(spoken.parts.map(({ start, end }) => [start, end])).toEqual(
      times.map((pair) => pair.map((time) => expect.closeTo(time, 6))),
    );
    expect(spoken.goOn).toEqual(goOn === undefined ? undefined : expect.closeTo(goOn, 6));
  });
});
