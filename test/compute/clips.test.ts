// A chunk by itself holds the frames of its span and no others, each as it was: against an independent decoder.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { filmsIn } from "./films.ts";
import { difference, judge, judgeIsHere, judgeSound, made } from "./judge.ts";
import { HEADERS, type Source, startSource } from "./source.ts";

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

async function clip(name: string, start: number, end: number): Promise<Buffer> {
  const url = source.put(`/clips/${name}`, await readFile(await film(name)));
  const body = JSON.stringify({ url, span: { start, end } });
  const answer = await fetch(`${compute.url}/v1/clip`, { method: "POST", headers: HEADERS, body });
  expect(answer.headers.get("content-type")).toBe("video/mp4");
  return Buffer.from(await answer.arrayBuffer());
}

/** Of some pieces out of the middle of a film's frames, how many are in the clip as they were. */
function copied(from: Buffer, made: Buffer): number {
  const pieces = Array.from({ length: 40 }, (_, i) => Math.floor(from.length * (0.1 + 0.02 * i)));
  return pieces.filter((at) => made.includes(from.subarray(at, at + 24))).length;
}

describe.skipIf(!judgeIsHere)("a clip has the frames of its span", () => {
  test.each<[string, number, number, "copied" | "encoded"]>([
    ["b-frames.mp4", 1, 2, "copied"],
    ["b-frames.mp4", 1, 3, "copied"],
    ["b-frames.mp4", 1, 2.12, "encoded"],
    ["b-frames.mp4", 0.5, 1.5, "encoded"],
    ["b-frames.mkv", 1, 2, "copied"],
    ["b-frames-and-sound.ts", 1, 2, "copied"],
    ["h264.mp4", 1, 2.5, "copied"],
    ["hevc.mkv", 2, 3, "encoded"],
    ["hevc.mkv", 3, 4, "copied"],
    ["b-frames.avi", 1, 2, "encoded"],
    ["turned-90.mp4", 1, 2, "copied"],
    ["turned-90.mp4", 1.2, 2, "encoded"],
    ["vp8.webm", 1, 2, "encoded"],
    ["bt709.mp4", 0.2, 1, "encoded"],
  ])("%s from %d to %d s, %s", async (name, start, end, how) => {
    const made = await clip(name, start, end);
    const path = join(folder, `clip-of-${name}-${start}.mp4`);
    await writeFile(path, made);
    const [clipped, whole] = [await judge(path), await judge(await film(name))];
    const wanted = whole.frames.filter(({ time }) => time > start - 2e-3 && time < end - 2e-3);
    expect([clipped.width, clipped.height, clipped.frames.length]).toEqual([
      whole.width,
      whole.height,
      wanted.length,
    ]);
    for (const [i, frame] of clipped.frames.entries()) {
      expect(Math.abs(frame.time - ((wanted[i]?.time ?? 0) - (wanted[0]?.time ?? 0)))).toBeLessThan(2e-3);
      expect(difference(frame.pixels, wanted[i]?.pixels ?? frame.pixels)).toBeLessThan(
        how === "copied" ? 0.002 : 0.03,
      );
    }
    const same = copied(await readFile(await film(name)), made);
    if (how === "copied") expect(same).toBeGreaterThan(4);
    // The encoder's signature is the same in both.
    else expect(same).toBeLessThan(3);
  });

  test.each(["b-frames-and-sound.mp4", "b-frames-and-sound.ts"])("and the sound of it: %s", async (name) => {
    const path = join(folder, `sound-of-${name}.mp4`);
    await writeFile(path, await clip(name, 1, 2));
    const heard = await judgeSound(path, 0.2, 0.8);
    const truth = await judgeSound(await film(name), 1.2, 1.8);
    const off = (lag: number) => {
      const part = truth.subarray(1000, 8000);
      return part.reduce((sum, value, i) => sum + Math.abs(value - (heard[i + 1000 + lag] ?? 0)), 0) / 7000;
    };
    const loud = truth.reduce((sum, value) => sum + Math.abs(value), 0) / truth.length;
    expect(loud).toBeGreaterThan(1000);
    // What is there is where it belongs.
    expect(Math.min(...Array.from({ length: 65 }, (_, i) => off(i - 32))) / loud).toBeLessThan(0.15);
  });

  const picture = ["-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=3"];
  const rising = ["-f", "lavfi", "-i", "aevalsrc=0.5*sin(2*PI*(200+150*t)*t):d=3:s=48000"];
  const h264 = ["-c:v", "libx264", "-g", "25", "-bf", "0", "-pix_fmt", "yuv420p"];
  test.each<[string, string]>([
    ["aac.mp4", "aac"],
    ["opus.mkv", "libopus"],
    ["vorbis.mkv", "libvorbis"],
    ["flac.mkv", "flac"],
    ["pcm.mov", "pcm_s16le"],
    ["mp2.ts", "mp2"],
  ])("and its sound from the first millisecond, whatever its codec: %s", async (name, codec) => {
    const path = join(folder, name);
    await made([...picture, ...rising, ...h264, "-c:a", codec], path);
    const url = source.put(`/clips/${name}`, await readFile(path));
    for (const start of [0, 1, 1.2]) {
      const body = JSON.stringify({ url, span: { start, end: start + 1 } });
      const answer = await fetch(`${compute.url}/v1/clip`, { method: "POST", headers: HEADERS, body });
      const cut = join(folder, `cut-of-${name}-${start}.mp4`);
      await writeFile(cut, Buffer.from(await answer.arrayBuffer()));
      const [heard, truth] = [await judgeSound(cut, 0, 0.5), await judgeSound(path, start, start + 0.5)];
      const off = (lag: number) => {
        const part = truth.subarray(32, 7900);
        return (
          part.reduce((sum, value, i) => sum + Math.abs(value - (heard[i + 32 + lag] ?? 0)), 0) / part.length
        );
      };
      const loud = truth.reduce((sum, value) => sum + Math.abs(value), 0) / truth.length;
      expect(loud).toBeGreaterThan(1000);
      const best = Math.min(...Array.from({ length: 33 }, (_, i) => off(i - 16))) / loud;
      expect(best, `from ${start} s`).toBeLessThan(0.15);
    }
  });

  test.each(["hevc.mkv", "hevc.ts", "hevc.mov"])(
    "and HEVC as players of Apple's take it: %s",
    async (name) => {
      const cut = await clip(name, 3, 4);
      expect([cut.includes("hvc1"), cut.includes("hev1")]).toEqual([true, false]);
    },
  );
});
