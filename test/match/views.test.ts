// What filters see of an event before and after a look-up, what they then need, and how they explain themselves.
import { describe, expect, test } from "vitest";
import { buildIndex, compileFilter, evaluate, explain, stateView, viewOf } from "../../src/match/index.ts";
import { anEvent } from "./given.ts";

const index = (filters: Record<string, object>) =>
  buildIndex(Object.entries(filters).map(([value, filter]) => ({ filter: compileFilter(filter), value })));
const { size: _, etag: __, ...sizeless } = anEvent();

describe("an event that says nothing about an attribute", () => {
  const filters = {
    everything: {},
    metadata: { foo: "bar" },
    elsewhere: { bucket: "videos", foo: "bar" },
    type: { content_type: "image/jpeg" },
    tags: { tags: { team: "a" } },
    large: { size: "> 1MB" },
    absent: { foo: [{ exists: false }] },
    negated: { foo: [{ not: "bar" }] },
    other: { foo: [{ "anything-but": "bar" }] },
    either: { $or: [{ bucket: "photos" }, { foo: "bar" }] },
  };

  test("leaves undecided what hangs on it, and only that", () => {
    const { matched, undecided, needs } = index(filters).match(viewOf(sizeless));
    expect(matched).toEqual(["everything", "either"]);
    expect(undecided).toEqual(["metadata", "type", "tags", "large", "absent", "negated", "other"]);
    expect(needs).toEqual(new Set(["head", "tags"]));
  });

  test("needs no look-up that would decide nothing", () => {
    expect(index({ a: { foo: "bar" } }).match(viewOf(sizeless)).needs).toEqual(new Set(["head"]));
    expect(index({ a: { tags: { x: "y" } } }).match(viewOf(sizeless)).needs).toEqual(new Set(["tags"]));
    expect(index({ a: { bucket: "x", foo: "bar" } }).match(viewOf(sizeless)).needs.size).toBe(0);
  });

  test("is decided by the look-up, after which absent is absent", () => {
    const object = { size: 5, etag: "e", content_type: "image/jpeg", metadata: null, tags: { team: "a" } };
    const { matched, undecided } = index(filters).match(viewOf(sizeless, object));
    expect(matched).toEqual(["everything", "type", "tags", "absent", "negated", "either"]);
    expect(undecided).toEqual([]);
  });

  test("is overridden by what the object says", () => {
    const filter = compileFilter({ size: 5, camera: "new" });
    const event = anEvent({ size: 9, metadata: { camera: "old" } });
    expect(evaluate(filter, viewOf(event))).toBe(false);
    expect(evaluate(filter, viewOf(event, { size: 5, metadata: { Camera: "new" } }))).toBe(true);
  });

  test("of an invocation without an object is simply absent", () => {
    const invoked = { ...sizeless, bucket: "", key: "", payload: { a: 1 } };
    expect(
      index({ a: { payload: { a: 1 }, size: [{ exists: false }] } }).match(viewOf(invoked)).matched,
    ).toEqual(["a"]);
  });

  test("is found among thousands of metadata names", () => {
    const many = Object.fromEntries(
      Array.from({ length: 3000 }, (_, i) => [`n${i}`, { [`name-${i}`]: "x" }]),
    );
    const found = index(many).match(
      viewOf(sizeless, { metadata: { "name-7": "x", "NAME-2999": "x", "name-8": "y" } }),
    );
    expect(found.matched).toEqual(["n7", "n2999"]);
    expect(index(many).match(viewOf(sizeless)).undecided.length).toBe(3000);
    const payload = index({ ...many, p: { payload: { deep: { x: 1 } } }, q: { payload: "no" } });
    expect(
      payload.match(viewOf({ ...sizeless, payload: { deep: [{ x: 1 }] }, metadata: {} })).matched,
    ).toEqual(["p"]);
  });
});

describe("the object alone", () => {
  test("does not depend on the event that told of it", () => {
    const view = (filter: object) =>
      evaluate(compileFilter(filter), stateView(viewOf(anEvent(), { metadata: { foo: "x" } })));
    expect(view({ type: "removed", foo: "x" })).toBe("unknown");
    expect(view({ type: "created", foo: "y" })).toBe(false);
    expect(view({ key: [{ prefix: "exports/" }], operation: "PutObject" })).toBe(false);
    expect(view({ foo: "x", size: "> 1MB" })).toBe(true);
  });
});

describe("an explanation", () => {
  test("says for each condition what was wanted, what was found, and where", () => {
    const filter = compileFilter({
      bucket: "videos",
      foo: [{ prefix: "b" }],
      tags: { a: "b" },
      version_id: ["v"],
    });
    expect(explain(filter, viewOf(anEvent(), { metadata: { foo: "bar" } }))).toEqual({
      verdict: false,
      branches: [false],
      clauses: [
        { branch: 0, path: "bucket", expected: "videos", actual: "photos", source: "event", verdict: false },
        {
          branch: 0,
          path: "metadata.foo",
          expected: [{ prefix: "b" }],
          actual: "bar",
          source: "object",
          verdict: true,
        },
        { branch: 0, path: "tags.a", expected: "b", source: "unknown", verdict: "unknown" },
        { branch: 0, path: "version_id", expected: ["v"], source: "absent", verdict: false },
      ],
    });
  });

  test("of $or tells the branches apart", () => {
    const filter = compileFilter({ $or: [{ bucket: "videos" }, { bucket: "photos" }] });
    expect(explain(filter, viewOf(anEvent()))).toMatchObject({ verdict: true, branches: [false, true] });
  });

  test("says when conditions are met, but by different elements", () => {
    const filter = compileFilter({ payload: { faces: { label: "cat", score: 1 } } });
    const event = anEvent({
      payload: {
        faces: [
          { label: "cat", score: 0 },
          { label: "dog", score: 1 },
        ],
      },
    });
    expect(explain(filter, viewOf(event))).toMatchObject({
      verdict: false,
      note: expect.stringContaining("no one element"),
    });
  });
});
