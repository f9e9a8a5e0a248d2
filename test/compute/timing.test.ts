// When a film's frames are shown, where that is not what its container's header or index says at first sight: every
// call against an independent decoder. The fixtures' likenesses are in table.ts; these are their relatives.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PlannedChunk } from "../../workers/compute/server/decoder/tasks/split.ts";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { judge, judgeIsHere, made } from "./judge.ts";
import { HEADERS, post, type Source, startSource } from "./source.ts";

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

const model = "weir/hog-512";
const lavfi = (input: string) => ["-f", "lavfi", "-i", input];
const pattern = (seconds = 3, rate = 25) => lavfi(`testsrc2=size=160x96:rate=${rate}:duration=${seconds}`);
const tone = (seconds: number) => lavfi(`sine=440:d=${seconds}`);
const h264 = ["-c:v", "libx264", "-g", "25", "-pix_fmt", "yuv420p"];
const hevc = ["-c:v", "libx265", "-pix_fmt", "yuv420p", "-x265-params", "keyint=25:log-level=none"];
const mpeg2 = ["-c:v", "mpeg2video", "-bf", "2", "-g", "25"];

async function draw(name: string, args: string[]): Promise<Buffer> {
  const path = join(folder, name);
  await made(args, path);
  return readFile(path);
}
const call = async (path: string, body: object) => (await post(compute.url, path, body)).lines;
async function clipOf(url: string, start: number, end: number): Promise<Buffer> {
  const body = JSON.stringify({ url, span: { start, end } });
  const answer = await fetch(`${compute.url}/v1/clip`, { method: "POST", headers: HEADERS, body });
  const bytes = Buffer.from(await answer.arrayBuffer());
  expect(answer.status, bytes.toString("latin1", 0, 300)).toBe(200);
  return bytes;
}

/** Holds every call to the frames that the independent decoder finds: how many, when, and from where to where. */
async function agrees(name: string, bytes: Buffer, lasts?: number): Promise<void> {
  const path = join(folder, `of-${name}`);
  await writeFile(path, bytes);
  const { frames: all, width, height } = await judge(path);
  // The judge makes pictures up for what leans on frames that are not there.
  const frames = all.slice(all.findIndex(({ key }) => key));
  const times = frames.map(({ time }) => time - (frames[0]?.time ?? 0));
  const seconds = lasts ?? frames.length / 25;
  const url = source.put(`/timing/${name}`, bytes);
  const [probed] = await call("/v1/probe", { url });
  const [whole] = await call("/v1/split", { url, frame_interval: 1 });
  expect(whole).toMatchObject({ width, height, frames: frames.length });
  expect(Math.abs(whole.duration - seconds), `${whole.duration} s`).toBeLessThan(0.05);
  expect(Math.abs(probed.duration - seconds), `probed ${probed.duration} s`).toBeLessThan(0.05);
  const shownAt = (time: number) => times.filter((each) => each <= time + 1e-4).at(-1) ?? -1;
  const at = [0, 0.3, 1.02, 1.51, seconds - 0.1];
  const shots = await call("/v1/frames", { url, at, size: 32 });
  for (const [i, time] of at.entries())
    expect(Math.abs(shots[i].time - shownAt(time)), `at ${time} s: ${shots[i].time}`).toBeLessThan(1.5e-3);
  const chunks: PlannedChunk[] = whole.chunks;
  const items = chunks.map(({ start, end }) => ({ url, span: { start, end } }));
  for (const { index, sampled, error } of await call("/v1/embed", { items, kind: "video", model })) {
    const { start, end } = chunks[index] as PlannedChunk;
    expect(error).toBeUndefined();
    const any = times.some((time) => time >= start && time < end);
    for (const time of sampled)
      expect(any ? time >= start - 1.5e-3 && time < end : Math.abs(time - shownAt(start)) < 1.5e-3).toBe(
        true,
      );
  }
  for (const [start, end] of [
    [1, 2],
    [0.52, 1.52],
  ] as const) {
    const cut = join(folder, `cut-of-${name}.mp4`);
    await writeFile(cut, await clipOf(url, start, end));
    const inside = times.filter((time) => time > start - 2e-3 && time < end - 2e-3);
    expect((await judge(cut)).frames.length, `${start} to ${end} s`).toBe(Math.max(1, inside.length));
  }
}

