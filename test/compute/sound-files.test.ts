// Files of sound alone, as recorders, phones and programs write them: what is described, cut out and found to be spoken is
// the same in all of them, at the same seconds, and there is no picture in any.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { judgeIsHere, made } from "./judge.ts";
import { HEADERS, post, type Source, startSource } from "./source.ts";

let folder: string;
let source: Source;
let compute: RunningServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-test-"));
  source = await startSource();
  compute = await startServer({ port: 0, log: () => {}, allowOrigins: [source.origin], size: 2 });
});
afterAll(async () => {
  await compute.close();
  await source.close();
  await rm(folder, { recursive: true });
});

const SECONDS = 12;
/** When it sounds, seconds, each for half a second. */
const SOUNDS = [1, 5, 9.4];
/** Before and after a voice. */
const MARGIN = 0.3;
/** Seconds by which an encoder may smear the beginning of a sound. */
const SMEAR = 0.006;

/** Arguments of ffmpeg for the sounds at a rate, in some channels. */
function sounds(rate: number, layout: string): string[] {
  const on = SOUNDS.map((at) => `between(t,${at},${at + 0.5})`).join("+");
  const voice = `0.4*(sin(2*PI*300*t)+sin(2*PI*900*t))*(${on})`;
  const channels = Array({ mono: 1, stereo: 2, "5.1": 6 }[layout]).fill(voice).join("|");
  return ["-f", "lavfi", "-i", `aevalsrc='${channels}':d=${SECONDS}:s=${rate}:c=${layout}`];
}
const COVER = [
  "-f",
  "lavfi",
  "-i",
  "color=red:size=64x64:d=1",
  "-frames:v",
  "1",
  "-disposition:v",
  "attached_pic",
];
/** `delay`: seconds by which an encoder is late that does not say so in its file. */
type Row = [file: string, rate: number, layout: string, args: string[], delay?: number];
const rows: Row[] = [
  ...(["u8", "s16le", "s24le", "s32le", "f32le", "f64le"].map((kind) => [
    `${kind}.wav`,
    44_100,
    "stereo",
    ["-c:a", `pcm_${kind}`],
  ]) as Row[]),
  ...([8_000, 11_025, 16_000, 22_050, 48_000, 96_000].map((rate) => [
    `${rate}.wav`,
    rate,
    "mono",
    [],
  ]) as Row[]),
  ["surround.wav", 48_000, "5.1", ["-c:a", "pcm_s24le"]],
  ["telephone.wav", 8_000, "mono", ["-c:a", "pcm_mulaw"]],
  ["adpcm.wav", 22_050, "stereo", ["-c:a", "adpcm_ms"]],
  ["large.wav", 16_000, "mono", ["-rf64", "always"]],
  ["constant.mp3", 44_100, "stereo", ["-b:a", "128k"]],
  ["variable.mp3", 44_100, "stereo", ["-q:a", "6"]],
  ["bare.mp3", 44_100, "mono", ["-b:a", "64k", "-write_xing", "0", "-id3v2_version", "0"], 0.025],
  ["mpeg2.mp3", 22_050, "mono", ["-b:a", "32k"]],
  ["mpeg2.5.mp3", 8_000, "mono", ["-b:a", "16k"]],
  ["cover.mp3", 44_100, "stereo", [...COVER, "-map", "0", "-map", "1", "-c:v", "mjpeg"]],
  ["16.flac", 44_100, "stereo", ["-sample_fmt", "s16"]],
  ["24.flac", 48_000, "5.1", ["-sample_fmt", "s32"]],
  ["vorbis.ogg", 44_100, "stereo", ["-c:a", "libvorbis"]],
  ["voice.opus", 48_000, "mono", ["-c:a", "libopus", "-b:a", "24k"]],
  ["surround.opus", 48_000, "5.1", ["-c:a", "libopus"]],
  ["flac.oga", 16_000, "mono", ["-c:a", "flac"]],
  ["aac.m4a", 44_100, "stereo", ["-c:a", "aac"]],
  ["lossless.m4a", 44_100, "stereo", ["-c:a", "alac"]],
  ["opus.webm", 48_000, "stereo", ["-c:a", "libopus"]],
  ["vorbis.webm", 44_100, "mono", ["-c:a", "libvorbis"]],
  ["flac.mka", 44_100, "stereo", ["-c:a", "flac"]],
];

async function urlOf([name, rate, layout, args]: Row): Promise<string> {
  const path = join(folder, name);
  await made([...sounds(rate, layout), ...args], path);
  return source.put(`/${name}`, await readFile(path));
}

