// What is refused when compiled, with the place, what was expected, and what was probably meant.
import { describe, expect, test } from "vitest";
import { compileFilter, FilterError } from "../../src/match/index.ts";

function refusal(filter: unknown): FilterError {
  try {
    compileFilter(filter);
  } catch (error) {
    if (error instanceof FilterError) return error;
    throw error;
  }
  throw new Error(`accepted ${JSON.stringify(filter)}`);
}

const REFUSED: [sentence: string, filter: unknown, path: string, suggestion?: string][] = [
  ["a filter that is no object", ["a"], ""],
  ["a misspelt operator", { key: [{ prefx: "a" }] }, "key[0].prefx", "prefix"],
  ["a misspelt operator without its list", { key: { sufix: ".jpg" } }, "key.sufix", "suffix"],
  ["an operator in capitals", { key: [{ Prefix: "a" }] }, "key[0].Prefix", "prefix"],
  ["swapped letters", { key: [{ golb: "*" }] }, "key[0].golb", "glob"],
  ["an empty list", { key: [] }, "key"],
  ["a list in a list", { key: [["a"]] }, "key[0]"],
  ["an empty object", { payload: {} }, "payload"],
  ["an operator object without operator", { key: [{}] }, "key[0]"],
  ["two operators in one object", { key: [{ prefix: "a", suffix: "b" }] }, "key[0]"],
  ["a prefix that is no text", { key: [{ prefix: 5 }] }, "key[0].prefix"],
  ["names inside an attribute with one value", { "bucket.name": "x" }, "bucket.name", "bucket"],
  ["metadata without a name", { metadata: "x" }, "metadata"],
  ["an impossible range", { size: [{ numeric: [">", 5, "<", 5] }] }, "size[0].numeric"],
  ["bounds the wrong way round", { size: "> 10MB, < 1MB" }, "size"],
  ["an unknown unit", { size: ">= 10 XB" }, "size"],
  ["a size that is a word", { size: "large" }, "size"],
  ["a window that is empty", { time: { after: "2026-02-01", before: "2026-01-01" } }, "time"],
  ["a time without its zone", { time: { after: "2026-02-01T10:00:00" } }, "time.after"],
  ["a day that does not exist", { time: { after: "2026-13-01" } }, "time.after"],
  ["a misspelt window", { time: { after: "2026-01-01", befor: "2026-02-01" } }, "time.befor", "before"],
  ["daily hours that are none", { time: { daily: ["9:00", "17:00"] } }, "time.daily"],
  ["three stars in a glob", { key: [{ glob: "a***" }] }, "key[0].glob"],
  ["an open brace", { key: [{ glob: "a{b" }] }, "key[0].glob"],
  ["an open bracket", { key: [{ glob: "a[b" }] }, "key[0].glob"],
  ["a span backwards", { key: [{ glob: "[z-a]" }] }, "key[0].glob"],
  ["braces without end", { key: [{ glob: "{a,b}".repeat(9) }] }, "key[0].glob"],
  ["an address without its mask", { ip: [{ cidr: "10.0.0.0" }] }, "ip[0].cidr"],
  ["an address out of range", { ip: [{ cidr: "300.0.0.0/8" }] }, "ip[0].cidr"],
  ["nothing to negate", { key: [{ not: [] }] }, "key[0].not"],
  ["an empty $or", { $or: [] }, "$or"],
  [
    "a mistake deep in $or",
    { $or: [{ key: "a" }, { payload: { b: [{ exists: "no" }] } }] },
    "$or[1].payload.b[0].exists",
  ],
];

describe("refused when compiled", () => {
  test.each(REFUSED)("%s", (_, filter, path, suggestion) => {
    const error = refusal(filter);
    expect({ path: error.path, suggestion: error.suggestion }).toEqual({ path, suggestion });
    expect(error.expected).not.toBe("");
  });

  test("more combinations of $or than a filter should have", () => {
    const pair = (i: number) => ({ $or: [{ payload: { [`a${i}`]: 1 } }, { payload: { [`b${i}`]: 1 } }] });
    const crossed = { payload: Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`p${i}`, pair(i)])) };
    expect(refusal(crossed).expected).toContain("1000 combinations");
  });
});

test("names that JavaScript has plans for are plain names", () => {
  expect(() => compileFilter({ constructor: { prefix: "y" }, tags: { toString: "z" } })).not.toThrow();
  // zod drops this name wherever it reads a record, so that nothing could ever be found under it.
  for (const written of [
    '{"__proto__": "x"}',
    '{"metadata": {"__proto__": "x"}}',
    '{"tags.__proto__": "x"}',
  ]) {
    expect(refusal(JSON.parse(written)).path).toContain("__proto__");
  }
  expect(refusal({ key: [{ constructor: "x" }] }).path).toBe("key[0].constructor");
  expect(refusal(JSON.parse('{"key": [{"__proto__": "x"}]}')).path).toBe("key[0].__proto__");
});
