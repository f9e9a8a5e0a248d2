import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { makeImage, makeVideo, type VideoOptions } from "../../cli/sample-media/media.ts";
import type { PlannedChunk } from "../../workers/compute/server/decoder/tasks/split.ts";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { HEADERS, post, type Source, startSource } from "./source.ts";

let folder: string;
let source: Source;
let compute: RunningServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-test-"));
  source = await startSource();
  compute = await startServer({ port: 0, log: () => {}, allowOrigins: [source.origin] });
});
afterAll(async () => {
  await compute.close();
  await source.close();
  await rm(folder, { recursive: true });
});
beforeEach(() => source.reset());

async function film(name: string, options: VideoOptions) {
  const path = join(folder, name);
  await makeVideo(path, { width: 320, height: 180, ...options });
  const bytes = await readFile(path);
  return { url: source.put(`/media/films/${name}`, bytes), size: bytes.length };
}
const split = (url: string, more: object = {}) => post(compute.url, "/v1/split", { url, ...more });
const embed = (items: { url: string; span?: { start: number; end: number } }[], kind = "video") =>
  post(compute.url, "/v1/embed", { items, kind, model: "mixpeek/vuse-generic-v1" });
const vectorOf = (line: { embedding: string }) => {
  const bytes = Buffer.from(line.embedding, "base64");
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4));
};
const cosine = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
const span = ({ start, end }: PlannedChunk) => ({ start, end });

describe("a film is split", () => {
  test("into spans of ten seconds with their frames and keyframes, from its index alone", async () => {
    const { url, size } = await film("25s.mp4", { seconds: 25, audio: true });
    const { status, lines } = await split(url);
    expect(status).toBe(200);
    const { chunks, read, ...info } = lines[0];
    expect(info).toEqual({
      duration: 25,
      fps: 30,
      width: 320,
      height: 180,
      rotation: 0,
      codec: "h264",
      frames: 750,
      size,
    });
    expect(chunks).toEqual([
      { index: 0, start: 0, end: 10, first_frame: 0, last_frame: 299, fps: 30, keyframes: [0, 2, 4, 6, 8] },
      {
        index: 1,
        start: 10,
        end: 20,
        first_frame: 300,
        last_frame: 599,
        fps: 30,
        keyframes: [10, 12, 14, 16, 18],
      },
      { index: 2, start: 20, end: 25, first_frame: 600, last_frame: 749, fps: 30, keyframes: [20, 22, 24] },
    ]);
    expect(read).toEqual(source.sent);
    expect(read.bytes).toBeLessThan(size / 10);
  });

  test.each<[string, Partial<VideoOptions>]>([
    ["hevc.mkv", { codec: "hevc" }],
    ["vp9.webm", { codec: "vp9", audio: true }],
    ["h264.ts", { audio: true }],
    ["mpeg4.avi", { codec: "mpeg4" }],
    ["prores.mov", { codec: "prores", width: 160, height: 90 }],
    ["av1.mp4", { codec: "av1" }],
    ["fragmented.mp4", { muxer: { movflags: "frag_keyframe+empty_moov" } }],
    ["late.mp4", { muxer: { output_ts_offset: "5000000us" } }],
    ["late.mkv", { muxer: { output_ts_offset: "5000000us" } }],
    ["faststart.mp4", { muxer: { movflags: "+faststart" }, audio: true }],
  ])("and each of its spans embedded, as %s", async (name, options) => {
    const { url } = await film(name, { seconds: 5, ...options });
    const { status, lines } = await split(url, { frame_interval: 2 });
    expect(status).toBe(200);
    expect(lines[0].chunks.map(span)).toMatchObject([
      { start: 0, end: 2 },
      { start: 2, end: 4 },
      { start: 4 },
    ]);
    expect(lines[0].duration).toBeCloseTo(5, 1);
    const embedded = await embed(lines[0].chunks.map((chunk: PlannedChunk) => ({ url, span: span(chunk) })));
    expect(embedded.lines.map((line) => [line.index, line.dims])).toEqual(
      [0, 1, 2].map((index) => [index, 512]),
    );
  });

  test("and a last span in which only sound is left shows the frame before it", async () => {
    const { url } = await film("sound-lasts.mkv", {
      seconds: 5.5,
      fps: 30,
      audio: true,
      keep: (frame) => frame < 4 * 30,
    });
    const { lines } = await split(url, { frame_interval: 2 });
    const last: PlannedChunk = lines[0].chunks.at(-1);
    expect(last.start).toBe(4);
    expect((await embed([{ url, span: span(last) }])).lines[0]).toMatchObject({
      index: 0,
      dims: 512,
      sampled: [3.967],
    });
  });

  test("only as far as asked", async () => {
    const { url } = await film("short.mp4", { seconds: 6 });
    const { lines } = await split(url, { frame_interval: 2, max_duration: 3 });
    expect(lines[0].chunks.map(span)).toEqual([
      { start: 0, end: 2 },
      { start: 2, end: 3 },
    ]);
  });
});

