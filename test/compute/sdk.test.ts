// What a handler sees of media: FileTools and embeddings through the pipeline's own client, against the real
// compute server.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { makeImage, makeVideo, type VideoOptions } from "../../cli/sample-media/media.ts";
import { FailureError, verdictOf } from "../../src/shapes/failure.ts";
import type { Models } from "../../src/shapes/model.ts";
import type { ResultStore } from "../../src/shapes/results.ts";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { provenanceOf, withinRun } from "../../workers/pipeline/context.ts";
import type { Embeddings } from "../../workers/pipeline/embeddings.ts";
import { Chunk } from "../../workers/pipeline/media.ts";
import { FileTools } from "../../workers/pipeline/sdk.ts";
import { embedder, mapStore } from "../support/embedder.ts";
import { HEADERS, type Source, startSource } from "./source.ts";
import { exif, sideways } from "./turned.ts";

const MODEL = "weir/hog-512";
let folder: string;
let source: Source;
let server: RunningServer;
const seen = { requests: 0, at_once: 0, most_at_once: 0, most_items: 0, most_seconds: 0 };
const models: Models = { [MODEL]: { kind: "builtin", builtin: MODEL } };

/** The client as a pipeline has it; what it sends is counted. */
function client(results?: ResultStore) {
  const { compute, embeddings, counts } = embedder({
    models,
    ...(results && { results }),
    fetch: async (request) => {
      const body = await request.text();
      const items: { span?: { start: number; end: number } }[] = JSON.parse(body).items ?? [];
      seen.requests += 1;
      seen.most_items = Math.max(seen.most_items, items.length);
      const seconds = items.reduce((sum, { span }) => sum + (span ? span.end - span.start : 0), 0);
      seen.most_seconds = Math.max(seen.most_seconds, seconds);
      seen.most_at_once = Math.max(seen.most_at_once, ++seen.at_once);
      try {
        return await passOn(request.url, body);
      } finally {
        seen.at_once -= 1;
      }
    },
  });
  return {
    compute,
    counts,
    opened: embeddings.opened.bind(embeddings),
    settled: embeddings.settled.bind(embeddings),
    embed: embedWith(embeddings),
  };
}
const passOn = (url: string, body: string) =>
  fetch(server.url + new URL(url).pathname, { method: "POST", headers: HEADERS, body });
const embedWith =
  (embeddings: Embeddings) =>
  (url: string, span?: { start: number; end: number }, kind: "video" | "image" = "video") =>
    embeddings.embed(kind, { url, ...(span && { span }) }, MODEL);
const inRun = <T>(work: () => T): T => {
  const { signal } = new AbortController();
  return withinRun({ compute: client().compute, signal }, work);
};
const span = ({ start, end }: Chunk) => ({ start, end });

const made = new Map<string, Promise<Buffer>>();
async function film(name: string, options: VideoOptions): Promise<string> {
  const path = join(folder, name);
  const bytes =
    made.get(name) ?? makeVideo(path, { width: 160, height: 90, ...options }).then(() => readFile(path));
  made.set(name, bytes);
  return source.put(`/films/${name}`, await bytes);
}
const scenes = (name: string) => film(name, { seconds: 9, scenes: 3, gopSeconds: 2, audio: true });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-test-"));
  source = await startSource();
  server = await startServer({ port: 0, log: () => {}, allowOrigins: [source.origin] });
});
afterAll(async () => {
  await server.close();
  await source.close();
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  source.reset();
  Object.assign(seen, { requests: 0, at_once: 0, most_at_once: 0, most_items: 0, most_seconds: 0 });
});
const spansOf = (chunks: Chunk[]) => chunks.map(({ start, end }) => [start, end]);

