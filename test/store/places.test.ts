// Places of sets over several databases: each id has one, and doubling their number moves an id once or not at all.
import fc from "fast-check";
import { expect, test } from "vitest";
import { isWithin, lastIdBefore, placesOf, positionOf } from "../../src/store/collections/places.ts";

const COUNTS = [1, 2, 4, 8, 16, 32, 64];
const id = fc.stringMatching(/^[0-9a-f]{32}$/);
const homeOf = (set: string, shards: number) => {
  const place = placesOf(shards)[positionOf(set, shards)];
  if (!place) throw new Error(`no place of ${set}`);
  return place;
};

test.each(COUNTS)("of %i databases, exactly one has an id, and they are in order of their ids", (shards) => {
  const places = placesOf(shards);
  expect(places.map(({ index }) => index).sort((a, b) => a - b)).toEqual([...Array(shards).keys()]);
  fc.assert(
    fc.property(id, (set) => {
      expect(places.filter((place) => isWithin(set, place))).toEqual([homeOf(set, shards)]);
    }),
  );
  for (const [at, { low, high }] of places.entries()) {
    expect(high > low).toBe(true);
    if (at > 0) expect(places[at - 1]?.high).toBe(low);
  }
});

test("an id stays or goes to a database that was added, and every place that it had is an earlier one", () => {
  fc.assert(
    fc.property(id, fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 6 }), (set, from, to) => {
      const [few = 0, many = 0] = [2 ** Math.min(from, to), 2 ** Math.max(from, to)];
      const [before, after] = [homeOf(set, few), homeOf(set, many)];
      if (before.index === after.index) return;
      expect(after.index).toBeGreaterThanOrEqual(few);
      expect(after.earlier).toContain(before.index);
    }),
  );
});

test("earlier places are the latest first, and the first database has none", () => {
  const earlier = placesOf(8).map(({ index, earlier }) => [index, earlier]);
  expect(Object.fromEntries(earlier)).toEqual({
    ...{ 0: [], 1: [0], 2: [0], 3: [1, 0] },
    ...{ 4: [0], 5: [1, 0], 6: [2, 0], 7: [3, 1, 0] },
  });
});

test("ids are spread evenly", () => {
  const counts = placesOf(64).map(() => 0);
  for (let beginning = 0; beginning < 256; beginning++) {
    const at = positionOf(beginning.toString(16).padStart(2, "0").padEnd(32, "7"), 64);
    counts[at] = (counts[at] ?? 0) + 1;
  }
  expect(new Set(counts)).toEqual(new Set([4]));
});

test("the last id before a place is not in it, and nothing lies between", () => {
  for (const shards of COUNTS) {
    for (const place of placesOf(shards)) {
      const last = lastIdBefore(place);
      if (last === undefined) expect(place.low).toBe("");
      else
        expect([last < place.low, /^[0-9a-f]{32}$/.test(last), last.endsWith("f".repeat(30))]).toEqual([
          true,
          true,
          true,
        ]);
    }
  }
});
