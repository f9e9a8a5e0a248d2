// What a handler may return, and how what it may not is refused: with its place and what to return instead, and
// never stored as something else.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FailureError } from "../../src/shapes/failure.ts";
import { asFailure } from "../../workers/pipeline/failure.ts";
import { collectItems } from "../../workers/pipeline/items.ts";

const refusal = (returned: unknown) =>
  collectItems(returned).then(
    () => undefined,
    (error: FailureError) => error.failure,
  );
class Score {
  value = 1;
}
const looping: Record<string, unknown> = {};
looping.list = [looping];

describe("refused with its place", () => {
  const cases: [returned: unknown, detail: string, where: string | undefined][] = [
    [{ a: [{ b: Number.NaN }] }, "items[0].a[0].b is NaN.", "items[0].a[0].b"],
    [[{}, {}, {}, { score: Number.NEGATIVE_INFINITY }], "items[3].score is -Infinity.", "items[3].score"],
    [{ v: new Float32Array([1, Number.POSITIVE_INFINITY]) }, "items[0].v[1] is Infinity.", "items[0].v[1]"],
    [{ v: new Float32Array() }, "items[0].v is an empty vector.", "items[0].v"],
    [{ at: new Date("never") }, "items[0].at is an invalid date.", "items[0].at"],
    [looping, "items[0].list[0] contains itself.", "items[0].list[0]"],
    [{ late: Promise.resolve(1) }, "items[0].late is a Promise.", "items[0].late"],
    [{ s: new Score() }, "items[0].s is a Score.", "items[0].s"],
    [new Score(), "items[0] is a Score.", "items[0]"],
    [{ u: new URL("https://a.test/") }, "items[0].u is a URL.", "items[0].u"],
    [{ e: new TypeError("x") }, "items[0].e is a TypeError.", "items[0].e"],
    [{ r: /x/ }, "items[0].r is a RegExp.", "items[0].r"],
    [{ m: new Map() }, "items[0].m is a Map.", "items[0].m"],
    [{ s: new Set() }, "items[0].s is a Set.", "items[0].s"],
    [{ b: new Uint8Array(1) }, "items[0].b is a Uint8Array.", "items[0].b"],
    [{ h: new Headers() }, "items[0].h is a Headers.", "items[0].h"],
    [{ w: new WeakMap() }, "items[0].w is a WeakMap.", "items[0].w"],
    [{ n: Object(1) }, "items[0].n is a Number.", "items[0].n"],
    [{ f: () => 1 }, "items[0].f is a function.", "items[0].f"],
    [{ s: Symbol("x") }, "items[0].s is a symbol.", "items[0].s"],
    [{ u: [undefined] }, "items[0].u[0] is undefined.", "items[0].u[0]"],
    [{ "odd name": 1n }, 'items[0]["odd name"] is a BigInt.', 'items[0]["odd name"]'],
    [[[1]], "items[0] is an Array.", "items[0]"],
    ["text", "The handler returned a string.", undefined],
    [undefined, "The handler returned undefined.", undefined],
  ];
  const byDetail = cases.map(([returned, detail, where]) => [detail, where, returned] as const);
  test.each(byDetail)("%s", async (detail, where, returned) => {
    const failure = await refusal(returned);
    expect(failure).toMatchObject({ kind: "invalid_return", detail });
    expect(failure?.where).toBe(where);
  });

  test.each([
    [Promise.resolve(1), /await/],
    [new URL("https://a.test/"), /href/],
    [new RangeError("x"), /message/],
    [new Map(), /fromEntries/],
    [new Score(), /plain object/],
  ])("%o, with what to return in its place", async (value, next) => {
    expect((await refusal({ value }))?.next).toMatch(next);
  });
});

test("any JSON is stored as it is, whatever its names", async () => {
  const object = fc.dictionary(fc.string(), fc.jsonValue({ noNegativeZero: true } as never), {
    noNullPrototype: false,
  });
  await fc.assert(
    fc.asyncProperty(object, async (value) => {
      const [item] = await collectItems(value);
      expect(JSON.parse(item?.data ?? "")).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test("a date is its text, and what is undefined is absent", async () => {
  const [item] = await collectItems({ at: new Date(0), gone: undefined, bare: Object.create(null) });
  expect(JSON.parse(item?.data ?? "")).toEqual({ at: "1970-01-01T00:00:00.000Z", bare: {} });
});

describe("thrown", () => {
  const hostile = {
    get message() {
      throw new Error("no message");
    },
    toString() {
      throw new Error("no text");
    },
  };
  class Nasty extends Error {
    override get message(): string {
      throw new Error("no");
    }
  }
  test.each([
    ["an error", new TypeError("broken"), "TypeError: broken"],
    ["a text", "just words", "The handler threw a string: just words"],
    ["nothing", undefined, "The handler threw undefined."],
    ["an object of the handler's own", { code: 7 }, 'The handler threw an Object: {"code":7}'],
    ["what cannot be asked what it is", hostile, "The handler threw an Object, which has no text."],
    ["an error without words", new Nasty(), "The handler threw a Nasty, which has no text."],
    ["what has no class", Object.create(null), "The handler threw an object of no class: {}"],
    [
      "an error with a cause",
      new Error("outer", { cause: new Error("inner") }),
      "Error: outer (caused by Error: inner)",
    ],
    [
      "several at once",
      new AggregateError([new Error("one"), new Error("two")], "both"),
      "AggregateError: both (Error: one; Error: two)",
    ],
  ])("%s", (_, thrown, detail) => {
    expect(asFailure(thrown)).toMatchObject({ kind: "handler_failed", detail });
  });
});
