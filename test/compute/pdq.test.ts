import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { pdq } from "../../workers/compute/server/pdq.ts";
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

  test.each(["chair-20-sd-bar", "doorknob-hd-no-bar", "pattern-sd-grey-bar", "test-padded-dimensions"])(
    "on the first frame of %s",
    async (name) => {
      const rows = readFileSync(join(fixtures, "video", `${name}.vpdq.txt`), "utf8")
        .trim()
        .split("\n");
      const url = source.put(`/pdq/${name}.mp4`, readFileSync(join(fixtures, "video", `${name}.mp4`)));
      const [hash] = await bitsOf([{ url, span: { start: 0, end: 0.02 } }], "video");
      expect(distance(hash, printed(rows[0]?.split(",")[2] ?? ""))).toBeLessThanOrEqual(2);
    },
  );
});
