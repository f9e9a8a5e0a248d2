// A card of five colours in every way that films say what their numbers mean: range, matrix, gamut, HDR, the sides
// of pixels, how they are turned. What is shown and what a clip shows, against Debian's ffmpeg.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { judge, judgeColours, judgeIsHere, judgePicture, judgeStills, made } from "./judge.ts";
import { pixelsOf } from "./png.ts";
import { HEADERS, post, type Source, startSource } from "./source.ts";

let folder: string;
let source: Source;
let compute: RunningServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-test-"));
  source = await startSource();
  compute = await startServer({ port: 0, log: () => {}, allowOrigins: [source.origin], size: 1 });
  if (judgeIsHere) await made(["-f", "lavfi", "-i", CARD, "-frames:v", "1"], join(folder, "card.png"));
});
afterAll(async () => {
  await compute.close();
  await source.close();
  await rm(folder, { recursive: true });
});

const boxes = ["0:0:80:48:0xDC1414", "80:0:80:48:0x14C814", "0:48:80:48:0x1414DC", "60:28:40:40:0xFFC800"];
const CARD = `color=0xF0F0F0:s=160x96,format=rgb24,${boxes.map((box) => `drawbox=${box}:fill`).join()}`;
const POINTS = [
  [0.1, 0.1],
  [0.9, 0.1],
  [0.1, 0.9],
  [0.9, 0.9],
  [0.5, 0.5],
] as const;
type Colour = [number, number, number];
type Picture = { at(x: number, y: number): Colour };

const rgb = (pixels: Buffer, width: number, height: number): Picture => ({
  at(x, y) {
    const from = (Math.floor(y * height) * width + Math.floor(x * width)) * 3;
    return [...pixels.subarray(from, from + 3)] as Colour;
  },
});

/** Of the card's five points, each channel within `most` of one picture's or between it and another's. */
function expectBetween(seen: Picture, most: number, one: Picture, other = one): void {
  for (const [x, y] of POINTS) {
    const [here, a, b] = [seen.at(x, y), one.at(x, y), other.at(x, y)];
    const off = here.map((value, i) =>
      Math.max(Math.min(a[i] ?? 0, b[i] ?? 0) - value, value - Math.max(a[i] ?? 0, b[i] ?? 0)),
    );
    expect(Math.max(...off), `${here} at ${x}, ${y}, not from ${a} to ${b}`).toBeLessThanOrEqual(most);
  }
}

const from = "format=gbrp,zscale=tin=bt709:pin=bt709:min=gbr:rin=full";
const hevc = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=50"];
const h264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "50"];
const vp9 = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "50"];
const full = (matrix: string) => [
  "-vf",
  `scale=out_color_matrix=${matrix}:out_range=full`,
  "-color_range",
  "pc",
];
/** A number that does not stand for light by the letter, but by what its screen makes of it. */
const BY_SCREEN = "agamma=0";
const pq = (nits: number) => `${from}:t=smpte2084:p=bt2020:m=bt2020nc:r=tv:npl=${nits},format=yuv420p10le`;
const hlg = `${from}:${BY_SCREEN}:t=arib-std-b67:p=bt2020:m=bt2020nc:r=tv:npl=203,format=yuv420p10le`;
const wide = (primaries: string, matrix: string, format: string) =>
  `${from}:t=bt709:p=${primaries}:m=${matrix}:r=tv,format=${format}`;

/** How each film is made of the card. */
const films: Record<"hdr" | "wide" | "plain", [string, string[]][]> = {
  hdr: [
    ["hlg.mp4", ["-vf", hlg, ...hevc, "-tag:v", "hvc1"]],
    ["pq.webm", ["-vf", pq(203), ...vp9, "-profile:v", "2"]],
    ["bright.ts", ["-vf", pq(1000), ...hevc]],
    ["pq.mkv", ["-vf", pq(203), ...hevc]],
  ],
  wide: [
    ["bt2020.mkv", ["-vf", wide("bt2020", "bt2020nc", "yuv420p10le"), ...hevc]],
    ["bt2020.webm", ["-vf", wide("bt2020", "bt2020nc", "yuv420p10le"), ...vp9, "-profile:v", "2"]],
    ["p3.mov", ["-vf", wide("smpte432", "bt709", "yuv422p10le"), "-c:v", "prores_ks"]],
  ],
  plain: [
    ["full.mp4", [...full("bt709"), "-colorspace", "bt709", ...h264]],
    ["full.mkv", [...full("smpte170m"), "-colorspace", "smpte170m", ...hevc, "-pix_fmt", "yuv420p"]],
    [
      "full-av1.mp4",
      [...full("bt709"), "-colorspace", "bt709", "-c:v", "libsvtav1", "-preset", "12", "-g", "50"],
    ],
    ["full.avi", ["-c:v", "mjpeg", "-q:v", "2"]],
    ["rgb.mkv", ["-c:v", "libx264rgb", "-g", "50"]],
    ["oblong.mkv", ["-vf", "setsar=4/3", ...h264]],
    ["oblong.ts", ["-vf", "setsar=4/3", ...h264]],
    ["narrow.mov", ["-vf", "setsar=8/9", ...h264]],
    ["square-90.mp4", ["-vf", "scale=96:96,transpose=cclock", ...h264, "-metadata:s:v", "rotate=90"]],
    ["square-180.mov", ["-vf", "scale=96:96,vflip,hflip", ...h264, "-metadata:s:v", "rotate=180"]],
    ["oblong-270.mp4", ["-vf", "setsar=4/3", ...h264, "-metadata:s:v", "rotate=270"]],
  ],
};
const tone = (how: string) =>
  `zscale=${BY_SCREEN}:t=linear:p=bt709:m=gbr:npl=203,format=gbrpf32le,tonemap=${how}:desat=0:peak=4.926,zscale=t=bt709:m=gbr:r=full,format=gbrp`;
