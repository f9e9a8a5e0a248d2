import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findModel } from "../../src/shapes/model.ts";
import { sniff } from "../../workers/compute/server/decoder/file/sniff.ts";
import { mainColours } from "../../workers/compute/server/decoder/frame/colours.ts";
import { poolFeatures } from "../../workers/compute/server/decoder/frame/features.ts";
import { HOG_DIMENSIONS, HOG_SIZE, hog } from "../../workers/compute/server/decoder/frame/hog.ts";

const luma = (at: (x: number, y: number) => number) =>
  Uint8Array.from({ length: HOG_SIZE * HOG_SIZE }, (_, i) => at(i % HOG_SIZE, Math.floor(i / HOG_SIZE)));
const length = (vector: Float32Array) => Math.hypot(...vector);
const stripes = (degrees: number) => {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  return luma((x, y) => 128 + 100 * Math.sin((x * cos + y * sin) / 5));
};

describe("weir/hog-512", () => {
  test("of upright stripes has all its weight in the direction across them", () => {
    const cell = hog(stripes(0)).subarray(27 * 8, 28 * 8);
    expect(cell[0]).toBeGreaterThan(0.95);
  });

  test("tells directions apart and is the same under another exposure", () => {
    const [upright, level] = [poolFeatures([hog(stripes(0))]), poolFeatures([hog(stripes(90))])];
    const darker = poolFeatures([hog(stripes(0).map((value) => value * 0.6))]);
    const dot = (a: Float32Array, b: Float32Array) =>
      a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
    expect(dot(upright, level)).toBeLessThan(0.1);
    expect(dot(upright, darker)).toBeGreaterThan(0.99);
  });

  test("has 512 finite numbers and length one, whatever the picture", () => {
    const pictures = fc.tuple(fc.nat(255), fc.nat(255), fc.integer({ min: 1, max: 64 }));
    fc.assert(
      fc.property(pictures, ([dark, light, size]) => {
        const vector = poolFeatures([hog(luma((x, y) => ((x ^ y) & size ? light : dark)))]);
        expect(vector).toHaveLength(HOG_DIMENSIONS);
        expect(vector.every(Number.isFinite)).toBe(true);
        expect(length(vector)).toBeCloseTo(1, 5);
      }),
      { numRuns: 10 },
    );
  });

  test("of a plain surface has no direction but still length one", () => {
    expect(length(poolFeatures([hog(luma(() => 90))]))).toBeCloseTo(1, 5);
  });
});

describe("main colours", () => {
  const pixels = (...runs: [number, number[]][]) =>
    Uint8Array.from(runs.flatMap(([count, rgb]) => Array.from({ length: count }, () => rgb).flat()));

  test("come with their share, the largest first", () => {
    const seen = mainColours(pixels([20, [255, 0, 0]], [70, [0, 0, 255]], [10, [16, 240, 16]]));
    expect(seen).toEqual([
      { hex: "#0000ff", share: 0.7 },
      { hex: "#ff0000", share: 0.2 },
      { hex: "#10f010", share: 0.1 },
    ]);
  });

  test("that hardly differ are one", () => {
    expect(mainColours(pixels([50, [100, 100, 100]], [50, [114, 100, 100]]))).toEqual([
      { hex: "#6b6464", share: 1 },
    ]);
  });

  test("are at most five", () => {
    const runs = Array.from({ length: 8 }, (_, i): [number, number[]] => [
      10,
      [i * 36, 255 - i * 36, i * 30],
    ]);
    expect(mainColours(pixels(...runs))).toHaveLength(5);
  });
});

describe("the first bytes tell the format", () => {
  const bytes = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
  test.each([
    ["\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41", "MP4"],
    ["\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00qt  ", "QuickTime"],
    ["\x00\x00\x00\x20ftypavif\x00\x00\x00\x00avifmif1miaf", "AVIF"],
    ["\x1a\x45\xdf\xa3", "Matroska"],
    ["RIFF\x00\x00\x00\x00AVI LIST", "AVI"],
    ["RIFF\x00\x00\x00\x00WEBPVP8 ", "WebP"],
    ["\xff\xd8\xff\xe0", "JPEG"],
    ["\x89PNG\r\n\x1a\n", "PNG"],
    ["GIF89a", "GIF"],
    ["II*\x00", "TIFF"],
  ])("%j", (head, name) => expect(sniff(bytes(head))?.name).toBe(name));

  test.each([
    ["#EXTM3U\n#EXT-X-VERSION:3\nhttp://169.254.169.254/", "a playlist that would fetch"],
    ["ffconcat version 1.0\nfile /etc/passwd", "a list of other files"],
    ["<?xml version='1.0'?><MPD>", "a manifest"],
    ["<svg xmlns='http://www.w3.org/2000/svg'>", "a drawing"],
    ["\x1f\x8b\x08\x00", "a gzip"],
    ["", "nothing"],
  ])("and %j is not opened: %s", (head) => expect(sniff(bytes(head))).toBeUndefined());
});

describe("models", () => {
  const models = { "weir/hog-512": { kind: "builtin", builtin: "weir/hog-512" } } as const;

  test("that do not exist are refused with the list of those that do", () => {
    expect(findModel(models, "acme/eyes", "video")).toMatchObject({
      ok: false,
      failure: { kind: "unknown_model", expected: "weir/hog-512" },
    });
  });

  test.each(["__proto__", "constructor", "toString"])(
    "are not found in an object's own machinery: %s",
    (name) => {
      expect(findModel(models, name, "video").ok).toBe(false);
    },
  );
});
