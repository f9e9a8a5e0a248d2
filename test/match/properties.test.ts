// What must hold for all filters and events: the index, the naive evaluation and the explanation agree, and
// a verdict of true or false never changes when more becomes known.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  buildIndex,
  buildPatternIndex,
  compileFilter,
  evaluate,
  explain,
  matchesPattern,
  stateView,
  viewOf,
} from "../../src/match/index.ts";
import { completeLookups, events, filters, json, lookups, patterns } from "./arbitraries.ts";

const runs = { numRuns: 1500 };
const compiled = filters.map((written) => ({ written, filter: compileFilter(written) }));
/** Filters on many other names, so that the index has more paths than it would try one by one. */
const crowd = Array.from({ length: 80 }, (_, i) => compileFilter({ [`crowd-${i}`]: "x" }));

describe("the index", () => {
  test("finds exactly what evaluating every filter finds, and explanations say the same", () => {
    fc.assert(
      fc.property(
        fc.array(compiled, { maxLength: 12 }),
        events,
        lookups,
        fc.boolean(),
        fc.boolean(),
        (some, event, object, crowded, ofState) => {
          const view = ofState ? stateView(viewOf(event, object)) : viewOf(event, object);
          const all = some.map(({ filter }) => filter).concat(crowded ? crowd : []);
          const found = buildIndex(all.map((filter, value) => ({ filter, value }))).match(view);
          const verdicts = all.map((filter) => evaluate(filter, view));
          const those = (wanted: unknown) =>
            verdicts.flatMap((verdict, i) => (verdict === wanted ? [i] : []));
          expect(found.matched).toEqual(those(true));
          expect(found.undecided).toEqual(those("unknown"));
          expect(all.map((filter) => explain(filter, view).verdict)).toEqual(verdicts);
        },
      ),
      runs,
    );
  });

  test("of plain patterns finds what matching each finds", () => {
    fc.assert(
      fc.property(fc.array(patterns, { maxLength: 8 }), json, (some, event) => {
        const found = buildPatternIndex(some.map((pattern, value) => ({ pattern, value }))).match(event);
        expect(found).toEqual(some.flatMap((pattern, i) => (matchesPattern(pattern, event) ? [i] : [])));
      }),
      runs,
    );
  });

  test("asks for look-ups that leave nothing undecided", () => {
    fc.assert(
      fc.property(
        fc.array(compiled, { minLength: 1, maxLength: 6 }),
        events,
        completeLookups,
        (some, event, full) => {
          const index = buildIndex(some.map(({ filter }, value) => ({ filter, value })));
          const first = index.match(viewOf(event));
          expect(first.needs.size > 0).toBe(first.undecided.length > 0);
          const { tags, ...head } = full;
          const second = index.match(
            viewOf(event, {
              ...(first.needs.has("head") ? head : {}),
              ...(first.needs.has("tags") ? { tags } : {}),
            }),
          );
          const settled = first.undecided.filter((value) => !second.undecided.includes(value));
          expect(settled).toEqual(first.undecided);
        },
      ),
      runs,
    );
  });
});

describe("three values", () => {
  test("true and false are final: no look-up changes them", () => {
    fc.assert(
      fc.property(compiled, events, lookups, completeLookups, ({ filter }, event, part, rest) => {
        const carried = Object.fromEntries(Object.entries(rest).filter(([name]) => !(name in event)));
        const before = evaluate(filter, viewOf(event, part));
        const after = evaluate(filter, viewOf(event, { ...carried, ...part }));
        expect(after).not.toBe("unknown");
        if (before !== "unknown") expect(after).toBe(before);
      }),
      runs,
    );
  });

  test("when the object's state is refused, no event about that object passes", () => {
    fc.assert(
      fc.property(compiled, events, events, completeLookups, ({ filter }, one, other, object) => {
        const { bucket, key } = one;
        const verdict = evaluate(filter, stateView(viewOf(one, object)));
        const later = evaluate(filter, viewOf({ ...other, bucket, key }, object));
        if (verdict !== "unknown") expect(later).toBe(verdict);
      }),
      runs,
    );
  });
});

describe("one element meets all conditions on an array", () => {
  test("exactly when trying every choice of elements finds one that does", () => {
    const wanted = fc.dictionary(fc.constantFrom("p", "q", "r"), fc.constantFrom("a", "b", 5), {
      minKeys: 1,
    });
    const elements = fc.array(fc.dictionary(fc.constantFrom("p", "q", "r"), fc.constantFrom("a", "b", 5)), {
      maxLength: 4,
    });
    const has = (element: object, conditions: object) =>
      Object.entries(conditions).every(
        ([name, value]) => (element as Record<string, unknown>)[name] === value,
      );
    fc.assert(
      fc.property(wanted, wanted, elements, elements, (left, right, lefts, rights) => {
        const event = { top: { lefts, deep: [{ rights }, { rights: [] }] } };
        const pattern = { top: { lefts: left, deep: { rights: right } } };
        const expected = lefts.some((one) => has(one, left)) && rights.some((one) => has(one, right));
        expect(matchesPattern(pattern, event)).toBe(expected);
      }),
      runs,
    );
  });
});