describe.skipIf(!judgeIsHere)("time zero is the first frame that can be shown", () => {
  test.each<[string, string[], number]>([
    ["h264.ts", [...h264, "-bf", "2"], 0.4],
    ["hevc.ts", hevc, 0.4],
    ["mpeg2.ts", mpeg2, 0.4],
  ])("of a transport stream cut off its keyframe: %s", async (name, codec, share) => {
    const whole = await draw(name, [...pattern(4), ...codec]);
    const at = Math.floor((whole.length * share) / 188) * 188;
    const bytes = Buffer.concat([whole.subarray(0, 3 * 188), whole.subarray(at)]);
    await agrees(name, bytes);
  });
  const late = ["-map", "0:v", "-map", "1:a", "-vsync", "vfr"];
  test.each(["late.mkv", "late.mp4", "late.ts"])(
    "where the picture joins its sound late: %s",
    async (name) => {
      const args = ["-itsoffset", "7", ...pattern(3), ...tone(10.5), ...h264, ...late];
      await agrees(name, await draw(name, args), 3);
    },
  );
});

describe.skipIf(!judgeIsHere)("a film that shows itself from no single frame", () => {
  const refresh = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-x264-params"];
  test.each<[string, string]>([
    ["refreshed.mkv", "intra-refresh=1:keyint=25"],
    ["refreshed.ts", "intra-refresh=1:keyint=25:bframes=0"],
    ["refreshed.mp4", "intra-refresh=1:keyint=40:bframes=2"],
  ])("is entered early enough: %s", async (name, how) => {
    await agrees(name, await draw(name, [...pattern(), ...refresh, how]), 3);
  });
});

describe.skipIf(!judgeIsHere)("of several video tracks one is split, shown and cut", () => {
  const tracks = [...pattern(), ...lavfi("testsrc2=size=64x48:rate=50:duration=3")];
  const small = ["-c:v:0", "mpeg4", "-c:v:1", "libx264", "-g:v:1", "25", "-pix_fmt", "yuv420p"];
  test.each(["two.mp4", "two.mov", "two.mkv"])("%s", async (name) => {
    const large = await draw(name, [...tracks, ...h264, "-map", "0", "-map", "1"]);
    await agrees(name, large, 3);
    // The other way round, whichever of them is the better one.
    const bytes = await draw(`behind-${name}`, [...tracks, ...small, "-map", "1", "-map", "0"]);
    const url = source.put(`/timing/behind-${name}`, bytes);
    const [{ width, height, fps, frames, chunks }] = await call("/v1/split", { url, frame_interval: 1 });
    expect([[160, 96, 25].join(), [64, 48, 50].join()]).toContain([width, height, fps].join());
    expect([frames, chunks[1].first_frame]).toEqual([3 * fps, fps]);
    const [shot] = await call("/v1/frames", { url, at: [1.51], size: 400 });
    expect([shot.width, shot.height, Math.floor(1.51 * fps) / fps]).toEqual([width, height, shot.time]);
    const cut = join(folder, `cut-of-behind-${name}.mp4`);
    await writeFile(cut, await clipOf(url, 1, 2));
    expect(await judge(cut)).toMatchObject({ width, height, frames: { length: fps } });
  });
});

