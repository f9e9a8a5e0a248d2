// Speech of a film, from its sound to the words and their seconds: the pipeline's own client against a real compute
// server and an endpoint that answers as OpenAI's API reference says. A real engine listens in recognised.test.ts.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { makeImage, makeVideo } from "../../cli/sample-media/media.ts";
import { type Failure, FailureError, verdictOf } from "../../src/shapes/failure.ts";
import { type Models, modelsSchema } from "../../src/shapes/model.ts";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import type { ComputeFetch } from "../../workers/pipeline/compute.ts";
import { type EmbedderOptions, embedder, mapStore } from "../support/embedder.ts";
import { secondsOf, startSpeechEndpoint, verboseJson } from "../support/speech-endpoint.ts";
import { HEADERS, post, type Source, startSource } from "./source.ts";

const KEY = "sk-a-secret-of-the-test";
/** When somebody speaks in the film, seconds. */
const VOICES = [
  [3.25, 5],
  [6.5, 7.25],
  [29.1, 31.4],
  [38.5, 39.5],
] as const;
const FILM_SECONDS = 45;

let folder: string;
let source: Source;
let server: RunningServer;
let film: string;
let endpoint: Awaited<ReturnType<typeof startSpeechEndpoint>>;

/** A "word" at each place where the sound begins after a break. */
function onsets(wav: Buffer) {
  const samples = new Int16Array(Uint8Array.from(wav.subarray(44)).buffer);
  const words: { word: string; start: number; end: number }[] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const [i, sample] of samples.entries()) {
    if (Math.abs(sample) < 2500) continue;
    if (i - last > 8000) words.push({ word: `word${words.length}`, start: i / 16_000, end: i / 16_000 });
    const word = words.at(-1);
    if (word) word.end = i / 16_000;
    last = i;
  }
  return { words };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-test-"));
  source = await startSource();
  endpoint = await startSpeechEndpoint(onsets);
  server = await startServer({
    port: 0,
    log: () => {},
    allowOrigins: [source.origin],
    models: { models: {}, root: "." },
  });
  const path = join(folder, "film.mp4");
  const said = (second: number) => VOICES.some(([from, to]) => from <= second && second < to);
  const audio = (second: number) =>
    (said(second) ? 0.3 : 0.001) * (Math.sin(second * 300 * Math.PI) + Math.sin(second * 900 * Math.PI));
  await makeVideo(path, { seconds: FILM_SECONDS, width: 64, height: 48, fps: 2, scenes: 2, audio });
  film = source.put("/film.mp4", await readFile(path));
}, 60_000);
afterAll(async () => {
  await server.close();
  await source.close();
  endpoint.close();
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  endpoint.requests.length = 0;
  endpoint.answer(() => undefined);
});

type Options = Partial<Pick<EmbedderOptions, "results" | "allowed" | "fetch">> & {
  secrets?: Record<string, string>;
  models?: Models;
};
const toCompute: ComputeFetch = async (request) =>
  fetch(server.url + new URL(request.url).pathname, {
    method: "POST",
    headers: HEADERS,
    body: await request.text(),
  });
const speechModel = (more: object = {}) =>
  modelsSchema.parse({
    "acme/ears": {
      kind: "http",
      task: "transcribe",
      url: endpoint.url,
      model: "whisper-1",
      key: "ACME_KEY",
      timeout_seconds: 20,
      ...more,
    },
  });

function client(model: object = {}, { secrets = { ACME_KEY: KEY }, ...more }: Options = {}) {
  return embedder({
    models: speechModel(model),
    allowed: ["acme/ears"],
    random: () => 0.01,
    fetch: toCompute,
    endpoint: { secret: (name) => secrets[name] },
    ...more,
  }).transcriptions;
}
const failureOf = (work: Promise<unknown>): Promise<Failure> =>
  work.then(
    () => Promise.reject(new Error("it was transcribed")),
    (error: unknown) => {
      if (error instanceof FailureError) return error.failure;
      throw error;
    },
  );

