// The sound of films whose encoders begin early, whose packets are missing, or whose shape changes half-way,
// against an independent decoder and against what was put together.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { judgeIsHere, judgeSound, made } from "./judge.ts";
import { HEADERS, type Source, startSource } from "./source.ts";

let folder: string;
let source: Source;
let compute: RunningServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-test-"));
  source = await startSource();
  compute = await startServer({ port: 0, log: () => {}, allowOrigins: [source.origin], size: 1 });
});
afterAll(async () => {
  await compute.close();
  await source.close();
  await rm(folder, { recursive: true });
});

const RATE = 16_000;
const picture = ["-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=3"];
/** A tone that rises, so that each moment sounds like no other. */
const rising = (layout: string, rate: number, seconds = 3) => {
  const tone = "0.5*sin(2*PI*(200+150*t)*t)";
  const count = { mono: 1, stereo: 2, "5.1": 6 }[layout] ?? 1;
  const channels = Array.from({ length: count }, () => tone).join("|");
  return ["-f", "lavfi", "-i", `aevalsrc=${channels}:d=${seconds}:s=${rate}:c=${layout}`];
};
const film = (layout: string, rate: number, codec: string[]) => [
  ...picture,
  ...rising(layout, rate),
  ...["-c:v", "libx264", "-g", "25", "-pix_fmt", "yuv420p"],
  ...["-c:a", ...codec],
];

async function heardOf(bytes: Buffer, start: number, end: number): Promise<Int16Array> {
  const url = source.put("/sound", bytes);
  const body = JSON.stringify({ url, span: { start, end } });
  const answer = await fetch(`${compute.url}/v1/audio`, { method: "POST", headers: HEADERS, body });
  const wav = Buffer.from(await answer.arrayBuffer());
  expect(answer.status, wav.toString("latin1", 0, 200)).toBe(200);
  return new Int16Array(Uint8Array.from(wav.subarray(44)).buffer);
}

const loudness = (samples: Int16Array) =>
  samples.reduce((sum, value) => sum + Math.abs(value), 0) / samples.length;
/** How far two sounds are from each other at the best of the lags of up to a millisecond; 0 where they are one. */
function apart(heard: Int16Array, truth: Int16Array): number {
  const off = (lag: number) => {
    const part = heard.subarray(20, heard.length - 20);
    return (
      part.reduce((sum, value, i) => sum + Math.abs(value - (truth[i + 20 + lag] ?? 0)), 0) / part.length
    );
  };
  return Math.min(...Array.from({ length: 33 }, (_, i) => off(i - 16))) / loudness(truth);
}

describe.skipIf(!judgeIsHere)("sound is where it belongs, from its first millisecond", () => {
  test.each<[string, string, number, string[]]>([
    ["aac.mp4", "mono", 48_000, ["aac"]],
    ["aac-8k.mp4", "mono", 8000, ["aac"]],
    ["aac-22k.mov", "stereo", 22_050, ["aac"]],
    ["aac.mkv", "stereo", 44_100, ["aac"]],
    ["aac-fragmented.mp4", "mono", 48_000, ["aac", "-movflags", "frag_keyframe+empty_moov+delay_moov"]],
    ["mp3.mp4", "mono", 48_000, ["libmp3lame"]],
    ["mp3-24k.mp4", "mono", 24_000, ["libmp3lame"]],
    ["mp3.mkv", "stereo", 44_100, ["libmp3lame"]],
    ["opus.mp4", "mono", 48_000, ["libopus"]],
    ["opus.webm", "mono", 48_000, ["libopus", "-c:v", "libvpx"]],
    ["vorbis.mkv", "mono", 48_000, ["libvorbis"]],
    ["flac.mkv", "stereo", 48_000, ["flac"]],
    ["pcm.mov", "stereo", 44_100, ["pcm_s16le"]],
    ["ac3.ts", "5.1", 48_000, ["ac3"]],
    ["aac.ts", "stereo", 48_000, ["aac"]],
    ["mp2.ts", "stereo", 48_000, ["mp2"]],
    ["mp3.avi", "mono", 48_000, ["libmp3lame", "-c:v", "mpeg4"]],
  ])("%s", async (name, layout, rate, codec) => {
    const path = join(folder, name);
    await made(film(layout, rate, codec), path);
    const bytes = await readFile(path);
    for (const [start, end] of [
      [0, 0.3],
      [0.1, 1.1],
      [1.37, 2.6],
    ] as const) {
      const heard = await heardOf(bytes, start, end);
      const truth = await judgeSound(path, start, end);
      expect(loudness(heard)).toBeGreaterThan(1000);
      expect(apart(heard, truth), `${start} to ${end} s`).toBeLessThan(0.15);
    }
  });
});

