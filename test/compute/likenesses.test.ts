// Relatives of the fixtures, drawn by ffmpeg: other transparent pictures, other files that are cut short, need a
// key, begin in the middle or have something behind them. Each is its right value or a refusal by its name.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { type Heic, heicOf } from "./heic.ts";
import { judgeIsHere, made } from "./judge.ts";
import { pixelsOf } from "./png.ts";
import { post, type Source, startSource } from "./source.ts";
import { exif } from "./turned.ts";

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

/** A file that ffmpeg makes of a drawn source. */
async function drawn(name: string, lavfi: string, args: string[]): Promise<Buffer> {
  const path = join(folder, name);
  await made(["-f", "lavfi", "-i", lavfi, ...args], path);
  return readFile(path);
}
const ask = async (call: string, name: string, bytes: Buffer, more: object = {}) => {
  const url = source.put(`/likenesses/${name}`, bytes);
  return (await post(compute.url, `/v1/${call}`, { url, ...more })).lines[0];
};
const half = (bytes: Buffer) => bytes.subarray(0, Math.floor(bytes.length * 0.6));

const pattern = "testsrc2=size=160x96:rate=25:duration=2";
const picture = ["-frames:v", "1"];
/** Black on its left half, and nothing on its right, where the colour that does not show is black too. */
const clear = "color=black:size=64x64:rate=1:duration=1,format=rgba,geq=r=0:g=0:b=0:a='if(lt(X,32),255,0)'";
const palette = ["-vf", "split[a][b];[a]palettegen[p];[b][p]paletteuse"];
const film = ["-c:v", "libx264", "-g", "25", "-pix_fmt", "yuv420p"];
const key = [
  "-encryption_scheme",
  "cenc-aes-ctr",
  "-encryption_key",
  "76".repeat(16),
  "-encryption_kid",
  "a7".repeat(16),
];
const tone = "sine=frequency=440:duration=2";

describe.skipIf(!judgeIsHere)("a transparent picture lies on white", () => {
  test.each([
    ["clear.png", picture],
    ["deep.png", ["-pix_fmt", "rgba64be", ...picture]],
    ["palette.png", [...palette, "-pix_fmt", "pal8", ...picture]],
    ["clear.webp", ["-lossless", "1", ...picture]],
    ["clear.gif", [...palette, ...picture]],
    ["clear.tiff", ["-pix_fmt", "rgba", ...picture]],
  ])("%s", async (name, args) => {
    const { colors } = await ask("image", name, await drawn(name, clear, args));
    expect(colors.map(({ hex }: { hex: string }) => hex).sort()).toEqual(["#000000", "#ffffff"]);
    for (const { share } of colors) expect(share).toBeCloseTo(0.5, 1);
  });
});

describe.skipIf(!judgeIsHere)("a picture that is cut short is refused as that", () => {
  const avif = ["-c:v", "libaom-av1", "-still-picture", "1", "-cpu-used", "8", "-pix_fmt", "yuv420p"];
  test.each([
    ["cut.jpg", [...picture]],
    ["cut.png", [...picture]],
    ["cut.webp", [...picture]],
    ["cut.gif", [...picture]],
    ["cut.tiff", ["-compression_algo", "raw", ...picture]],
    ["cut.avif", [...avif, ...picture]],
    ["cut-with-thumbnail.jpg", [...picture]],
  ])("%s", async (name, args) => {
    const whole = await drawn(name, pattern, args);
    const bytes = name.includes("thumbnail") ? exif(whole, 6) : whole;
    expect(await ask("image", `whole-${name}`, bytes)).toHaveProperty("width");
    expect((await ask("image", name, half(bytes))).detail).toContain("is cut short");
  });
});

describe.skipIf(!judgeIsHere)("a film that needs a key is refused as encrypted", () => {
  test.each<[string, string, string[]]>([
    ["fragmented.mp4", pattern, [...film, ...key, "-movflags", "frag_keyframe+empty_moov"]],
    ["index-first.mp4", pattern, [...film, ...key, "-movflags", "+faststart"]],
    ["sound.m4a", tone, ["-c:a", "aac", ...key, "-f", "mp4"]],
    ["scrambled.ts", pattern, film],
  ])("%s", async (name, lavfi, args) => {
    const bytes = await drawn(name, lavfi, args);
    // What broadcasters set in the header of each packet that they scramble.
    if (name === "scrambled.ts")
      for (let at = 0; at < bytes.length; at += 188)
        if ((bytes.readUInt16BE(at + 1) & 0x1fff) === 0x100) bytes[at + 3] = (bytes[at + 3] ?? 0) | 0x80;
    for (const call of ["probe", "split"])
      expect((await ask(call, name, bytes)).detail).toContain("is encrypted");
    expect((await ask("clip", name, bytes, { span: { start: 0, end: 1 } })).detail).toContain("is encrypted");
  });
});