describe("spans are embedded", () => {
  const items = (url: string) => [0, 4, 8].map((start) => ({ url, span: { start, end: start + 4 } }));

  test("so that the same film encoded otherwise is nearer than its other scenes", async () => {
    const options = { seconds: 12, scenes: 3, seed: 7 };
    const one = await film("one.mp4", { ...options, gopSeconds: 1 });
    const other = await film("other.webm", {
      ...options,
      codec: "vp9",
      gopSeconds: 3,
      width: 480,
      height: 270,
    });
    const [a, b] = await Promise.all([embed(items(one.url)), embed(items(other.url))]);
    const byIndex = (lines: { index: number; embedding: string }[]) =>
      lines.sort((x, y) => x.index - y.index).map(vectorOf);
    const [left, right] = [byIndex(a.lines), byIndex(b.lines)];
    for (const [i, vector] of left.entries()) {
      expect(cosine(vector, vector)).toBeCloseTo(1, 5);
      const same = cosine(vector, right[i] ?? []);
      expect(same).toBeGreaterThan(0.9);
      for (const [j, scene] of right.entries())
        if (j !== i) expect(same).toBeGreaterThan(cosine(vector, scene) + 0.1);
    }
  });

  test("with one reading of the index and only the sampled frames' bytes", async () => {
    const { url, size } = await film("long.mp4", { seconds: 30, bitrate: 1_500_000, gopSeconds: 5 });
    const { lines } = await embed([0, 10, 20].map((start) => ({ url, span: { start, end: start + 10 } })));
    expect(lines.map((line) => line.sampled)).toEqual([
      [0, 5],
      [10, 15],
      [20, 25],
    ]);
    expect(lines.every((line) => line.model === "weir/hog-512")).toBe(true);
    expect(lines.reduce((sum, line) => sum + line.read.bytes, 0)).toBe(source.sent.bytes);
    expect(source.sent.bytes).toBeLessThan(size * 0.15);
  });

  test("from the keyframe before them where they have none of their own", async () => {
    const { url } = await film("one-keyframe.mp4", { seconds: 6, scenes: 1, gopSeconds: 60 });
    const { lines } = await embed([{ url, span: { start: 3, end: 5 } }]);
    expect(lines[0].sampled.every((time: number) => time >= 3 && time < 5)).toBe(true);
    expect(lines[0].sampled).toHaveLength(4);
  });

  test("each by itself: one past the end is refused, the others are not", async () => {
    const { url } = await film("six.mp4", { seconds: 6 });
    const { lines } = await embed([{ url, span: { start: 50, end: 60 } }, { url }]);
    expect(lines.find((line) => line.index === 0).error).toMatchObject({
      kind: "bad_media",
      where: "media/films/six.mp4",
    });
    expect(lines.find((line) => line.index === 1).dims).toBe(512);
  });
});

describe("a picture", () => {
  test.each(["jpeg", "png"] as const)("is measured and its main colours named: %s", async (format) => {
    const bands = ["#ff0000", "#ff0000", "#ff0000", "#0000ff"];
    const bytes = await makeImage({ format, width: 200, height: 100, bands });
    const { lines } = await post(compute.url, "/v1/image", {
      url: source.put(`/media/flag.${format}`, bytes),
    });
    expect(lines[0]).toMatchObject({ width: 200, height: 100, format, read: source.sent });
    const [first, second] = lines[0].colors;
    expect(first.hex).toMatch(/^#f[a-f0-9]0[0-9a-f]0[0-9a-f]$/);
    expect(second.hex).toMatch(/^#0[0-9a-f]0[0-9a-f]f[a-f0-9]$/);
    expect(first.share).toBeCloseTo(0.75, 1);
  });

  test("is embedded like a film's frame", async () => {
    const url = source.put("/media/scene.jpg", await makeImage({ seed: 3 }));
    const again = source.put("/media/scene.png", await makeImage({ seed: 3, format: "png" }));
    const other = source.put("/media/else.jpg", await makeImage({ seed: 4 }));
    const { lines } = await embed([{ url }, { url: again }, { url: other }], "image");
    const [a, b, c] = lines.sort((x, y) => x.index - y.index).map(vectorOf);
    expect(cosine(a ?? [], b ?? [])).toBeGreaterThan(0.97);
    expect(cosine(a ?? [], b ?? [])).toBeGreaterThan(cosine(a ?? [], c ?? []));
  });
});

const real = join(import.meta.dirname, "../../../shared/fixtures/video");
const films = existsSync(real) ? readdirSync(real).filter((name) => name.endsWith(".mp4")) : [];
if (films.length === 0) console.log("skipped: real films, because ../shared/fixtures/video is not here");
test.skipIf(films.length === 0)("real films from the world are split and embedded", async () => {
  for (const name of films) {
    const bytes = await readFile(join(real, name));
    const url = source.put(`/real/${name}`, bytes);
    const { status, lines } = await split(url, { frame_interval: 2 });
    expect(status).toBe(200);
    const chunks: PlannedChunk[] = lines[0].chunks;
    expect(chunks.at(-1)?.last_frame).toBe(lines[0].frames - 1);
    const embedded = await embed(chunks.map((chunk) => ({ url, span: span(chunk) })));
    expect(embedded.lines.map((line) => line.dims)).toEqual(chunks.map(() => 512));
  }
});

test("a body of unknown length is read, up to what a call may have", async () => {
  const { url } = await film("chunked.mp4", { seconds: 1 });
  const send = (text: string) => {
    const body = new Blob([text]).stream();
    return fetch(`${compute.url}/v1/probe`, { method: "POST", headers: HEADERS, body, duplex: "half" });
  };
  expect(await (await send(JSON.stringify({ url }))).json()).toMatchObject({ kind: "video", duration: 1 });
  expect((await send(JSON.stringify({ url, more: "x".repeat(2 ** 20) }))).status).toBe(413);
});