describe("splitVideo", () => {
  test.each(["scenes.mp4", "scenes.mkv", "scenes.ts", "scenes.avi"])(
    "by scenes finds the cuts of %s",
    async (name) => {
      const url = await scenes(name);
      const chunks = await inRun(() => FileTools.splitVideo(url, { scenes: {} }));
      expect(chunks).toHaveLength(3);
      expect(chunks[0]?.start).toBe(0);
      for (const [i, chunk] of chunks.entries()) {
        expect(chunk.start).toBeCloseTo(i * 3, 1);
        expect(chunk.firstFrame).toBeGreaterThanOrEqual(i * 90 - 1);
        expect(chunk.firstFrame).toBeLessThanOrEqual(i * 90 + 1);
      }
    },
  );

  test("by scenes, the short ones joined and the long ones divided", async () => {
    const url = await scenes("scenes.mp4");
    const of = (options: object) => inRun(() => FileTools.splitVideo(url, { scenes: options }));
    expect(spansOf(await of({ max: 2 }))).toEqual([
      [0, 1.5],
      [1.5, 3],
      [3, 4.5],
      [4.5, 6],
      [6, 7.5],
      [7.5, 9],
    ]);
    expect(spansOf(await of({ min: 4 }))).toEqual([[0, 9]].map(([start, end]) => [start, end]));
    expect(await of({ threshold: 1 })).toHaveLength(1);
  });

  test.each(["scenes.mp4", "scenes.mkv", "scenes.avi"])("by keyframes, as %s", async (name) => {
    const url = await scenes(name);
    const chunks = await inRun(() => FileTools.splitVideo(url, { keyframes: true }));
    const starts = chunks.map((chunk) => chunk.start);
    expect(
      starts.filter((start) => [0, 2, 4, 6, 8].some((t) => Math.abs(t - start) < 0.05)).length,
    ).toBeGreaterThan(1);
    expect(chunks.every((chunk) => chunk.keyframes[0] === chunk.start)).toBe(true);
    expect(chunks.at(-1)?.end).toBeCloseTo(9, 1);
  });

  test("with an overlap, only as far as asked, and says at which rate", async () => {
    const url = await scenes("scenes.mp4");
    const options = { frameInterval: 2, overlap: 0.5, maxDuration: 5 };
    const chunks = await inRun(() => FileTools.splitVideo(url, options));
    expect(spansOf(chunks)).toEqual([
      [0, 2.5],
      [2, 4.5],
      [4, 5],
    ]);
    expect(chunks.map(({ firstFrame, lastFrame, fps }) => [firstFrame, lastFrame, fps])).toEqual([
      [0, 74, 30],
      [60, 134, 30],
      [120, 149, 30],
    ]);
  });

  test("refuses two ways at once, and what is no video, each as its failure", async () => {
    const url = await scenes("scenes.mp4");
    const failure = (work: Promise<unknown>) =>
      work.then(String, (error: unknown) => error instanceof FailureError && error.failure);
    const both = { frameInterval: 2, keyframes: true } as const;
    expect(await failure(inRun(() => FileTools.splitVideo(url, both)))).toMatchObject({ kind: "invalid" });
    const picture = source.put("/a.jpg", await makeImage());
    expect(await failure(inRun(() => FileTools.splitVideo(picture)))).toMatchObject({ kind: "bad_media" });
  });
});

const cosine = (a: Float32Array, b: Float32Array) =>
  a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

describe("probe", () => {
  test("tells a film's container, duration and streams", async () => {
    const url = await scenes("scenes.mkv");
    const { streams, ...film } = await inRun(() => FileTools.probe(url));
    expect(film).toMatchObject({ kind: "video", container: "Matroska" });
    expect(film.duration).toBeCloseTo(9, 1);
    expect(streams).toMatchObject([
      { index: 0, type: "video", codec: "h264", width: 160, height: 90, rotation: 0, fps: 30 },
      { index: 1, type: "audio", sample_rate: 48_000, channels: 1 },
    ]);
  });

  test("tells a picture's size as it is shown", async () => {
    const url = source.put("/turned.jpg", exif(await makeImage({ width: 200, height: 100 }), 6));
    expect(await inRun(() => FileTools.probe(url))).toMatchObject({ kind: "image", width: 100, height: 200 });
  });
});

