// Every container that is read times every codec that it commonly holds, made by real encoders, and the ways
// in which a file may be odd without being wrong. Spans, frame numbers and the pictures themselves must agree
// with what was drawn.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeImage, makeVideo } from "../../cli/sample-media/media.ts";
import type { PlannedChunk } from "../../workers/compute/server/decoder/tasks/split.ts";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { filmsIn, matrix, odd } from "./films.ts";
import { post, type Source, startSource } from "./source.ts";

let folder: string;
let source: Source;
let compute: RunningServer;
const film = filmsIn(() => folder);

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

interface Line {
  index: number;
  embedding: string;
  sampled: number[];
}
const vectorOf = ({ embedding }: Line) => {
  const bytes = Buffer.from(embedding, "base64");
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4));
};
const cosine = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
const inOrder = (lines: Line[]) => lines.sort((a, b) => a.index - b.index).map(vectorOf);

/** What each of the two scenes looks like, as it is drawn. */
let drawn: Promise<number[][]> | undefined;
async function scenesAsDrawn(): Promise<number[][]> {
  const path = join(folder, "reference.mp4");
  const size = { width: 320, height: 180 };
  await makeVideo(path, { seconds: 4, ...size, scenes: 2, gopSeconds: 1, bitrate: 8_000_000 });
  const url = source.put("/reference.mp4", await readFile(path));
  const items = [0, 2].map((start) => ({ url, span: { start, end: start + 2 } }));
  const body = { items, kind: "video", model: "weir/hog-512" };
  return inOrder((await post(compute.url, "/v1/embed", body)).lines);
}

describe("a film is understood as it was made", () => {
  test.each([...matrix, ...odd].map(([name]) => name))("%s", async (name) => {
    const url = source.put(`/formats/${name}`, await readFile(await film(name)));
    const { status, lines } = await post(compute.url, "/v1/split", { url, frame_interval: 1 });
    expect([status, lines[0]]).toMatchObject([200, { width: 160, height: 90, fps: 30, rotation: 0 }]);
    expect(lines[0].duration).toBeGreaterThan(3.9);
    expect(lines[0].duration).toBeLessThan(4.1);
    expect(Math.abs(lines[0].frames - 120)).toBeLessThanOrEqual(3);
    const chunks: PlannedChunk[] = lines[0].chunks.slice(0, 4);
    for (const [i, chunk] of chunks.entries()) {
      expect(chunk).toMatchObject({ index: i, start: i });
      expect(Math.abs(chunk.first_frame - i * 30)).toBeLessThanOrEqual(1);
      expect(Math.abs(chunk.last_frame - (i * 30 + 29))).toBeLessThanOrEqual(3);
      for (const time of chunk.keyframes) expect(time >= i && time < i + 1).toBe(true);
    }
    const spans = [0, 2].map((start) => ({ url, span: { start, end: start + 2 } }));
    const answer = await post(compute.url, "/v1/embed", {
      items: spans,
      kind: "video",
      model: "weir/hog-512",
    });
    for (const { index, sampled } of answer.lines as Line[]) {
      expect(sampled.length).toBeGreaterThan(0);
      for (const time of sampled) expect(time >= index * 2 - 1e-3 && time < index * 2 + 2).toBe(true);
    }
    drawn ??= scenesAsDrawn();
    const [[one, two], [first, second]] = [inOrder(answer.lines), await drawn];
    expect(cosine(one ?? [], first ?? [])).toBeGreaterThan(0.9);
    expect(cosine(two ?? [], second ?? [])).toBeGreaterThan(0.9);
    expect(cosine(one ?? [], second ?? [])).toBeLessThan(0.8);
    const { lines: shots } = await post(compute.url, "/v1/frames", { url, at: [0.5, 3.5], size: 64 });
    expect(shots.slice(0, 2).map((shot) => Math.round(shot.time * 30))).toEqual([15, 105]);
  });
});

test.each(["varying.mp4", "varying.mkv"])(
  "a film of varying rate has the frames that are there: %s",
  async (name) => {
    const url = source.put(`/${name}`, await readFile(await film(name)));
    const { lines } = await post(compute.url, "/v1/frames", { url, at: [0.49, 1.49, 2.49, 3.25], size: 64 });
    const frames = lines.slice(0, 4).map((shot) => Math.round(shot.time * 30));
    expect(frames).toEqual([14, 42, 74, 96]);
  },
);

test.each(["jpeg", "png", "webp", "gif", "tiff"] as const)(
  "a picture is understood as it was drawn: %s",
  async (format) => {
    const url = source.put(`/a.${format}`, await makeImage({ format, width: 120, height: 80 }));
    expect((await post(compute.url, "/v1/image", { url })).lines[0]).toMatchObject({
      width: 120,
      height: 80,
      format,
    });
  },
);
