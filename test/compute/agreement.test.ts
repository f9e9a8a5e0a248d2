// What compute says of a film, and the pictures it takes of it, against an independent decoder that decodes
// every frame: Debian's ffmpeg, on every container and codec.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PlannedChunk } from "../../workers/compute/server/decoder/tasks/split.ts";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { filmsIn, matrix, odd, theirs, varying } from "./films.ts";
import { difference, type Judged, judge, judgeIsHere, judgeSound, judgeStills } from "./judge.ts";
import { HEADERS, post, type Source, startSource } from "./source.ts";

let folder: string;
let source: Source;
let compute: RunningServer;
const film = filmsIn(() => folder);
const call = async (path: string, body: object) => (await post(compute.url, path, body)).lines;

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

/** Containers round times: to a thousandth in Matroska, to a ninety-thousandth in MPEG-TS. */
const ROUNDING = 1.5e-3;
const close = (a: number, b: number) => Math.abs(a - b) < ROUNDING;
const before = (frames: Judged["frames"], time: number) =>
  frames.filter((frame) => frame.time < time - ROUNDING).length;

const names = [...matrix, ...odd, ...varying, ...theirs].map(([name]) => name);

describe.skipIf(!judgeIsHere)("an independent decoder agrees on", () => {
  test.each(names)("%s", async (name) => {
    const path = await film(name);
    const truth = await judge(path);
    const url = source.put(`/agreement/${name}`, await readFile(path));

    const [whole] = await call("/v1/split", { url, frame_interval: 1 });
    const { codec, width, height, rotation, frames } = truth;
    expect(whole).toMatchObject({ codec, width, height, rotation, frames: frames.length });
    expect(whole.fps).toBeCloseTo(truth.fps, 2);
    const last = frames.at(-1)?.time ?? 0;
    // The last frame's length is anyone's guess; sound may go on for a little longer.
    expect(whole.duration).toBeGreaterThan(last);
    expect(whole.duration).toBeLessThan(last + 4 / truth.fps);
    const keys = frames.filter(({ key }) => key).map(({ time }) => time);
    for (const chunk of whole.chunks as PlannedChunk[]) {
      const end = before(frames, chunk.end) - 1;
      // A span in which no frame begins shows the one on screen.
      const first = Math.min(before(frames, chunk.start), end);
      expect([chunk.first_frame, chunk.last_frame]).toEqual([first, end]);
      const inside = keys.filter((time) => time > chunk.start - ROUNDING && time < chunk.end - ROUNDING);
      // AVI lists frames as they are decoded; when an open group's keyframe is shown, it does not say.
      if (name === "b-frames-mpeg4.avi") continue;
      expect(chunk.keyframes.length).toBe(inside.length);
      for (const [i, time] of chunk.keyframes.entries()) expect(close(time, inside[i] ?? -1)).toBe(true);
    }

    const spans = (whole.chunks as PlannedChunk[]).map(({ start, end }) => ({ url, span: { start, end } }));
    const embedded = await call("/v1/embed", { items: spans, kind: "video", model: "weir/hog-512" });
    expect(embedded.every(({ dims }) => dims === 512)).toBe(true);
    const sampled: number[] = embedded.flatMap((line) => line.sampled).filter((_, i) => i % 2 === 0);
    const at = [...sampled, 0.5, 1.77, last].filter((time) => time < whole.duration).sort((a, b) => a - b);
    const lines = await call("/v1/frames", { url, at, size: 4096, format: "png" });
    const shots = lines.filter((line) => line.data);
    // The header of this one ends before its last frames do, and a frame after the end is none.
    expect(shots.length).toBe(name === "thinned.mp4" ? at.length - 1 : at.length);
    const stills = shots.map(({ data }) => Buffer.from(data, "base64"));
    const pixels = await judgeStills(stills, "png");
    for (const [i, shot] of shots.entries()) {
      const shown = frames.filter((frame) => frame.time <= (at[i] ?? 0) + 1e-4).at(-1);
      expect(Math.abs(shot.time - (shown?.time ?? -1))).toBeLessThan(ROUNDING);
      const size = width * height * 3;
      // Edges that are stretched come out a little differently by each of two scalers.
      const most = name === "oblong-pixels.mp4" ? 0.025 : 0.02;
      expect(difference(pixels.subarray(i * size, (i + 1) * size), shown?.pixels ?? pixels)).toBeLessThan(
        most,
      );
    }
  });

  test.each(["b-frames.mp4", "open.mkv", "b-frames.ts"])(
    "the frames that stand for a span of %s, which are those of its vector",
    async (name) => {
      const url = source.put(`/agreement/${name}`, await readFile(await film(name)));
      const model = "weir/hog-512";
      const items = [{ url, span: { start: 1, end: 2 } }];
      const [whole] = await call("/v1/embed", { items, kind: "video", model });
      const shots = await call("/v1/frames", { url, at: whole.sampled, size: 4096, format: "png" });
      const stills = shots.filter((line) => line.data).map(({ data }) => Buffer.from(data, "base64"));
      const pictures = stills.map((bytes, i) => ({ url: source.put(`/agreement/${name}-${i}.png`, bytes) }));
      const vectors = (await call("/v1/embed", { items: pictures, kind: "image", model })).map(vectorOf);
      const sum = vectors[0]?.map((_, i) => vectors.reduce((all, vector) => all + (vector[i] ?? 0), 0)) ?? [];
      expect(cosine(sum, vectorOf(whole))).toBeGreaterThan(0.99);
    },
  );

  const withSound = ["b-frames-and-sound.mp4", "b-frames-and-sound.ts"];
  const soundFirst = ["sound-first.mp4", "sound-first.mkv", "sound-first.ts"];
  test.each([...withSound, ...soundFirst])("the sound of a chunk of %s, to the millisecond", async (name) => {
    const path = await film(name);
    const url = source.put(`/agreement/${name}`, await readFile(path));
    const span = { start: 0.5, end: 1.5 };
    const body = JSON.stringify({ url, span });
    const answer = await fetch(`${compute.url}/v1/audio`, { method: "POST", headers: HEADERS, body });
    const heard = new Int16Array((await answer.arrayBuffer()).slice(44));
    const truth = await judgeSound(path, span.start, span.end);
    const loud = heard.reduce((sum, value) => sum + Math.abs(value), 0) / heard.length;
    expect(loud).toBeGreaterThan(1000);
    const off = (lag: number) => {
      const part = heard.subarray(1000, 15_000);
      return part.reduce((sum, value, i) => sum + Math.abs(value - (truth[i + 1000 + lag] ?? 0)), 0) / 14_000;
    };
    const lags = Array.from({ length: 33 }, (_, i) => off(i - 16) / loud);
    expect(Math.min(...lags)).toBeLessThan(0.15);
  });
});

const vectorOf = ({ embedding }: { embedding: string }) => {
  const bytes = Buffer.from(embedding, "base64");
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4));
};
const cosine = (a: number[], b: number[]) =>
  a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0) / Math.hypot(...a) / Math.hypot(...b);