describe("a film held sideways", () => {
  test("is measured and shown upright", async () => {
    await scenes("scenes.mp4");
    const url = source.put("/sideways.mp4", sideways((await made.get("scenes.mp4")) ?? Buffer.alloc(0)));
    const { streams } = await inRun(() => FileTools.probe(url));
    expect(streams[0]).toMatchObject({ width: 90, height: 160, rotation: 90 });
    const [shot] = await inRun(() => FileTools.frames(url, { at: [1], format: "png" }));
    expect(shot).toMatchObject({ width: 90, height: 160 });
  });
});

describe("frames", () => {
  const magic = { jpeg: "ffd8ff", png: "89504e", webp: "524946" };
  test.each(["jpeg", "png", "webp"] as const)("come as %s, at the times asked for", async (format) => {
    const url = await scenes("scenes.mp4");
    const shots = await inRun(() => FileTools.frames(url, { at: [8.99, 0, 1.02, 40], size: 80, format }));
    expect(shots.map(({ time }) => time)).toEqual([0, 1, 8.966667]);
    for (const shot of shots) {
      expect(shot).toMatchObject({ width: 80, height: 45, format });
      expect(Buffer.from(shot.bytes.subarray(0, 3)).toString("hex")).toBe(magic[format]);
    }
  });

  test("come as JPEG of at most 640 pixels a side unless asked otherwise, and never larger than they are", async () => {
    const large = source.put("/large.png", await makeImage({ width: 1000, height: 500, format: "png" }));
    const [shot] = await inRun(() => FileTools.frames(large, { at: [0] }));
    expect(shot).toMatchObject({ width: 640, height: 320, format: "jpeg" });
    const [whole] = await inRun(() => FileTools.frames(large, { at: [0], size: 4096 }));
    expect(whole).toMatchObject({ width: 1000, height: 500 });
    const failure = (work: Promise<unknown>) => work.then(String, (error: FailureError) => error.failure);
    for (const options of [{ at: [0], every: 1 }, { at: [] }, { at: [0], size: 5000 }, { every: 0 }])
      expect(await failure(inRun(() => FileTools.frames(large, options)))).toMatchObject({ kind: "invalid" });
  });

  test("come every so many seconds, and each shows its scene", async () => {
    const url = await scenes("scenes.mkv");
    const shots = await inRun(() => FileTools.frames(url, { every: 2, format: "png" }));
    expect(shots.map(({ time }) => Math.round(time))).toEqual([0, 2, 4, 6, 8]);
    const { embed } = client();
    const vectors = await Promise.all(
      shots.map((shot, i) => embed(source.put(`/shot-${i}.png`, shot.bytes), undefined, "image")),
    );
    const film = await embed(url, { start: 3, end: 6 });
    const alike = vectors.map((vector) => cosine(vector, film));
    expect(alike.indexOf(Math.max(...alike))).toBe(2);
  });
});

