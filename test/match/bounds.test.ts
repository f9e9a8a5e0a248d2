// Bounds of the filter language: what would cost more than a filter is worth is refused before it is compiled, and
// what is accepted is judged, explained and doubted within a number of steps that is known beforehand.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_CLAUSES, MAX_TOKENS } from "../../src/match/bounds.ts";
import { compileGlob, matchesGlob } from "../../src/match/glob.ts";
import {
  compileFilter,
  compilePattern,
  evaluate,
  explain,
  FilterError,
  lintFilter,
  maxSteps,
  reasonOf,
  sizeOf,
  viewOf,
} from "../../src/match/index.ts";
import { anEvent } from "./given.ts";

const nested = (depth: number) => JSON.parse(`${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`);
const times = <T>(count: number, one: (i: number) => T) => Array.from({ length: count }, (_, i) => one(i));
const named = (count: number, value: unknown) => Object.fromEntries(times(count, (i) => [`n${i}`, value]));

const BEYOND: [sentence: string, filter: unknown, expected: string][] = [
  ["a name of 200 dots", { [times(200, () => "a").join(".")]: "x" }, "16 names"],
  ["2 KB of dots", { [times(1000, () => "a").join(".")]: "x" }, "512 characters"],
  [
    "4 KB of dots in a payload",
    { payload: { [times(2000, () => "a").join(".")]: ["x"] } },
    "names of at most",
  ],
  [
    "dots that nesting hides",
    { payload: { "a.b.c.d.e.f": { "a.b.c.d.e.f": { "a.b.c.d.e.f": ["x"] } } } },
    "16 names",
  ],
  ["a long name", { ["a".repeat(600)]: "x" }, "512 characters"],
  ["10,000 objects inside each other", { payload: nested(10_000) }, "16 objects"],
  [
    "10,000 `not` inside each other",
    { key: JSON.parse(`${'{"not":'.repeat(10_000)}"a"${"}".repeat(10_000)}`) },
    "16 objects",
  ],
  ["lists without end", { key: JSON.parse(`${"[".repeat(10_000)}${"]".repeat(10_000)}`) }, "16 objects"],
  ["a glob of 32 KB", { key: [{ glob: `${"{a}".repeat(10_000)}*` }] }, "1024 characters"],
  [
    "a glob of braces inside braces",
    { key: [{ glob: `${"{".repeat(9_000)}a${"}".repeat(9_000)}` }] },
    "1024 characters",
  ],
  ["a wildcard of 20 KB", { key: [{ wildcard: "*a".repeat(10_000) }] }, "1024 characters"],
  ["a glob of stars", { key: [{ glob: "**/a".repeat(100) }] }, "32 stars"],
  ["a wildcard of stars", { key: [{ wildcard: "*a".repeat(100) }] }, "32 stars"],
  ["a size of spaces", { size: `>${" ".repeat(20_000)}x` }, "1024 characters"],
  [
    "globs that come to much",
    { key: times(40, (i) => ({ glob: `{${times(60, String)}}${"?".repeat(200)}${i}` })) },
    `${MAX_TOKENS}`,
  ],
  ["a list of 2,000 values", { key: times(2000, String) }, "1000 values"],
  ["an exclusion of 2,000 values", { key: [{ "anything-but": times(2000, String) }] }, "1000 values"],
  [
    "more text than a filter is",
    { $or: times(40, (i) => ({ key: "a".repeat(900) + i })) },
    "32768 characters",
  ],
  ["17 KB of $or", { ...named(1500, 1), $or: times(300, () => ({ a: 1 })) }, `${MAX_CLAUSES} conditions`],
  [
    "$or beside $or",
    { a: { $or: times(30, (i) => named(9, i)) }, b: { $or: times(30, (i) => named(9, i)) } },
    `${MAX_CLAUSES} conditions`,
  ],
];

describe("refused before anything is made of it", () => {
  test.each(BEYOND)("%s", (_, filter, expected) => {
    for (const compile of [compileFilter, lintFilter]) {
      expect(() => compile(filter)).toThrow(FilterError);
      expect(() => compile(filter)).toThrow(expected);
    }
  });

  const ALIKE = /dots|name|objects inside|list|exclusion|KB of|\$or beside/;
  test.each(BEYOND.filter(([sentence]) => ALIKE.test(sentence)))("as a plain pattern: %s", (_, filter) => {
    expect(() => compilePattern(filter)).toThrow(FilterError);
  });

  test("the refusal of a long filter is short", () => {
    const filter = { payload: { ["x".repeat(500)]: { ["y".repeat(500)]: { ["z".repeat(500)]: ["q"] } } } };
    const message = (() => {
      try {
        return String(compileFilter(filter));
      } catch (error) {
        return String(error);
      }
    })();
    expect(message).toContain("16 names and 512 characters");
    expect(message.length).toBeLessThan(500);
  });
});

