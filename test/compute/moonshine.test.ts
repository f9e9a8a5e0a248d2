// Speech by a Moonshine model of ONNX files: the pipeline's own client against a real compute server, whose model is a tiny
// one of the published layout (tiny-moonshine.ts). No real weights: what they hear is not tested here.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeVideo } from "../../cli/sample-media/media.ts";
import { FailureError } from "../../src/shapes/failure.ts";
import { type Models, modelsSchema } from "../../src/shapes/model.ts";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { phrasesIn } from "../../workers/compute/server/voice.ts";
import { embedder, mapStore } from "../support/embedder.ts";
import { moonshineEntry, tinyMoonshine } from "../support/tiny-moonshine.ts";
import { HEADERS, type Source, startSource } from "./source.ts";

/** When somebody speaks in the film, seconds, and how loudly: the first two in one window, with a pause in between. */
const VOICES = [
  [3.2, 5, 0.3],
  [6.4, 7.4, 0.45],
  [20.1, 22.4, 0.3],
] as const;
const TEXTS = ["hello world", "loud world", "hello world"];

let folder: string;
let source: Source;
let server: RunningServer;
let film: string;
let models: Models;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-moonshine-"));
  source = await startSource();
  const files = tinyMoonshine();
  await mkdir(join(folder, "models"));
  for (const [name, bytes] of Object.entries(files))
    await writeFile(join(folder, "models", name.split("/").at(-1) ?? ""), bytes);
  const entry = moonshineEntry(files);
  models = modelsSchema.parse({
    "acme/ears": entry,
    "acme/plain": moonshineEntry(files, "onnx/decoder_model.onnx"),
    "acme/masked": moonshineEntry(files, "onnx/decoder_model_masked.onnx", "onnx/encoder_model_masked.onnx"),
    "acme/talks": { ...moonshineEntry(files, "onnx/decoder_model_talks.onnx"), tokens_per_second: 2 },
    "acme/brief": { ...moonshineEntry(files, "onnx/decoder_model_talks.onnx"), max_length: 8 },
    "acme/german": { ...entry, language: "de" },
    "acme/swapped": { ...entry, encoder: entry.decoder },
  });
  server = await startServer({
    port: 0,
    log: () => {},
    allowOrigins: [source.origin],
    models: { models, root: folder },
  });
  const path = join(folder, "film.mp4");
  const audio = (second: number) => {
    const [, , size = 0.001] = VOICES.find(([from, to]) => from <= second && second < to) ?? [];
    return size * (Math.sin(second * 300 * Math.PI) + Math.sin(second * 900 * Math.PI));
  };
  await makeVideo(path, { seconds: 30, width: 64, height: 48, fps: 2, scenes: 2, audio });
  film = source.put("/film.mp4", await readFile(path));
}, 60_000);
afterAll(async () => {
  await server.close();
  await source.close();
  await rm(folder, { recursive: true });
});

function hear(model: string, more: { language?: string; span?: { start: number; end: number } } = {}) {
  const { transcriptions } = embedder({
    models,
    allowed: undefined,
    results: mapStore(),
    random: () => 0.01,
    fetch: async (request) =>
      fetch(server.url + new URL(request.url).pathname, {
        method: "POST",
        headers: HEADERS,
        body: await request.text(),
      }),
  });
  const { span, language } = more;
  return transcriptions.transcribe(
    { url: film, ...(span && { span }) },
    { model, ...(language !== undefined && { language }) },
  );
}
const refused = (work: Promise<unknown>) =>
  work.then(
    () => Promise.reject(new Error("it was transcribed")),
    (error: unknown) => {
      if (error instanceof FailureError) return error.failure;
      throw error;
    },
  );

describe("a film's speech, by a Moonshine model in compute", () => {
  test.each(["acme/ears", "acme/plain", "acme/masked"])(
    "has its text phrase by phrase, with the seconds of the voice: %s",
    async (model) => {
      const { segments, words, language, heardSeconds } = await hear(model);
      expect(segments.map(({ text }) => text)).toEqual(TEXTS);
      for (const [i, [from, to]] of VOICES.entries()) {
        expect(Math.abs((segments[i]?.start ?? 0) - from), `start ${i}`).toBeLessThan(0.1);
        expect(Math.abs((segments[i]?.end ?? 0) - to), `end ${i}`).toBeLessThan(0.1);
      }
      expect(language).toBe("en");
      expect(heardSeconds).toBeLessThan(10);
      // Words share their phrase's time.
      expect(words.slice(0, 2)).toEqual([
        { text: "hello", start: segments[0]?.start, end: words[1]?.start },
        { text: "world", start: words[0]?.end, end: segments[0]?.end },
      ]);
    },
  );

  test("of a chunk alone, in the language that it knows", async () => {
    const transcript = await hear("acme/german", { span: { start: 15, end: 30 }, language: "de-AT" });
    expect(transcript).toMatchObject({ text: "hello world", language: "de" });
    expect(transcript.segments[0]?.start).toBeCloseTo(20.1, 1);
  });

  test("has no more tokens than so much speech can have, and than the decoder takes", async () => {
    const span = { start: 15, end: 30 };
    const { text, heardSeconds } = await hear("acme/talks", { span });
    expect(text.split(" ").length).toBe(Math.ceil(heardSeconds * 2));
    expect((await hear("acme/brief", { span })).text.split(" ")).toHaveLength(7);
  });
});

describe("what cannot be heard says why", () => {
  test("a language that the model does not know", async () => {
    expect(await refused(hear("acme/ears", { language: "fr" }))).toMatchObject({
      kind: "invalid",
      where: "language",
      expected: "en",
    });
  });

  test("files in each other's place", async () => {
    expect(await refused(hear("acme/swapped"))).toMatchObject({
      kind: "bad_model",
      detail: expect.stringContaining("Moonshine's encoder takes input_values"),
    });
  });
});

describe("phrases of a sound", () => {
  const sound = (...voices: [from: number, to: number][]) =>
    Int16Array.from({ length: 10 * 16_000 }, (_, i) =>
      voices.some(([from, to]) => from * 16_000 <= i && i < to * 16_000) ? 9000 * Math.sin(i / 9) : 0,
    );
  test.each([
    ["one", [[1, 2]], [[0, 10]]],
    [
      "two, cut in the middle of the pause",
      [
        [1, 2],
        [4, 5],
      ],
      [
        [0, 3],
        [3, 10],
      ],
    ],
    [
      "a pause of half a second is none",
      [
        [1, 2],
        [2.5, 3],
      ],
      [[0, 10]],
    ],
    ["none: all of it is one", [], [[0, 10]]],
  ] as [string, [number, number][], [number, number][]][])("%s", (_, voices, expected) => {
    const phrases = phrasesIn(sound(...voices));
    expect(phrases.map(({ from, to }) => [from / 16_000, to / 16_000])).toEqual(
      expected.map((pair) => pair.map((second) => expect.closeTo(second, 1))),
    );
    const [first] = voices;
    if (first) expect((phrases[0]?.voice.from ?? 0) / 16_000).toBeCloseTo(first[0], 1);
  });
});
