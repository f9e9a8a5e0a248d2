// Scaling against plain arithmetic, with nothing installed: halves of a picture that is larger than what is scaled at
// once, and what a filter must leave as it is. test/compute/preparation.test.ts compares with Pillow.
import fc from "fast-check";
import { expect, test } from "vitest";
import { resampled } from "../../workers/compute/server/decoder/frame/resample.ts";

/** The mean of two bytes, a half being rounded up. */
const mean = (a: number, b: number) => (a + b + 1) >> 1;

test("a picture of many bands is halved as by hand: columns first, then rows", () => {
  const [width, height] = [2_400, 1_600];
  const rgb = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 2_654_435_761) >>> 24);
  const to = { width: width / 2, height: height / 2 };
  const found = resampled(rgb, { width, height }, to, "area", { ...to, left: 0, top: 0 });
  const at = (x: number, y: number, channel: number) => rgb[(y * width + x) * 3 + channel] ?? 0;
  let wrong = 0;
  for (let y = 0; y < to.height; y++)
    for (let x = 0; x < to.width; x++)
      for (let channel = 0; channel < 3; channel++) {
        const row = (line: number) => mean(at(2 * x, line, channel), at(2 * x + 1, line, channel));
        if (found[(y * to.width + x) * 3 + channel] !== mean(row(2 * y), row(2 * y + 1))) wrong++;
      }
  expect(wrong).toBe(0);
});

test("one colour stays that colour at any size, in any window, by any filter", () => {
  const side = fc.integer({ min: 1, max: 120 });
  const size = fc.record({ width: side, height: side });
  const filter = fc.constantFrom("bicubic" as const, "bilinear" as const, "area" as const);
  const part = fc.double({ min: 0, max: 0.999, noNaN: true });
  fc.assert(
    fc.property(size, size, filter, fc.nat(255), part, part, (from, to, by, value, across, down) => {
      const [left, top] = [Math.floor(across * to.width), Math.floor(down * to.height)];
      const window = { left, top, width: to.width - left, height: to.height - top };
      const found = resampled(new Uint8Array(from.width * from.height * 3).fill(value), from, to, by, window);
      expect(found).toEqual(Buffer.alloc(window.width * window.height * 3, value));
    }),
  );
});