describe("a film's speech", () => {
  test("is found with its seconds, and silence is never sent", async () => {
    const transcript = await client().transcribe({ url: film });
    expect(transcript.words.map(({ start }) => start)).toEqual(
      VOICES.map(([from]) => expect.closeTo(from, 1)),
    );
    expect(transcript.words.map(({ end }) => end)).toEqual(VOICES.map(([, to]) => expect.closeTo(to, 1)));
    expect(transcript.segments.map(({ text, start }) => [text, start])).toEqual([
      ["word0 word1", expect.closeTo(3.25, 1)],
      ["word0", expect.closeTo(29.1, 1)],
      ["word0", expect.closeTo(38.5, 1)],
    ]);
    expect(transcript).toMatchObject({ language: "english", text: "word0 word1 word0 word0" });
    const sent = endpoint.requests.reduce((sum, { wav }) => sum + secondsOf(wav), 0);
    expect(sent).toBeCloseTo(transcript.heardSeconds, 3);
    expect(sent).toBeLessThan(11);
  });

  test("is asked for in the form that the API has, with the key", async () => {
    await client().transcribe({ url: film, span: { start: 36, end: 45 } }, { language: "de" });
    expect(endpoint.requests).toHaveLength(1);
    expect(endpoint.requests[0]).toMatchObject({
      headers: { authorization: `Bearer ${KEY}` },
      fields: {
        model: "whisper-1",
        language: "de",
        response_format: "verbose_json",
        "timestamp_granularities[]": ["word", "segment"],
      },
      file: { name: "speech.wav", type: "audio/wav" },
    });
  });

  test("takes the fields that models.json gives in place of its own", async () => {
    const parameters = { temperature: 0.2, prompt: "Weir", "timestamp_granularities[]": null };
    await client({ parameters }).transcribe({ url: film, span: { start: 36, end: 45 } });
    expect(endpoint.requests[0]?.fields).toEqual({
      model: "whisper-1",
      response_format: "verbose_json",
      temperature: "0.2",
      prompt: "Weir",
    });
  });

  test("of a chunk is that between its seconds, in the film's own time", async () => {
    const { words } = await client().transcribe({ url: film, span: { start: 20, end: 30 } });
    expect(words.map(({ start, end }) => [start, end])).toEqual([
      [expect.closeTo(29.1, 1), expect.closeTo(30, 1)],
    ]);
    const silent = await client().transcribe({ url: film, span: { start: 10, end: 25 } });
    expect(silent).toEqual({ text: "", language: null, segments: [], words: [], heardSeconds: 0 });
    expect(endpoint.requests).toHaveLength(1);
  });
});

describe("what was heard", () => {
  const seen = { connection: "c", bucket: "b", key: "film.mp4" };
  const etagOf = async () => {
    const head = await fetch(film, { headers: { range: "bytes=0-0" } });
    return {
      etag: head.headers.get("etag") ?? "",
      size: Number(head.headers.get("content-range")?.split("/")[1]),
    };
  };

  test("is asked for once: the next attempt asks for the rest, and the one after that for nothing", async () => {
    const results = mapStore();
    const opened = { ...seen, ...(await etagOf()) };
    let computed = 0;
    const fetch: ComputeFetch = (request, turn) => {
      computed++;
      return toCompute(request, turn);
    };
    const attempt = () => {
      const transcriptions = client({}, { results, fetch });
      transcriptions.opened(film, opened);
      return transcriptions.transcribe({ url: film, span: { start: 20, end: 45 } });
    };
    endpoint.answer((_, count) =>
      count > 1 ? { status: 503, headers: { "retry-after": "60" }, body: "" } : undefined,
    );
    expect(await failureOf(attempt())).toMatchObject({ kind: "unavailable", retry_after_seconds: 60 });
    const before = endpoint.requests.length;
    endpoint.answer(() => undefined);
    const transcript = await attempt();
    expect(transcript.words).toHaveLength(2);
    expect(endpoint.requests).toHaveLength(before + 1);
    [endpoint.requests.length, computed] = [0, 0];
    expect(await attempt()).toEqual(transcript);
    expect([endpoint.requests.length, computed]).toEqual([0, 0]);
  });

  test("of another version, another model or another language is heard anew", async () => {
    const results = mapStore();
    const opened = { ...seen, ...(await etagOf()) };
    const span = { start: 36, end: 45 };
    const ask = async (more: object, version = opened, language?: string) => {
      const transcriptions = client(more, { results });
      transcriptions.opened(film, version);
      await transcriptions.transcribe({ url: film, span }, language ? { language } : {});
    };
    await ask({});
    await ask({ parameters: { temperature: 1 } });
    await ask({}, opened, "fr");
    // The run saw another version than compute reads: nothing of it is kept, nor found again.
    await ask({}, { ...opened, etag: '"other"' });
    await ask({}, { ...opened, etag: '"other"' });
    expect(endpoint.requests).toHaveLength(5);
    await ask({});
    expect(endpoint.requests).toHaveLength(5);
  });
});

