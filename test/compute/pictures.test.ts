// Still pictures of every format and orientation, made by ffmpeg's encoders, as compute shows them against an
// independent decoder that is told how each must be turned.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { difference, judgeIsHere, judgePicture, judgeStills, made } from "./judge.ts";
import { post, type Source, startSource } from "./source.ts";
import { exif, exifPng, exifTiff, exifWebp, turnedAvif } from "./turned.ts";

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

/** What turns a stored picture upright, by EXIF's orientation (CIPA DC-008, 4.6.4). */
const UPRIGHT: Record<number, string[]> = {
  1: [],
  2: ["hflip"],
  3: ["hflip", "vflip"],
  4: ["vflip"],
  5: ["transpose=cclock_flip"],
  6: ["transpose=clock"],
  7: ["transpose=clock_flip"],
  8: ["transpose=cclock"],
};
const encoders: Record<string, string[]> = {
  jpg: ["-q:v", "2"],
  png: [],
  webp: ["-quality", "95"],
  gif: [],
  tiff: [],
  avif: ["-c:v", "libaom-av1", "-still-picture", "1", "-crf", "10", "-cpu-used", "8", "-pix_fmt", "yuv420p"],
};
const turn: Record<string, (bytes: Buffer, orientation: number) => Buffer> = {
  jpg: exif,
  png: exifPng,
  webp: exifWebp,
  tiff: exifTiff,
  avif: turnedAvif,
};
/** AVIF says it in quarter turns and mirrorings, GIF not at all. */
const cases: [string, number][] = Object.keys(encoders).flatMap((format): [string, number][] =>
  (format === "gif" ? [1] : [1, 2, 3, 4, 5, 6, 7, 8]).map((orientation) => [format, orientation]),
);

describe.skipIf(!judgeIsHere)("an independent decoder agrees on a picture", () => {
  const stored = new Map<string, Promise<Buffer>>();
  const make = async (format: string) => {
    const path = join(folder, `stored.${format}`);
    const from = ["-f", "lavfi", "-i", "testsrc2=size=120x80:rate=1:duration=1", "-frames:v", "1"];
    await made([...from, ...(encoders[format] ?? [])], path);
    return readFile(path);
  };

  test.each(cases)("in %s, of orientation %d", async (format, orientation) => {
    stored.set(format, stored.get(format) ?? make(format));
    const plain = (await stored.get(format)) ?? Buffer.alloc(0);
    const bytes = orientation === 1 ? plain : (turn[format]?.(plain, orientation) ?? plain);
    const url = source.put(`/pictures/${orientation}.${format}`, bytes);
    const [width, height] = orientation > 4 ? [80, 120] : [120, 80];
    expect((await post(compute.url, "/v1/image", { url })).lines[0]).toMatchObject({ width, height });
    const asked = { url, at: [0], size: 4096, format: "png" };
    const [shot] = (await post(compute.url, "/v1/frames", asked)).lines;
    const seen = await judgeStills([Buffer.from(shot.data, "base64")], "png");
    const path = join(folder, `plain.${format}`);
    await writeFile(path, plain);
    const truth = await judgePicture(path, UPRIGHT[orientation] ?? []);
    expect(difference(seen, truth)).toBeLessThan(0.02);
  });
});