/** An MP4 of one track with an edit list: from when, in seconds of the film's own (or none, to wait), and for how long. */
function edited(film: Buffer, parts: [from: number | undefined, seconds: number][]): Buffer {
  const box = (type: string, ...contents: Buffer[]) => {
    const head = Buffer.alloc(8, type.padStart(8), "latin1");
    head.writeUInt32BE(contents.reduce((sum, { length }) => sum + length, 8));
    return Buffer.concat([head, ...contents]);
  };
  const inside = (bytes: Buffer): [string, Buffer][] => {
    const found: [string, Buffer][] = [];
    for (let at = 0; at < bytes.length; at += bytes.readUInt32BE(at))
      found.push([
        bytes.toString("latin1", at + 4, at + 8),
        bytes.subarray(at + 8, at + bytes.readUInt32BE(at)),
      ]);
    return found;
  };
  const get = (bytes: Buffer, type: string) =>
    inside(bytes).find(([name]) => name === type)?.[1] ?? Buffer.alloc(0);
  const list = (film: number, track: number) => {
    const bytes = Buffer.alloc(8 + 12 * parts.length);
    bytes.writeUInt32BE(parts.length, 4);
    for (const [i, [from, seconds]] of parts.entries()) {
      bytes.writeUInt32BE(Math.round(seconds * film), 8 + 12 * i);
      bytes.writeInt32BE(from === undefined ? -1 : Math.round(from * track), 12 + 12 * i);
      bytes.writeUInt16BE(1, 16 + 12 * i);
    }
    return box("edts", box("elst", bytes));
  };
  const moov = get(film, "moov");
  const scale = get(moov, "mvhd").readUInt32BE(12);
  const parts2 = inside(moov).map(([type, contents]) => {
    if (type !== "trak") return box(type, contents);
    const rest = inside(contents).filter(([name]) => name !== "edts");
    const track = get(get(contents, "mdia"), "mdhd").readUInt32BE(12);
    const boxes = rest.map(([name, bytes]) => box(name, bytes));
    return box("trak", ...boxes.slice(0, 1), list(scale, track), ...boxes.slice(1));
  });
  // The index is behind the frames, whose places stay.
  return Buffer.concat([
    ...inside(film).map(([type, bytes]) => (type === "moov" ? box("moov", ...parts2) : box(type, bytes))),
  ]);
}

describe.skipIf(!judgeIsHere)("an edit list of several parts", () => {
  test.each<[string, [number | undefined, number][], number]>([
    [
      "three-parts.mp4",
      [
        [2, 1],
        [0, 1],
        [3, 1],
      ],
      3,
    ],
    [
      "one-twice.mp4",
      [
        [1, 1],
        [1, 1],
        [0, 1],
      ],
      3,
    ],
    [
      "a-part-left-out.mp4",
      [
        [0, 1],
        [2, 1.5],
      ],
      2.5,
    ],
  ])("is followed: %s", async (name, parts, seconds) => {
    const film = await draw("unedited.mp4", [...pattern(4), ...h264, "-bf", "0"]);
    await agrees(name, edited(film, parts), seconds);
  });
});

describe.skipIf(!judgeIsHere)("a film whose picture stands still", () => {
  test.each<[string, string[], number]>([
    ["still.mp4", [...pattern(1, 1), ...tone(12), ...h264], 12],
    ["still.mkv", [...pattern(1, 1), ...tone(12), ...h264], 12],
    ["still.webm", [...pattern(1, 1), ...tone(12), "-c:v", "libvpx", "-c:a", "libopus"], 12],
    ["slides.mkv", [...pattern(12, 0.25), ...h264], 12],
    ["slides.mp4", [...pattern(12, 0.25), ...h264], 12],
    ["slides.webm", [...pattern(12, 0.25), "-c:v", "libvpx-vp9", "-deadline", "realtime"], 12],
  ])(
    "lasts as long as it is heard or shown, and shows what is on screen: %s",
    async (name, args, seconds) => {
      await agrees(name, await draw(name, args), seconds);
    },
  );

  test.each<[string, number, number]>([
    ["half-hourly.mp4", 1800, 0.000556],
    ["daily.mp4", 7200, 0.000139],
    ["minutely.mkv", 60, 0.0167],
  ])("has a rate, however slow: %s", async (name, every, fps) => {
    const bytes = await draw(name, [...pattern(every * 3, 1 / every), ...h264]);
    const url = source.put(`/timing/${name}`, bytes);
    const [whole] = await call("/v1/split", { url, frame_interval: every / 2 });
    expect(whole).toMatchObject({ fps, frames: 3 });
    const [probed] = await call("/v1/probe", { url });
    expect(probed.streams[0].fps).toBe(fps);
    // The second of the spans begins between two frames.
    expect(whole.chunks[1]).toMatchObject({ first_frame: 0, last_frame: 0 });
  });
});