/** Seconds at which a part of the sound begins to sound. */
async function onsets(url: string, start: number, end: number): Promise<number[]> {
  const body = JSON.stringify({ url, span: { start, end } });
  const answer = await fetch(`${compute.url}/v1/audio`, { method: "POST", headers: HEADERS, body });
  const wav = Buffer.from(await answer.arrayBuffer());
  expect(answer.status, wav.toString("latin1", 0, 200)).toBe(200);
  const samples = new Int16Array(Uint8Array.from(wav.subarray(44)).buffer);
  const loud = samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 4;
  const found: number[] = [];
  let last = -16_000;
  for (const [i, value] of samples.entries()) {
    if (Math.abs(value) <= loud) continue;
    if (i - last > 4_000) found.push(start + i / 16_000);
    last = i;
  }
  return found;
}

async function spoken(body: object): Promise<[start: number, end: number][]> {
  const { status, lines, text } = await post(compute.url, "/v1/speech", body);
  expect(status, text.slice(0, 300)).toBe(200);
  expect(lines.at(-2), text.slice(-300)).toMatchObject({ next: null });
  return lines.slice(0, -2).map(({ start, end }) => [start, end]);
}

const expectTimes = (seen: number[], right: number[], within: number) =>
  expect(
    seen.map((time) => right.find((other) => Math.abs(other - time) <= within) ?? time),
    `${seen}`,
  ).toEqual(right);

describe.skipIf(!judgeIsHere)("a file of sound alone", () => {
  test.each(rows)("%s", async (...row) => {
    const [, rate, layout, , delay = 0] = row;
    const begins = SOUNDS.map((at) => at + delay);
    const url = await urlOf(row);
    const { lines } = await post(compute.url, "/v1/probe", { url });
    const [{ kind, duration, streams }] = lines;
    expect(kind).toBe("audio");
    expect(Math.abs(duration - SECONDS)).toBeLessThan(0.1);
    const channels = { mono: 1, stereo: 2, "5.1": 6 }[layout];
    expect(streams).toMatchObject([{ type: "audio", sample_rate: rate, channels }]);
    expectTimes(await onsets(url, 0, SECONDS), begins, SMEAR);
    // From the middle on, after a jump.
    expectTimes(await onsets(url, 4.8, 6), [5 + delay], SMEAR);
    const found = await spoken({ url });
    expectTimes(
      found.map(([start]) => start),
      SOUNDS.map((at) => at - MARGIN),
      0.05,
    );
    expectTimes(
      found.map(([, end]) => end),
      SOUNDS.map((at) => at + 0.5 + MARGIN),
      0.12,
    );
    expectTimes(
      (await spoken({ url, from: 4, until: 8 })).map(([start]) => start),
      [5 - MARGIN],
      0.05,
    );
    for (const [call, body] of [
      ["split", { url }],
      ["frames", { url, at: [0] }],
      ["clip", { url, span: { start: 0, end: 1 } }],
      ["image", { url }],
    ] as const)
      expect((await post(compute.url, `/v1/${call}`, body)).lines[0].failure, call).toMatchObject({
        kind: "bad_media",
        detail: expect.stringMatching(
          /only the sound is read, not a|has no video track|is a video, not a picture/,
        ),
      });
  });
});

describe.skipIf(!judgeIsHere)("two files of sound joined byte by byte", () => {
  const joined = async (name: string, args: string[]) => {
    const path = join(folder, `part-${name}`);
    await made([...sounds(48_000, "mono"), ...args], path);
    // Another encoding of it, as no two streams of Ogg have the same number.
    const first = await readFile(path);
    await made([...sounds(48_000, "mono"), ...args], path);
    return source.put(`/joined-${name}`, Buffer.concat([first, await readFile(path)]));
  };

  test.each([
    ["two.wav", []],
    ["two.flac", []],
    ["two.ogg", ["-c:a", "libvorbis"]],
    ["two.opus", ["-c:a", "libopus"]],
  ] as [string, string[]][])("%s are refused: their times begin anew", async (name, args) => {
    const url = await joined(name, args);
    expect((await post(compute.url, "/v1/speech", { url })).lines[0].failure).toMatchObject({
      kind: "bad_media",
      detail: expect.stringMatching(/is several sounds joined byte by byte/),
    });
  });

  test("two.mp3 go on, as its frames have no times", async () => {
    const found = await spoken({ url: await joined("two.mp3", ["-b:a", "64k"]) });
    expectTimes(
      found.map(([start]) => start),
      [...SOUNDS, ...SOUNDS.map((at) => SECONDS + at)].map((at) => at - MARGIN),
      0.12,
    );
  });
});
