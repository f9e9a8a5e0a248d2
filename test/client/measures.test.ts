// Measures of answers, against values worked out by hand and what must hold of any answer.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type JudgedHit, measure } from "../../cli/search/measures.ts";

const hit = (key: string, second: number | null = null, span: JudgedHit["span"] = null): JudgedHit => ({
  item: `itm_${key}`,
  object: { connection: "c", bucket: "b", key, etag: null, content_type: null },
  second,
  span,
});

describe("an answer is measured", () => {
  test("as the textbook's formulas say", () => {
    const measures = measure(
      [hit("x"), hit("a"), hit("y"), hit("b")],
      [{ key: "a" }, { key: "b" }, { key: "c" }],
      10,
    );
    expect(measures.recall).toBeCloseTo(2 / 3);
    expect(measures.mrr).toBe(1 / 2);
    const gain = 1 / Math.log2(3) + 1 / Math.log2(5);
    expect(measures.ndcg).toBeCloseTo(gain / (1 + 1 / Math.log2(3) + 1 / Math.log2(4)));
  });

  test("by its first k hits alone", () => {
    expect(measure([hit("x"), hit("a")], [{ key: "a" }], 1)).toEqual({ recall: 0, mrr: 0, ndcg: 0 });
  });

  test("by the second that a hit names, or that its span has", () => {
    const expected = [{ key: "a", second: 12 }];
    const recall = (one: JudgedHit) => measure([one], expected, 1).recall;
    expect(recall(hit("a", 13))).toBe(1);
    expect(recall(hit("a", 10, { start: 10, end: 20 }))).toBe(1);
    expect(recall(hit("a", 0, { start: 0, end: 10 }))).toBe(0);
    expect(recall(hit("a"))).toBe(0);
  });

  test("within 0 and 1, and 1 where all that should come comes first", () => {
    const keys = fc.uniqueArray(fc.constantFrom(..."abcdefgh"), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(keys, keys, fc.integer({ min: 1, max: 10 }), (found, expected, k) => {
        const hits = found.map((key) => hit(key));
        for (const value of Object.values(
          measure(
            hits,
            expected.map((key) => ({ key })),
            k,
          ),
        )) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1 + 1e-12);
        }
        const best = measure(
          expected.map((key) => hit(key)),
          expected.map((key) => ({ key })),
          8,
        );
        expect(best.ndcg).toBeCloseTo(1);
        expect(best.recall).toBe(1);
      }),
    );
  });
});
