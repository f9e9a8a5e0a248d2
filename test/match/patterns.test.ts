// Plain EventBridge patterns against an independent engine's verdicts.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { buildPatternIndex, FilterError, matchesPattern } from "../../src/match/index.ts";

const read = (name: string) =>
  readFileSync(new URL(`../fixtures/filters/${name}.jsonl`, import.meta.url), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
const cases: { id: string; event: object; pattern: object; match: boolean }[] = read("cases");
const rejects: { id: string; pattern: unknown; why: string }[] = read("rejects");

describe("patterns agree with EventBridge", () => {
  test("on each of the recorded pairs, without exception", () => {
    const wrong = cases.filter(({ pattern, event, match }) => matchesPattern(pattern, event) !== match);
    expect(wrong.map(({ id }) => id)).toEqual([]);
    expect(cases.length).toBe(400);
  });

  test("when all recorded patterns are in one index", () => {
    const index = buildPatternIndex(cases.map(({ pattern, id }) => ({ pattern, value: id })));
    for (const { event, id } of cases.slice(0, 100)) {
      const alone = cases.filter(({ pattern }) => matchesPattern(pattern, event)).map((one) => one.id);
      expect({ id, found: index.match(event) }).toEqual({ id, found: alone });
    }
  });
});

describe("what EventBridge refuses", () => {
  // A bare value is the shorthand of Weir's own filters; the arguable ones are harmless.
  const accepted = (why: string) => /^arguable|bare (string instead|value)|null instead of a list/.test(why);
  for (const { id, pattern, why } of rejects) {
    test(`${id}: ${why} is ${accepted(why) ? "accepted on purpose" : "refused"}`, () => {
      if (accepted(why)) expect(typeof matchesPattern(pattern, {})).toBe("boolean");
      else expect(() => matchesPattern(pattern, {})).toThrow(FilterError);
    });
  }

  test("Weir's own operators are refused in plain patterns", () => {
    expect(() => matchesPattern({ key: [{ glob: "*.jpg" }] }, {})).toThrow(FilterError);
    expect(() => matchesPattern({ key: [{ not: "a" }] }, {})).toThrow(FilterError);
  });
});

describe("arrays of objects", () => {
  const event = {
    items: [
      { name: "a", size: 1 },
      { name: "b", size: 2, gone: true },
    ],
    tag: ["x", "y"],
  };
  const table: [string, object, boolean][] = [
    ["conditions met by one element hold", { items: { name: "b", size: 2 } }, true],
    ["conditions met by different elements do not", { items: { name: "a", size: 2 } }, false],
    [
      "conditions in $or are held to the same element",
      { items: { name: "a", $or: [{ size: 2 }, { size: 3 }] } },
      false,
    ],
    ["a scalar list has no elements to agree on", { tag: "y", items: { name: "a", size: 1 } }, true],
    [
      "an absence later in the alphabet is of the chosen element",
      { items: { name: "a", zone: [{ exists: false }] } },
      true,
    ],
    ["an absence alone is of every element", { items: { gone: [{ exists: false }] } }, false],
  ];
  test.each(table)("%s", (_, pattern, expected) => {
    expect(matchesPattern(pattern, event)).toBe(expected);
  });

  test("three wide arrays are judged without trying all combinations", () => {
    const wide = (name: string) => Array.from({ length: 400 }, (_, i) => ({ [name]: i, ok: i % 2 === 0 }));
    const many = { d: { p: wide("a"), q: wide("b"), r: wide("c") } };
    const pattern = (c: number) => ({
      d: {
        p: { a: [{ exists: true }], ok: true },
        q: { b: [{ exists: true }], ok: true },
        r: { c, ok: true },
      },
    });
    expect(matchesPattern(pattern(200), many)).toBe(true);
    expect(matchesPattern(pattern(201), many)).toBe(false);
  });
});

test("lists nested without end are looked into as far as anybody means them", () => {
  const nested = (depth: number) => JSON.parse(`${"[".repeat(depth)}1${",2]".repeat(depth)}`);
  expect(matchesPattern({ a: [1] }, { a: nested(50) })).toBe(true);
  expect(matchesPattern({ a: [1] }, { a: nested(50_000) })).toBe(false);
});

describe("names that JavaScript has plans for", () => {
  const event = JSON.parse('{"__proto__": {"admin": "yes"}, "constructor": "c", "plain": 1}');
  test("are plain names when the event has them", () => {
    expect(matchesPattern(JSON.parse('{"__proto__": {"admin": ["yes"]}}'), event)).toBe(true);
    expect(matchesPattern({ constructor: ["c"] }, event)).toBe(true);
  });
  test("are absent when it has not", () => {
    const any = [{ exists: true }];
    for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty"]) {
      expect(matchesPattern(JSON.parse(JSON.stringify({ [name]: any })), { plain: 1 })).toBe(false);
      expect(matchesPattern({ plain: { [name]: any } }, { plain: 1 })).toBe(false);
    }
    expect(matchesPattern({ admin: any }, event)).toBe(false);
    expect(matchesPattern({ "constructor.name": any }, {})).toBe(false);
    expect(matchesPattern(JSON.parse('{"__proto__.constructor": [{"exists": true}]}'), {})).toBe(false);
  });
});
