import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pdq } from "../../workers/compute/server/decoder/frame/pdq.ts";
import { spread } from "../../workers/compute/server/decoder/spans.ts";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { judgeIsHere, made } from "./judge.ts";
import { post, type Source, startSource } from "./source.ts";

let source: Source;
let compute: RunningServer;
beforeAll(async () => {
  source = await startSource();
  compute = await startServer({ port: 0, log: () => {}, allowOrigins: [source.origin] });
});
afterAll(async () => {
  await compute.close();
  await source.close();
});

type Item = { url: string; span?: { start: number; end: number } };
async function bitsOf(items: Item[], kind: "video" | "image"): Promise<boolean[][]> {
  const { lines } = await post(compute.url, "/v1/embed", { items, kind, model: "weir/pdq-256" });
  return lines
    .sort((a, b) => a.index - b.index)
    .map(({ embedding }) => {
      const bytes = Buffer.from(embedding, "base64");
      return Array.from({ length: 256 }, (_, i) => bytes.readFloatLE(i * 4) > 0);
    });
}
/** Bits of a hash as it is printed: bit 255 first. */
const printed = (hex: string) =>
  Array.from(
    { length: 256 },
    (_, bit) => ((Number.parseInt(hex[63 - (bit >> 2)] ?? "0", 16) >> (bit & 3)) & 1) === 1,
  );
const distance = (a: boolean[] = [], b: boolean[] = []) => a.filter((bit, i) => bit !== b[i]).length;

describe("PDQ", () => {
  /** Soft blotches: structure at every frequency that PDQ looks at, as photographs have it. */
  function blotches(seed: number, [width, height]: [number, number], change: (value: number) => number) {
    const waves = Array.from({ length: 60 }, (_, i) => {
      const random = (n: number) =>
        (((seed * 7919 + i * 104729 + n * 1299709) * 2654435761) % 2 ** 32) / 2 ** 32;
      return { x: random(1) * 16, y: random(2) * 16, at: random(3) * 7, size: random(4) * 12 };
    });
    const luma = (x: number, y: number) =>
      waves.reduce((sum, w) => sum + w.size * Math.cos(Math.PI * (w.x * x + w.y * y) + w.at), 128);
    return Uint8ClampedArray.from({ length: width * height * 3 }, (_, i) => {
      const pixel = Math.floor(i / 3);
      return change(luma((pixel % width) / width, Math.floor(pixel / width) / height));
    });
  }
  const bits = (rgb: Uint8ClampedArray, [width, height]: [number, number]) =>
    [...pdq(new Uint8Array(rgb), width, height).signs].map((sign) => sign > 0);

  test("of a copy, smaller and darker, differs in few bits, of another picture in about half", () => {
    const large: [number, number] = [320, 240];
    const small: [number, number] = [200, 150];
    const one = bits(
      blotches(1, large, (value) => value),
      large,
    );
    const copy = bits(
      blotches(1, small, (value) => 0.8 * value + 10),
      small,
    );
    const other = bits(
      blotches(2, large, (value) => value),
      large,
    );
    expect(distance(one, copy)).toBeLessThan(31);
    expect(distance(one, other)).toBeGreaterThan(90);
  });

  test("says that a plain surface has no quality", () => {
    expect(pdq(new Uint8Array(100 * 80 * 3).fill(90), 100, 80).quality).toBe(0);
  });

  test("prints the bits that its signs say", () => {
    const rgb = Uint8Array.from({ length: 96 * 96 * 3 }, (_, i) => (i * i * 31) % 251);
    const { hex, signs } = pdq(rgb, 96, 96);
    expect(printed(hex)).toEqual([...signs].map((sign) => sign > 0));
    expect([...signs].filter((sign) => sign > 0)).toHaveLength(128);
  });
});

const fixtures = join(import.meta.dirname, "../../../shared/fixtures");
const here = existsSync(join(fixtures, "pdq")) && existsSync(join(fixtures, "video"));
if (!here) console.log("skipped: PDQ against the reference, because ../shared/fixtures is not here");

describe.skipIf(!here)("PDQ agrees with the reference implementation", () => {
  test("on its own test pictures, within the ten bits that decoders and scalers differ by", async () => {
    const expected: Record<string, string> = JSON.parse(
      readFileSync(join(fixtures, "pdq/expected.json"), "utf8"),
    );
    // Nearly without structure (quality 3): the reference itself only compares hashes of quality 50 and more.
    delete expected["q0003.jpg"];
    const names = Object.keys(expected);
    const items = names.map((name) => ({
      url: source.put(`/pdq/${name}`, readFileSync(join(fixtures, "pdq", name))),
    }));
    const hashes = await bitsOf(items, "image");
    for (const [i, name] of names.entries()) {
      expect(distance(hashes[i], printed(expected[name] ?? "")), name).toBeLessThanOrEqual(10);
    }
  });

  const films = ["chair-20-sd-bar", "doorknob-hd-no-bar", "pattern-sd-grey-bar", "test-padded-dimensions"];
  test.each(films)("on frames from all over %s", async (name) => {
    const rows = readFileSync(join(fixtures, "video", `${name}.vpdq.txt`), "utf8")
      .trim()
      .split("\n")
      .map((row) => row.split(","))
      .map(([, quality, hash = "", seconds]) => ({ quality: Number(quality), hash, at: Number(seconds) }))
      // The reference holds its own decoders to ten bits where there is so much structure.
      .filter(({ quality }) => quality >= 80);
    const some = spread(rows, 6);
    const url = source.put(`/pdq/${name}.mp4`, readFileSync(join(fixtures, "video", `${name}.mp4`)));
    const items = some.map(({ at }) => ({ url, span: { start: at, end: at + 0.002 } }));
    const hashes = await bitsOf(items, "video");
    expect(some.length).toBeGreaterThan(0);
    for (const [i, { hash, at }] of some.entries())
      expect(distance(hashes[i], printed(hash)), `at ${at} s`).toBeLessThanOrEqual(at === 0 ? 2 : 10);
  });

  const pictures = ["c.png", "q0291.jpg", "q1050.jpg", "small.jpg", "wee.jpg"];
  const original = (name: string) => source.put(`/pdq/${name}`, readFileSync(join(fixtures, "pdq", name)));

  test.each(pictures)("is the same of the same pixels in another file: %s", async (name) => {
    const url = original(name);
    const asked = { url, at: [0], size: 4096, format: "png" };
    const [shot] = (await post(compute.url, "/v1/frames", asked)).lines;
    const copy = source.put(`/pdq/copy-of-${name}.png`, Buffer.from(shot.data, "base64"));
    const [one, other] = await bitsOf([{ url }, { url: copy }], "image");
    expect(distance(one, other)).toBe(0);
  });

  test.skipIf(!judgeIsHere).each(pictures)("is within ten bits of a copy at quality 80: %s", async (name) => {
    const folder = await mkdtemp(join(tmpdir(), "weir-test-"));
    try {
      const path = join(folder, "copy.webp");
      await made(["-i", join(fixtures, "pdq", name), "-c:v", "libwebp", "-quality", "80"], path);
      const copy = source.put(`/pdq/copy-of-${name}.webp`, readFileSync(path));
      const [one, other] = await bitsOf([{ url: original(name) }, { url: copy }], "image");
      expect(distance(one, other)).toBeLessThanOrEqual(10);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
