// Pieces of an object in memory: whatever came in whatever order, a position is answered with the object's own bytes.
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Extents } from "../../workers/compute/server/extents.ts";

const OBJECT = Buffer.from(Array.from({ length: 200 }, (_, index) => index));
const ranges = fc.array(
  fc
    .tuple(fc.nat(199), fc.integer({ min: 1, max: 60 }))
    .map(([start, length]) => ({ start, end: Math.min(start + length, 200) })),
  { maxLength: 12 },
);

function given(...pieces: { start: number; end: number }[]): Extents {
  const extents = new Extents();
  for (const { start, end } of pieces) extents.add(start, OBJECT.subarray(start, end));
  return extents;
}

describe("pieces of an object", () => {
  test("answer a position that they hold with the object's bytes there, and no other", () => {
    fc.assert(
      fc.property(ranges, fc.nat(199), fc.integer({ min: 1, max: 80 }), (pieces, start, length) => {
        const slice = given(...pieces).slice(start, start + length);
        const isHeld = pieces.some((piece) => piece.start <= start && start < piece.end);
        expect(slice !== undefined).toBe(isHeld);
        if (!slice) return;
        expect(slice.length).toBeGreaterThan(0);
        expect(slice.length).toBeLessThanOrEqual(length);
        expect(slice.equals(OBJECT.subarray(start, start + slice.length))).toBe(true);
      }),
    );
  });

  test("say where the next of them begins, which need not be fetched again", () => {
    const extents = given({ start: 100, end: 120 }, { start: 50, end: 60 }, { start: 0, end: 10 });
    expect(extents.nextStart(10, 200)).toBe(50);
    expect(extents.nextStart(50, 200)).toBe(100);
    expect(extents.nextStart(10, 40)).toBe(40);
    expect(extents.nextStart(120, 200)).toBe(200);
  });

  test("shrink to a bound by the oldest first, and keep the newest whatever its size", () => {
    const extents = given({ start: 0, end: 10 }, { start: 50, end: 60 }, { start: 100, end: 120 });
    expect(extents.bytes).toBe(40);
    expect(extents.shrink(30)).toBe(10);
    expect(extents.slice(0, 10)).toBeUndefined();
    expect(extents.slice(50, 60)).toHaveLength(10);
    expect(extents.shrink(5)).toBe(10);
    expect(extents.slice(100, 120)).toHaveLength(20);
    expect(extents.bytes).toBe(20);
  });

  test("hold nothing once they are cleared", () => {
    const extents = given({ start: 0, end: 10 });
    extents.clear();
    expect([extents.bytes, extents.slice(0, 1)]).toEqual([0, undefined]);
  });
});