describe("a chunk by itself", () => {
  const chunkOf = async (name: string, options: VideoOptions, start: number, end: number) => {
    const [from] = await inRun(async () => FileTools.splitVideo(await film(name, options)));
    return new Chunk(from?.url ?? "", { ...at, start, end });
  };
  const at = { index: 0, first_frame: 0, last_frame: 0, fps: 30, keyframes: [] };
  const options = { seconds: 9, scenes: 3, gopSeconds: 2, audio: true } as const;

  test.each<[string, VideoOptions, number, number, string]>([
    ["copied from its keyframe on", options, 2, 4, "clip.mp4"],
    ["copied out of Matroska", options, 4, 7, "clip.mkv"],
    ["encoded again from between keyframes", options, 3.5, 5.5, "clip.mp4"],
    [
      "encoded again out of a codec that MP4 lacks",
      { ...options, codec: "vp8", audio: false },
      0,
      2,
      "vp8.webm",
    ],
  ])("is an MP4, %s", async (_how, film, start, end, name) => {
    const chunk = await chunkOf(name, film, start, end);
    const bytes = await inRun(() => FileTools.clip(chunk));
    const url = source.put("/clip-made.mp4", bytes);
    const { streams, ...info } = await inRun(() => FileTools.probe(url));
    expect(info.container).toBe("MP4");
    expect(streams.map(({ codec }) => codec)).toEqual(film.audio ? ["h264", "aac"] : ["h264"]);
    const [whole] = await inRun(() => FileTools.splitVideo(url, { frameInterval: 100 }));
    expect(whole?.end).toBeCloseTo(end - start, 1);
    const { embed } = client();
    const same = cosine(await embed(url), await embed(chunk.url, span(chunk)));
    expect(same).toBeGreaterThan(0.95);
  });

  test("sounds as WAV of 16 kHz, from where it starts to where it ends", async () => {
    for (const name of ["clip.mp4", "clip.mkv"]) {
      const chunk = await chunkOf(name, options, 3.25, 5.25);
      const wav = Buffer.from(await inRun(() => FileTools.audio(chunk)));
      expect(wav.toString("latin1", 0, 4)).toBe("RIFF");
      expect([wav.readUInt32LE(24), wav.readUInt16LE(22), wav.length]).toEqual([16_000, 1, 44 + 2 * 32_000]);
      // The film's tone has 240 Hz: as often it rises through zero.
      let rises = 0;
      for (let at = 46; at < wav.length; at += 2)
        if (wav.readInt16LE(at - 2) < 0 && wav.readInt16LE(at) >= 0) rises += 1;
      expect(rises).toBeGreaterThan(475);
      expect(rises).toBeLessThan(485);
    }
  });

  test("without sound, or too long, is refused for good", async () => {
    const silent = await chunkOf("silent.mp4", { seconds: 3 }, 0, 2);
    const failure = (work: Promise<unknown>) => work.then(String, (error: FailureError) => error.failure);
    expect(await failure(inRun(() => FileTools.audio(silent)))).toMatchObject({ kind: "bad_media" });
    const long = new Chunk(silent.url, { ...at, start: 0, end: 500 });
    expect(await failure(inRun(() => FileTools.clip(long)))).toMatchObject({ kind: "too_large" });
  });
});

describe("a URL that the run has not signed", () => {
  test("is not read, whatever the call, not even its host's name looked up", async () => {
    const url = await scenes("scenes.mp4");
    const { compute, embeddings } = embedder({
      models,
      fetch: async (request) => {
        const { method, headers } = request;
        headers.set("authorization", HEADERS.authorization);
        const body = await request.text();
        return fetch(server.url + new URL(request.url).pathname, { method, headers, body });
      },
    });
    compute.vouch("https://bucket.s3.us-east-1.amazonaws.com/a.mp4?X-Amz-Signature=1");
    source.reset();
    const chunk = new Chunk(url, {
      index: 0,
      start: 0,
      end: 1,
      first_frame: 0,
      last_frame: 0,
      fps: 1,
      keyframes: [],
    });
    for (const work of [
      () => compute.split(url, {}),
      () => compute.probe(url),
      () => compute.image(url),
      () => compute.frames(url, { at: [0] }),
      () => compute.part("/v1/clip", chunk),
      () => embedWith(embeddings)(url, { start: 0, end: 1 }),
      () => compute.split("https://elsewhere.example/a.mp4", {}),
      () => compute.split("https://bucket.s3.us-east-1.amazonaws.com:444/a.mp4", {}),
    ]) {
      const failure = await work().then(String, (error: FailureError) => error.failure);
      expect(failure).toMatchObject({ kind: "forbidden", detail: expect.stringMatching(/signed a URL/) });
    }
    expect(source.sent.requests).toBe(0);
    compute.vouch(url);
    expect(await compute.split(url, {})).toHaveLength(1);
  });
});