const narrowed = "zscale=t=linear:m=gbr,format=gbrpf32le,zscale=p=bt709:t=bt709:m=gbr:r=full,format=gbrp";

async function film(name: string, args: string[]): Promise<{ path: string; url: string }> {
  const path = join(folder, name);
  const still = ["-loop", "1", "-framerate", "25", "-t", "1", "-i", join(folder, "card.png")];
  await made([...still, ...args], path);
  return { path, url: source.put(`/colours/${name}`, await readFile(path)) };
}

async function shown(url: string): Promise<Picture & { width: number; height: number }> {
  const { lines } = await post(compute.url, "/v1/frames", { url, at: [0.4], size: 4096, format: "png" });
  expect(lines.at(-1)).toEqual({ done: 1 });
  return pixelsOf(Buffer.from(lines[0].data, "base64"));
}

/** A clip that begins off a keyframe, and so is encoded again. */
async function clipped(name: string, url: string): Promise<string> {
  const path = join(folder, `clip-of-${name}.mp4`);
  const body = JSON.stringify({ url, span: { start: 0.2, end: 0.6 } });
  const answer = await fetch(`${compute.url}/v1/clip`, { method: "POST", headers: HEADERS, body });
  const bytes = Buffer.from(await answer.arrayBuffer());
  expect(answer.status, bytes.toString("latin1", 0, 300)).toBe(200);
  await writeFile(path, bytes);
  return path;
}

async function judged(
  path: string,
  filters: string[] = [],
): Promise<Picture & { width: number; height: number }> {
  const { width, height, frames } = await judge(path, filters);
  return { width, height, ...rgb(frames.at(-1)?.pixels ?? Buffer.alloc(0), width, height) };
}

/** The pictures that stand for a span, of which vectors are made, have the same colours. */
async function expectSampled(url: string, seen: Picture & { width: number; height: number }): Promise<void> {
  const { lines } = await post(compute.url, "/v1/sample", { items: [{ url }], kind: "video", size: 512 });
  const pixels = await judgeStills([Buffer.from(lines[0].pictures[0], "base64")], "mjpeg");
  expect(pixels.length).toBe(seen.width * seen.height * 3);
  expectBetween(rgb(pixels, seen.width, seen.height), 8, seen);
}

describe.skipIf(!judgeIsHere)("the card", () => {
  test.each(films.hdr)("in HDR is toned as far as two well-known ways differ: %s", async (name, args) => {
    const { path, url } = await film(name, args);
    const [clip, hable] = await Promise.all([judged(path, [tone("clip")]), judged(path, [tone("hable")])]);
    const seen = await shown(url);
    // A step of PQ is several of 255 in the dark channels of a strong colour.
    expectBetween(seen, 8, clip, hable);
    const again = await clipped(name, url);
    expect(await judgeColours(again)).toBe("tv,bt709,bt709,bt709");
    expectBetween(await judged(again), 16, seen);
    await expectSampled(url, seen);
  });

  test.each(films.wide)("in a wide gamut is brought into the screen's: %s", async (name, args) => {
    const { path, url } = await film(name, args);
    const seen = await shown(url);
    expectBetween(seen, 3, await judged(path, [narrowed]));
    const again = await clipped(name, url);
    expect(await judgeColours(again)).toBe(await judgeColours(path));
    // In its own gamut: one step of 256 is many in a dark channel of another.
    expectBetween(await judged(again), 8, await judged(path));
    await expectSampled(url, seen);
  });

  test.each(films.plain)(
    "is what it was drawn as, and its clip says and shows the same: %s",
    async (name, args) => {
      const { path, url } = await film(name, args);
      const truth = await judged(path);
      const seen = await shown(url);
      const { width, height } = truth;
      expect(seen).toMatchObject({ width, height });
      expectBetween(seen, 3, truth);
      const [{ streams }] = (await post(compute.url, "/v1/probe", { url })).lines;
      expect(streams[0]).toMatchObject({ width, height });
      const again = await clipped(name, url);
      const clip = await judged(again);
      expect(clip).toMatchObject({ width, height });
      expectBetween(clip, 8, truth);
      if (name.startsWith("full")) expect((await judgeColours(again)).slice(0, 2)).toBe("pc");
      await expectSampled(url, seen);
    },
  );

  test.each([
    ["full.avif", [...full("bt709"), "-colorspace", "bt709", "-pix_fmt", "yuv444p"]],
    ["limited.avif", ["-vf", "scale=out_color_matrix=bt709", "-colorspace", "bt709", "-pix_fmt", "yuv420p"]],
    ["bt2020.avif", ["-vf", wide("bt2020", "bt2020nc", "yuv444p10le")]],
  ])("as a still picture: %s", async (name, args) => {
    const path = join(folder, name);
    const av1 = ["-c:v", "libaom-av1", "-still-picture", "1", "-crf", "5", "-cpu-used", "8"];
    await made(["-i", join(folder, "card.png"), ...args, ...av1], path);
    const seen = await shown(source.put(`/colours/${name}`, await readFile(path)));
    const pixels = await judgePicture(path, name.startsWith("bt2020") ? [narrowed] : []);
    expectBetween(seen, 3, rgb(pixels, 160, 96));
  });
});