/** Compute's answer to each request, cut off where its last line is missing. */
const linesOf = (answers: object[][]): ComputeFetch => {
  let count = 0;
  return async () =>
    new Response((answers[count++] ?? []).map((line) => `${JSON.stringify(line)}\n`).join(""));
};
const version = { etag: '"e"', size: 1 };
const windowLine = (start: number, end: number) => {
  const wav = Buffer.alloc(44 + Math.round((end - start) * 32_000));
  wav.write("RIFF", 0, "latin1");
  wav.write("WAVEfmt ", 8, "latin1");
  for (const at of [20, 22]) wav.writeUInt16LE(1, at);
  wav.writeUInt32LE(16_000, 24);
  return { start, end, data: wav.toString("base64"), version };
};

describe("times", () => {
  test("of every window become the film's, whatever the model says, and stay within it", async () => {
    const time = fc.double({ min: -1, max: 12, noNaN: true });
    const drawn = fc.array(
      fc.record({
        gap: fc.double({ min: 0.01, max: 900, noNaN: true }),
        long: fc.double({ min: 0.1, max: 4, noNaN: true }),
        words: fc.array(fc.tuple(time, time), { maxLength: 4 }),
      }),
      { minLength: 1, maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(drawn, async (plans) => {
        let at = 0;
        const windows = plans.map(({ gap, long, words }) => {
          const start = at + gap;
          at = start + long;
          return { start, end: at, words };
        });
        const answers = new Map(
          windows.map((window) => [windowLine(window.start, window.end).data.length, window]),
        );
        endpoint.answer(({ wav }) => {
          const window = answers.get(wav.toString("base64").length);
          const words = (window?.words ?? []).map(([start, end], n) => ({ word: ` w${n} `, start, end }));
          return { status: 200, body: { text: "", words } };
        });
        const fetch = linesOf([
          [...windows.map(({ start, end }) => windowLine(start, end)), { next: null, version }],
        ]);
        const { words, heardSeconds } = await client({}, { fetch }).transcribe({ url: film });
        for (const { start, end } of words) {
          expect(end).toBeGreaterThanOrEqual(start);
          expect(windows.some((each) => each.start - 0.001 <= start && end <= each.end + 0.001)).toBe(true);
        }
        if (answers.size === windows.length) {
          const inside = windows.flatMap(({ start, end, words: own }) =>
            own.map(([from]) => start + Math.min(Math.max(0, from), end - start)),
          );
          expect(words.map(({ start }) => start)).toEqual(inside.map((each) => expect.closeTo(each, 2)));
        }
        expect(heardSeconds).toBeCloseTo(
          windows.reduce((sum, { start, end }) => sum + end - start, 0),
          2,
        );
      }),
      { numRuns: 30 },
    );
  });

  test("are each there once where compute's answer was cut off", async () => {
    endpoint.answer(() => ({
      status: 200,
      body: { text: "hello", words: [{ word: "hello", start: 0.5, end: 1 }] },
    }));
    const fetch = linesOf([
      [windowLine(3, 5), windowLine(8, 10)],
      [windowLine(3, 5), windowLine(8, 10), windowLine(20, 21), { next: 300, version }, { done: 4 }],
      [windowLine(310, 311), { next: null, version }, { done: 2 }],
    ]);
    const { words } = await client({}, { fetch }).transcribe({ url: film });
    expect(words.map(({ start }) => start)).toEqual([3.5, 8.5, 20.5, 310.5]);
    expect(endpoint.requests).toHaveLength(4);
    const never = client({}, { fetch: linesOf([]) });
    expect(await failureOf(never.transcribe({ url: film }))).toMatchObject({ kind: "unavailable" });
  });
});

describe("answers", () => {
  const span = { start: 37, end: 41 };
  const words = [
    { word: "It", start: 0.5, end: 0.7 },
    { word: "is.", start: 0.7, end: 0.9 },
    { word: "Good", start: 1, end: 1.2 },
  ];
  test.each<[string, "form" | "bytes" | "json", object]>([
    ["the whole of the reference's example", "form", verboseJson({ words }, 3)],
    [
      "words inside their segments",
      "form",
      { text: "x", segments: [{ text: " It is. Good", start: 0.5, end: 1.2, words }] },
    ],
    [
      "Workers AI's of whisper",
      "bytes",
      {
        result: { text: "It is. Good", word_count: 3, words, vtt: "WEBVTT" },
        success: true,
        errors: [],
        messages: [],
      },
    ],
    [
      "Workers AI's of whisper-large-v3-turbo",
      "json",
      {
        result: {
          transcription_info: { language: "en", duration: 3 },
          text: "It is. Good",
          word_count: 3,
          segments: [{ start: 0.5, end: 1.2, text: "It is. Good", words }],
          vtt: "WEBVTT",
        },
        success: true,
      },
    ],
  ])("with %s are read", async (_, send, body) => {
    endpoint.answer(() => ({ status: 200, body }));
    const transcript = await client({ send }).transcribe({ url: film, span });
    expect(transcript.words.map(({ text }) => text)).toEqual(["It", "is.", "Good"]);
    expect(transcript.text).toBe("It is. Good");
    const [request] = endpoint.requests;
    const sent =
      send === "json" ? Buffer.from(JSON.parse(String(request?.wav)).audio, "base64") : request?.wav;
    expect(secondsOf(sent ?? Buffer.alloc(0))).toBeCloseTo(transcript.heardSeconds, 3);
  });

  test("without segments become sentences, without words one text, and without text nothing", async () => {
    const ask = async (body: object) => {
      endpoint.answer(() => ({ status: 200, body }));
      const { segments } = await client().transcribe({ url: film, span });
      return segments.map(({ text }) => text);
    };
    expect(await ask({ text: "It is. Good", words })).toEqual(["It is.", "Good"]);
    const letters = ["今日", "は", "晴れ"].map((word, n) => ({ word, start: n / 2, end: n / 2 + 0.4 }));
    expect(await ask({ text: "", words: letters })).toEqual(["今日は晴れ"]);
    expect(await ask({ text: " Only text. " })).toEqual(["Only text."]);
    expect(await ask({ text: "", segments: [] })).toEqual([]);
  });

  const error = (message: string) => ({ error: { message, type: "x" } });
  test.each<[number, Failure["kind"], unknown, RegExp]>([
    [401, "bad_model", error(`Incorrect API key provided: ${KEY}`), /Incorrect API key provided: …$/],
    [404, "bad_model", error("The model `x` does not exist"), /does not exist/],
    [400, "invalid", error("Invalid file format."), /answered 400: Invalid file format/],
    [413, "too_large", "<html>nginx</html>", /answered 413$/],
    [500, "unavailable", "", /answered 500/],
    [429, "overloaded", error("Rate limit reached"), /Rate limit reached/],
    [200, "bad_model", "<html></html>", /something else than a transcript/],
    [200, "bad_model", { data: [] }, /something else than a transcript/],
    [200, "bad_model", { text: "x", words: [{ word: "x", start: "0", end: null }] }, /something else/],
  ])("with %d are %s, as of any model", async (status, kind, body, detail) => {
    endpoint.answer(() => ({ status, body }));
    const failure = await failureOf(client().transcribe({ url: film, span }));
    expect(failure).toMatchObject({ kind });
    expect(failure.detail).toMatch(detail);
    expect(JSON.stringify(failure)).not.toContain(KEY);
    expect(endpoint.requests).toHaveLength(["unavailable", "overloaded"].includes(kind) ? 5 : 1);
    expect(verdictOf(kind)).toBe({ unavailable: "retry", overloaded: "wait" }[kind as string] ?? "dead");
  });

  test("that never come are given up in the time that models.json says", async () => {
    const hanging = startSpeechEndpoint(() => new Promise(() => {}));
    const { url, close } = await hanging;
    const failure = await failureOf(client({ url, timeout_seconds: 1 }).transcribe({ url: film, span }));
    expect(failure).toMatchObject({ kind: "unavailable", detail: expect.stringContaining("did not answer") });
    close();
  });
});

describe("a model for speech", () => {
  const next = expect.stringContaining("models.json");
  test("is the only one there is, or the one that is named", async () => {
    const [ears] = Object.values(speechModel({ key: undefined }));
    if (!ears) throw new Error("no model");
    const two = { "acme/ears": ears, "acme/other": ears };
    const ask = (models: Models, allowed: string[] | undefined, options = {}) =>
      client({}, { models, allowed }).transcribe({ url: film, span: { start: 10, end: 20 } }, options);
    const [builtin] = Object.values(
      modelsSchema.parse({ hog: { kind: "builtin", builtin: "weir/hog-512" } }),
    );
    if (!builtin) throw new Error("no model");
    expect(await failureOf(ask({}, undefined))).toMatchObject({ kind: "unknown_model", next });
    expect(await failureOf(ask({ hog: builtin }, undefined, { model: "hog" }))).toMatchObject({
      kind: "unknown_model",
      next,
    });
    expect(await failureOf(ask(two, undefined))).toMatchObject({ expected: "acme/ears, acme/other" });
    expect(await failureOf(ask(two, undefined, { model: "acme/eyes" }))).toMatchObject({
      detail: /acme\/eyes/,
    });
    expect(await failureOf(ask(two, ["hog"], { model: "acme/ears" }))).toMatchObject({
      where: "config.json",
    });
    expect(await ask(two, ["acme/other"])).toMatchObject({ words: [] });
    expect(await ask(two, undefined, { model: "acme/ears" })).toMatchObject({ words: [] });
    expect(await failureOf(ask(two, undefined, { model: "acme/ears", language: "a b" }))).toMatchObject({
      kind: "invalid",
      expected: expect.stringContaining("ISO 639"),
    });
    expect(
      await failureOf(client({}, { secrets: {} }).transcribe({ url: film, span: { start: 37, end: 41 } })),
    ).toMatchObject({ kind: "bad_model", where: "ACME_KEY" });
    expect(endpoint.requests).toEqual([]);
  });

  test("embeds nothing, and one that embeds does not listen", () => {
    const embeds = {
      kind: "http",
      task: "embed",
      url: "https://a.example/v1/embeddings",
      model: "m",
      dimensions: 4,
    };
    expect(modelsSchema.safeParse({ a: embeds }).success).toBe(true);
    expect(modelsSchema.safeParse({ a: { ...embeds, task: "transcribe" } }).success).toBe(false);
    expect(modelsSchema.safeParse({ a: { ...embeds, task: "sing" } }).success).toBe(false);
  });
});

describe("a file that cannot be listened to says so", () => {
  const refused = async (url: string, body: object = {}) => {
    const { status, lines } = await post(server.url, "/v1/speech", { url, ...body });
    return [status, lines[0]?.failure?.kind, lines[0]?.failure?.detail];
  };

  test("without a sound track, or a picture, or no media at all", async () => {
    const path = join(folder, "silent.mp4");
    await makeVideo(path, { seconds: 2, width: 64, height: 48, fps: 5 });
    const silent = source.put("/silent.mp4", await readFile(path));
    expect(await refused(silent)).toEqual([422, "bad_media", "silent.mp4 has no audio track"]);
    const picture = source.put("/picture.jpg", await makeImage());
    expect(await refused(picture)).toEqual([422, "bad_media", "picture.jpg is a JPEG picture, not a video"]);
    const text = source.put("/notes.txt", Buffer.from("dear diary"));
    expect(await refused(text)).toEqual([
      422,
      "bad_media",
      expect.stringContaining("no video, picture or sound"),
    ]);
    expect(await failureOf(client().transcribe({ url: silent }))).toMatchObject({ kind: "bad_media" });
  });

  test("with sound that is damaged: what can be heard is heard, or the file is refused; never anything else", async () => {
    const whole = await readFile(join(folder, "film.mp4"));
    const broken = Buffer.from(whole);
    const random = (n: number) => (Math.imul(n + 1, 2_654_435_761) >>> 0) / 2 ** 32;
    for (let n = 0; n < 4000; n++) broken[40 + Math.floor(random(n) * (whole.length * 0.8))] = n & 255;
    const { status, lines } = await post(server.url, "/v1/speech", {
      url: source.put("/broken.mp4", broken),
    });
    expect([200, 422]).toContain(status);
    if (status === 200) expect(lines.at(-1)).toMatchObject({ done: lines.length - 1 });
    const short = source.put("/short.mp4", whole.subarray(0, whole.length / 2));
    expect(await refused(short)).toEqual([422, "bad_media", expect.stringMatching(/short\.mp4 .+/)]);
  });

  test("and so does a request that makes no sense", async () => {
    for (const body of [{ from: -1 }, { from: 5, until: 5 }, { until: "x" }, { span: { start: 0, end: 1 } }])
      expect(await refused(film, body)).toEqual([400, "invalid", expect.any(String)]);
    expect(await refused(film, { from: 86_400 })).toEqual([
      413,
      "too_large",
      expect.stringContaining("86400"),
    ]);
    const { lines } = await post(server.url, "/v1/speech", { url: film, from: 5000 });
    expect(lines).toMatchObject([{ next: null }, { done: 1 }]);
  });
});