describe("embeddings asked for together", () => {
  /** What a run notes of the object that it signed a URL for. */
  const object = (key: string, etag: string, size: number) => ({
    connection: "c",
    bucket: "films",
    key,
    etag,
    size,
  });
  const opened = async (url: string, key: string) => {
    const head = await fetch(url, { method: "HEAD" });
    const size = Number(head.headers.get("content-length"));
    return object(key, (head.headers.get("etag") ?? "").replaceAll('"', ""), size);
  };

  test("of 500 chunks travel in few requests, few at once, and come back in order", async () => {
    const url = await film("long.mp4", { seconds: 50, fps: 10, scenes: 10, gopSeconds: 0.5 });
    const { compute, embed, counts } = client();
    const chunks = await compute.split(url, { frameInterval: 0.1 });
    expect(chunks).toHaveLength(500);
    const vectors = await Promise.all(chunks.map((chunk) => embed(url, span(chunk))));
    expect(seen.requests).toBeLessThanOrEqual(1 + Math.ceil(500 / 16));
    expect(seen.most_at_once).toBeLessThanOrEqual(4);
    expect(seen.most_items).toBeLessThanOrEqual(16);
    const alone = client();
    for (const i of [0, 137, 499]) {
      const [chunk, vector] = [chunks[i], vectors[i]];
      if (chunk && vector) expect(await alone.embed(url, span(chunk))).toEqual(vector);
    }
    expect(counts).toEqual({ asked: 500, known: 0 });
  });

  test("are fewer in a request the longer their spans are", async () => {
    const url = await film("hours.mp4", { seconds: 700, fps: 2, width: 64, height: 36, gopSeconds: 10 });
    const { compute, embed } = client();
    const chunks = await compute.split(url, { frameInterval: 70 });
    const vectors = await Promise.all([...chunks.map((chunk) => embed(url, span(chunk))), embed(url)]);
    expect(vectors).toHaveLength(11);
    expect(seen.most_seconds).toBeLessThanOrEqual(300);
    expect(seen.most_items).toBe(4);
  });

  test("again, of the same bytes, are not asked of compute again, whichever URL they have now", async () => {
    const url = await film("twice.mp4", { seconds: 12 });
    const version = await opened(url, "twice.mp4");
    const store = mapStore();
    const first = client(store);
    const chunks = await first.compute.split(url, { frameInterval: 2 });
    first.opened(url, version);
    const vectors = await Promise.all(chunks.map((chunk) => first.embed(url, span(chunk))));
    await first.settled();
    expect(store.size()).toBe(chunks.length);
    source.reset();
    seen.requests = 0;
    const second = client(store);
    const signedAgain = `${url}&X-Amz-Date=now`;
    second.opened(signedAgain, version);
    const again = await Promise.all(chunks.map((chunk) => second.embed(signedAgain, span(chunk))));
    expect(again).toEqual(vectors);
    // The frames of each span are kept with it.
    expect(again.map(provenanceOf)).toEqual(vectors.map(provenanceOf));
    for (const [i, vector] of again.entries()) {
      const { frames, span: of } = provenanceOf(vector);
      expect(of).toEqual(span(chunks[i] as Chunk));
      expect(frames?.values).toHaveLength(512 * (frames?.seconds.length ?? 0));
      expect(frames?.seconds.every((second) => second >= 2 * i && second < 2 * (i + 1))).toBe(true);
      expect(frames?.seconds.length).toBeGreaterThan(0);
    }
    expect(second.counts).toEqual({ asked: chunks.length, known: chunks.length });
    expect([source.sent.requests, seen.requests]).toEqual([0, 0]);
    // Another version of the object is another matter, as is another object.
    for (const other of [
      { ...version, etag: "another" },
      { ...version, key: "else.mp4" },
    ]) {
      const third = client(store);
      third.opened(url, other);
      await third.embed(url, { start: 0, end: 2 });
      expect(third.counts.known).toBe(0);
    }
  });

  test("of an object that was overwritten meanwhile are not kept as the old one's", async () => {
    const url = await film("twice.mp4", { seconds: 12 });
    const version = await opened(url, "twice.mp4");
    const store = mapStore();
    await film("other.mp4", { seconds: 12, seed: 9 });
    source.put("/films/twice.mp4", (await made.get("other.mp4")) ?? Buffer.alloc(0));
    const late = client(store);
    late.opened(url, version);
    await late.embed(url, { start: 0, end: 2 });
    await late.settled();
    expect(store.size()).toBe(0);
  });

  test("are answered although what was made cannot be looked up or kept", async () => {
    const url = await film("other.mp4", { seconds: 12, seed: 9 });
    const away = () => Promise.reject(new Error("Durable Object reset because its code was updated."));
    const { embed, opened: note, counts } = client({ find: away, keep: away });
    note(url, await opened(url, "other.mp4"));
    expect(await embed(url, { start: 0, end: 2 })).toHaveLength(512);
    expect(counts).toEqual({ asked: 1, known: 0 });
  });

  /** What an overloaded compute answers, and what stands in front of a container that cannot start. */
  const busy = [
    () =>
      Response.json(
        { failure: { kind: "overloaded", detail: "busy", retry_after_seconds: 0.01 } },
        { status: 503 },
      ),
    () => new Response("There is no Container instance available at this time.", { status: 503 }),
    () => new Response("rate limited", { status: 429 }),
  ];

  test("are all there after a storm of refusals and broken answers, and only what was lost is computed twice", async () => {
    const url = await film("storm.mp4", { seconds: 12 });
    const computed: number[] = [];
    const tries = new Map<string, number>();
    let [answers, lost, turns] = [0, 0, 0];
    const { compute, embeddings, counts } = embedder({
      models,
      random: () => 0.01,
      fetch: async (request, turn) => {
        const body = await request.text();
        turns = Math.max(turns, turn);
        const before = tries.get(body) ?? 0;
        tries.set(body, before + 1);
        const refusal = busy[before];
        if (refusal) return refusal();
        const response = await passOn(request.url, body);
        if (!request.url.endsWith("/embed")) return response;
        const lines = (await response.text()).split("\n").filter(Boolean);
        for (const line of lines) computed.push(JSON.parse(body).items[JSON.parse(line).index].span.start);
        // The instance goes with some of its answer unsaid, half a line last.
        const said = ++answers % 3 === 0 ? lines : lines.slice(0, Math.ceil(lines.length / 2));
        lost += lines.length - said.length;
        return new Response(`${said.join("\n")}\n${lines.length > said.length ? '{"index":' : ""}`);
      },
    });
    const chunks = await compute.split(url, { frameInterval: 0.2 });
    const embed = embedWith(embeddings);
    const vectors = await Promise.all(chunks.map((chunk) => embed(url, span(chunk))));
    expect(vectors.map((vector) => vector.length)).toEqual(chunks.map(() => 512));
    expect(lost).toBeGreaterThan(0);
    expect(computed).toHaveLength(chunks.length + lost);
    expect(new Set(computed).size).toBe(chunks.length);
    expect(counts.asked).toBe(chunks.length);
    // Each refusal sent the request on to the next instance.
    expect(turns).toBe(3);
  });

  test("that compute has no time for, for long, end as overloaded, which costs the run no attempt", async () => {
    for (const refusal of busy) {
      const { embeddings } = embedder({ models, random: () => 0, fetch: async () => refusal() });
      const failure = await embedWith(embeddings)("https://example.com/a.mp4").catch(
        (e: FailureError) => e.failure,
      );
      expect(failure).toMatchObject({ kind: "overloaded" });
    }
    expect(verdictOf("overloaded")).toBe("wait");
  });
});