describe("what is accepted", () => {
  test("may be as large as people need", () => {
    expect(sizeOf(compileFilter({ account: times(1000, (i) => `a${i}`) })).values).toBe(1000);
    const crossed = Object.fromEntries(
      times(3, (i) => [`p${i}`, { $or: times(10, (j) => ({ [`x${j}`]: j })) }]),
    );
    expect(compileFilter({ payload: crossed }).branches).toHaveLength(1000);
    const globs = times(20, (i) => ({ glob: `team-${i}/**/*.{jpg,jpeg,png,webp,mp4,mov,mkv}` }));
    expect(() => compileFilter({ key: globs })).not.toThrow();
  });

  const tempting = fc.constantFrom("a", "b", "?", "[!b]", "[a-z]", "*", "**/", "{a,b}", "/", "{a,?,[a-c]}");
  test("a glob takes no more steps than its size says, whatever the key", () => {
    fc.assert(
      fc.property(
        fc.array(tempting, { minLength: 1, maxLength: 40 }),
        fc.array(fc.constantFrom("a", "b", "/"), { maxLength: 60 }),
        (pieces, chars) => {
          const glob = pieces
            .join("")
            .replace(/\*{2,}(?!\/)/g, "*")
            .replace(/\*{3,}/g, "**");
          const key = chars.join("");
          let steps = 0;
          try {
            for (const one of compileGlob(glob, "")) matchesGlob(one, key, () => steps++);
          } catch (error) {
            expect(error).toBeInstanceOf(FilterError);
            return;
          }
          const size = sizeOf(compileFilter({ key: [{ glob }] }));
          expect(steps).toBeLessThanOrEqual(maxSteps(size, key.length));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("is explained in an answer that a person can read, however much it says", () => {
    const shared = Object.fromEntries(times(4, (i) => [`long-${i}`, ["y".repeat(1000), "z".repeat(1000)]]));
    const filter = compileFilter({ ...shared, $or: times(900, (i) => ({ key: `k${i}` })) });
    const explained = explain(filter, viewOf(anEvent(), { metadata: { "long-1": "q".repeat(50_000) } }));
    expect(explained.verdict).toBe(false);
    expect(explained.verdict).toBe(evaluate(filter, viewOf(anEvent(), { metadata: {} })));
    expect(JSON.stringify(explained).length).toBeLessThan(300_000);
    expect(explained.note).toMatch(/\d+ more conditions are not shown/);
    expect(reasonOf(explained).length).toBeLessThanOrEqual(300);
  });

  test("is doubted a hundred times at most", () => {
    expect(lintFilter({ key: times(1000, (i) => i) })).toHaveLength(100);
  });

  test("conditions that exclude each other are found, but not at any price", () => {
    const spelt = (i: number) =>
      [...i.toString(2).padStart(8, "0")].map((bit) => (bit === "1" ? "A" : "a")).join("");
    const many = Object.fromEntries(times(250, (i) => [spelt(i), [`x${i}`, `y${i}`]]));
    expect(lintFilter(many).length).toBeGreaterThan(50);
    const globs = times(9, (i) => ({ glob: `${"?".repeat(900)}*${i}` }));
    const texts = times(12, (i) => "b".repeat(1000) + i);
    expect(lintFilter({ key: globs, $or: [{ key: texts }, { key: ["a"], name: "b" }] }).length).toBeLessThan(
      3,
    );
  });

  test("lists that multiply are given up, not tried to the end", () => {
    const element = Object.fromEntries(times(4, (i) => [`f${i}`, 1]));
    const payload = {
      a: times(300, () => ({ b: times(3, () => element) })),
      "a.b": times(300, () => element),
    };
    const filter = compileFilter({
      payload: { a: { b: Object.fromEntries(times(4, (i) => [`f${i}`, [1]])) } },
    });
    expect(() => evaluate(filter, viewOf({ ...anEvent(), payload }))).toThrow(/lists have fewer elements/);
  });
});