describe.skipIf(!judgeIsHere)("an AVI with frames left out", () => {
  const without = ["-vf", "select='lt(t,0.6)+gt(t,2.2)'", "-vsync", "vfr", "-pix_fmt", "yuv420p"];
  test.each<[string, string[]]>([
    ["mpeg4.avi", ["-c:v", "mpeg4", "-g", "12"]],
    ["mjpeg.avi", ["-c:v", "mjpeg"]],
    ["h264.avi", ["-c:v", "libx264", "-g", "12", "-bf", "0"]],
  ])("shows each when it is shown: %s", async (name, codec) => {
    const bytes = await draw(name, [...pattern(), ...without, ...codec]);
    const url = source.put(`/timing/${name}`, bytes);
    const lines = await call("/v1/frames", { url, at: [0.5, 1.5, 2.5, 2.9], size: 32 });
    expect(lines.slice(0, 4).map(({ time }) => Math.round(time * 25))).toEqual([12, 14, 62, 72]);
  });
});

const joinedBy = async (name: string, args: string[]) => {
  const part = await draw(name, args);
  return Buffer.concat([part, part]);
};
describe.skipIf(!judgeIsHere)("films joined byte by byte are refused as such, by every call", () => {
  const vp9 = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-g", "25"];
  test.each<[string, string[]]>([
    ["hevc.ts", [...pattern(), ...hevc]],
    ["mpeg2-and-sound.ts", [...pattern(), ...tone(3), ...mpeg2, "-c:a", "mp2"]],
    ["blu-ray.m2ts", [...pattern(), ...h264, "-f", "mpegts", "-mpegts_m2ts_mode", "1"]],
    ["recorded.webm", [...pattern(), ...vp9, "-live", "1"]],
    ["whole.webm", [...pattern(), ...vp9]],
    ["whole.mkv", [...pattern(), ...h264]],
    ["whole.mp4", [...pattern(), ...h264]],
    ["whole.avi", [...pattern(), "-c:v", "mpeg4"]],
  ])("%s", async (name, args) => {
    const url = source.put(`/timing/joined-${name}`, await joinedBy(name, args));
    const span = { start: 1, end: 2 };
    for (const [path, body] of [
      ["probe", { url }],
      ["split", { url }],
      ["frames", { url, at: [1] }],
      ["embed", { items: [{ url, span }], kind: "video", model }],
      ["clip", { url, span }],
      ["audio", { url, span }],
      ["image", { url }],
    ] as const) {
      const { text } = await post(compute.url, `/v1/${path}`, body);
      expect(text, path).toMatch(/bad_media.*several films joined byte by byte: byte \d+ is of another one/);
    }
  });

  test("and those whose times go on, or wrap, are not", async () => {
    const [first, second] = [
      await draw("first.ts", [...pattern(), ...h264, "-bf", "0"]),
      await draw("second.ts", [...pattern(), ...h264, "-bf", "0", "-output_ts_offset", "3"]),
    ];
    await agrees("goes-on.ts", Buffer.concat([first, second]), 6);
    // 33 bits of 90 kHz are full 1.3 s after the film begins.
    const offset = (2 ** 33 / 90_000 - 1.4 - 1.3).toFixed(3);
    const wraps = await draw("wraps.ts", [...pattern(), ...h264, "-output_ts_offset", offset]);
    await agrees("wraps.ts", wraps, 3);
  });
});