/** Three seconds of one sound, then of another, in one transport stream whose times go on. */
async function joined(first: string[], second: string[]): Promise<Buffer> {
  const path = join(folder, "part.ts");
  await made(first, path);
  const before = await readFile(path);
  // The muxer counts from the first time of decoding, two frames before the first picture's own.
  await made([...second, "-output_ts_offset", "3.08"], path);
  return Buffer.concat([before, await readFile(path)]);
}

describe.skipIf(!judgeIsHere)("sound that changes its shape half-way goes on", () => {
  const aac = ["aac", "-f", "mpegts"];
  test.each<[string, string[], string[]]>([
    ["of one channel, then two", film("mono", 48_000, aac), film("stereo", 48_000, aac)],
    ["of two channels, then six", film("stereo", 48_000, ["ac3"]), film("5.1", 48_000, ["ac3"])],
    ["of six channels, then one", film("5.1", 48_000, ["ac3"]), film("mono", 48_000, ["ac3"])],
    ["of 48 kHz, then 22.05", film("mono", 48_000, aac), film("mono", 22_050, aac)],
    ["of 32 kHz, then 48", film("stereo", 32_000, ["mp2"]), film("stereo", 48_000, ["mp2"])],
  ])("%s", async (_, first, second) => {
    const whole = await joined(first, second);
    const path = join(folder, "alone.ts");
    for (const [args, start] of [
      [first, 0.5],
      [second, 3.5],
    ] as const) {
      await made([...args], path);
      const heard = await heardOf(whole, start, start + 1);
      const truth = await judgeSound(path, 0.5, 1.5);
      expect(loudness(heard)).toBeGreaterThan(1000);
      expect(apart(heard, truth), `from ${start} s`).toBeLessThan(0.15);
    }
    // Through the change itself, in one go.
    const through = await heardOf(whole, 0.5, 4.5);
    expect(apart(through.subarray(3 * RATE), await judgeSound(path, 0.5, 1.5))).toBeLessThan(0.15);
  });
});

describe.skipIf(!judgeIsHere)("a gap in sound stays open", () => {
  // Transport streams begin at 1.48 s.
  test.each<[string, string[], number]>([
    ["pcm.mkv", ["pcm_s16le"], 0],
    ["aac.mkv", ["aac"], 0],
    ["mp2.ts", ["mp2"], 1.48],
    ["aac.mp4", ["aac"], 0],
  ])("%s", async (name, codec, origin) => {
    const whole = join(folder, `whole-${name}`);
    await made(film("mono", 48_000, codec), whole);
    const path = join(folder, `gap-${name}`);
    const without = ["-bsf:a", `noise=drop='between(pts*tb,${origin + 1},${origin + 1.5})'`];
    await made(["-copyts", "-i", whole, "-c", "copy", ...without], path);
    const heard = await heardOf(await readFile(path), 0, 2.5);
    expect(loudness(heard.subarray(1.1 * RATE, 1.4 * RATE))).toBeLessThan(10);
    for (const [start, end] of [
      [0.2, 0.9],
      [1.6, 2.4],
    ] as const) {
      const truth = await judgeSound(whole, start, end);
      expect(apart(heard.subarray(start * RATE, end * RATE), truth), `${start} s`).toBeLessThan(0.15);
    }
  });
});
