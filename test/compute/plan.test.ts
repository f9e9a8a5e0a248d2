import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { countBefore, evenSpans, evenTimes, spread } from "../../workers/compute/server/decoder/spans.ts";

const durations = fc.double({ min: 0.002, max: 40_000, noNaN: true });
const intervals = fc.double({ min: 0.1, max: 3600, noNaN: true });

describe("spans", () => {
  test("cut 25 seconds by tens into two whole ones and a half", () => {
    expect(evenSpans(25, 10)).toEqual([
      { start: 0, end: 10 },
      { start: 10, end: 20 },
      { start: 20, end: 25 },
    ]);
  });

  test.each([
    [20, 2, "an exact multiple has no empty last span"],
    [20.0000001, 2, "nor one of a rounding error"],
    [20.0009, 2, "nor one of less than a millisecond"],
    [20.1, 3, "a tenth of a second is a span of its own"],
    [0.5, 1, "a film shorter than the interval is one span"],
  ])("of %d seconds by tens are %d: %s", (duration, count) => {
    expect(evenSpans(duration, 10)).toHaveLength(count);
  });

  test("cover the whole film, each moment once, none shorter than a millisecond", () => {
    fc.assert(
      fc.property(durations, intervals, (duration, interval) => {
        fc.pre(duration / interval < 2000);
        const planned = evenSpans(duration, interval);
        expect(planned[0]?.start).toBe(0);
        expect(planned.at(-1)?.end).toBeCloseTo(duration, 5);
        for (const [i, span] of planned.entries()) {
          expect(span.end - span.start).toBeGreaterThan(0.0009);
          expect(span.end - span.start).toBeLessThan(interval + 0.0011);
          if (i > 0) expect(span.start).toBe(planned[i - 1]?.end);
        }
      }),
    );
  });
});

describe("samples", () => {
  test("are spread from the first to the last", () => {
    expect(spread([1, 2, 3, 4, 5, 6, 7], 4)).toEqual([1, 3, 5, 7]);
    expect(spread([1, 2], 4)).toEqual([1, 2]);
    expect(spread([1, 2, 3], 1)).toEqual([1]);
    expect(spread([], 4)).toEqual([]);
  });

  test("are distinct, in order, and never more than asked for", () => {
    fc.assert(
      fc.property(fc.nat(200), fc.integer({ min: 1, max: 8 }), (length, count) => {
        const taken = spread(
          Array.from({ length }, (_, i) => i),
          count,
        );
        expect(taken).toHaveLength(Math.min(length, count));
        expect([...new Set(taken)].sort((a, b) => a - b)).toEqual(taken);
      }),
    );
  });

  test("of a span without keyframes lie inside it", () => {
    expect(evenTimes({ start: 10, end: 20 }, 4)).toEqual([11.25, 13.75, 16.25, 18.75]);
  });
});

test("a frame shown exactly where a span starts belongs to that span", () => {
  const times = Array.from({ length: 90 }, (_, frame) => frame / 30);
  expect(countBefore(times, 1)).toBe(30);
  expect(countBefore(times, 0)).toBe(0);
  expect(countBefore(times, 100)).toBe(90);
});