describe.skipIf(!judgeIsHere)("a film is what it is, whatever stands around it", () => {
  const tails: [string, Buffer][] = [
    ["id3.mp4", Buffer.from("TAGA song".padEnd(128, "\0"))],
    ["zeros.mp4", Buffer.alloc(5000)],
    ["letter.mp4", Buffer.from("Dear all, here is the film that we spoke of. ".repeat(9))],
  ];
  test.each(tails)("%s behind it", async (name, tail) => {
    const bytes = await drawn(name, pattern, film);
    const right = { kind: "video", duration: 2 };
    expect(await ask("probe", name, Buffer.concat([bytes, tail]))).toMatchObject(right);
    expect(await ask("split", name, Buffer.concat([bytes, tail]))).toMatchObject({ duration: 2, frames: 50 });
  });

  test.each([
    ["inside-a-packet.ts", 57, film],
    ["with-timestamps.ts", 0, [...film, "-mpegts_m2ts_mode", "1"]],
    ["inside-with-timestamps.ts", 100, [...film, "-mpegts_m2ts_mode", "1"]],
  ])("%s, from byte %d on", async (name, from, args) => {
    const bytes = (await drawn(name, pattern, args)).subarray(from);
    expect(await ask("probe", name, bytes)).toMatchObject({ kind: "video", container: "MPEG-TS" });
    const { duration, width, height } = await ask("split", name, bytes);
    expect([width, height]).toEqual([160, 96]);
    expect(duration).toBeGreaterThan(0.9);
  });

  test("an animated WebP is its first picture", async () => {
    const bytes = await drawn("moving.webp", pattern, [
      "-c:v",
      "libwebp_anim",
      "-lossless",
      "1",
      "-frames:v",
      "5",
    ]);
    expect(await ask("image", "moving.webp", bytes)).toMatchObject({
      width: 160,
      height: 96,
      format: "webp",
    });
  });

  test.each(["sound.m4a", "sound.mka"])("%s has no video track", async (name) => {
    const bytes = await drawn(name, tone, ["-c:a", "aac"]);
    expect(await ask("probe", name, bytes)).toMatchObject({ kind: "audio" });
    expect((await ask("split", name, bytes)).detail).toContain("has no video track");
  });
});

describe.skipIf(!judgeIsHere)("a photograph in tiles", () => {
  /** Red above, blue below, in each tile. */
  const halves = (side: number) =>
    `color=red:size=${side}x${side}:rate=1:duration=1,drawbox=y=ih/2:w=iw:h=ih/2:color=blue:t=fill`;
  const tile = (side: number) =>
    drawn(`tile-${side}.mp4`, halves(side), [
      "-c:v",
      "libx265",
      "-x265-params",
      "log-level=none",
      "-pix_fmt",
      "yuv420p",
    ]);
  const isRed = ([r, , b]: [number, number, number]) => r > 200 && b < 60;

  test.each<[string, Partial<Heic>, [number, number], (at: (x: number, y: number) => boolean) => boolean]>([
    ["upright", {}, [192, 128], (red) => red(0.1, 0.1) && !red(0.1, 0.4)],
    ["turned by a quarter", { irot: 1 }, [128, 192], (red) => red(0.1, 0.1) && !red(0.4, 0.1)],
    ["turned by three quarters", { irot: 3 }, [128, 192], (red) => !red(0.1, 0.1) && red(0.4, 0.1)],
    ["with top and bottom exchanged", { imir: 0 }, [192, 128], (red) => !red(0.1, 0.1) && red(0.1, 0.4)],
    ["turned and mirrored", { irot: 1, imir: 1 }, [128, 192], (red) => !red(0.1, 0.1) && red(0.4, 0.1)],
  ])("%s", async (name, how, [width, height], looks) => {
    const bytes = heicOf(await tile(64), { columns: 3, rows: 2, side: 64, ...how });
    const shot = await ask("frames", `${name}.heic`, bytes, { at: [0], size: 4096, format: "png" });
    const pixels = pixelsOf(Buffer.from(shot.data, "base64"));
    expect(pixels).toMatchObject({ width, height });
    expect(looks((x, y) => isRed(pixels.at(x, y)))).toBe(true);
  });

  test("of 48 megapixels", async () => {
    const bytes = heicOf(await tile(512), { columns: 16, rows: 12, side: 512 });
    const seen = await ask("image", "large.heic", bytes);
    expect(seen).toMatchObject({ width: 8192, height: 6144, format: "heic" });
  });
});
