// What a comparison says of items: laid beside each other, their drift, their neighbours, and the limits.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ComparedItem, distance, pairItems } from "../../cli/compare/items.ts";
import { neighbourOverlap } from "../../cli/compare/neighbours.ts";
import { fallenOf, objectsOfQueries } from "../../cli/compare/queries.ts";
import {
  type Limits,
  type ObjectComparison,
  queriesText,
  reportOf,
  reportText,
} from "../../cli/compare/report.ts";
import { sampleOf } from "../../cli/compare/sample.ts";
import { setId } from "../../src/store/collections/ids.ts";

const plain = (n: number): ComparedItem => ({ data: { n }, vectors: [] });
const spanned = (start: number, values: number[], data: object = {}): ComparedItem => ({
  data,
  vectors: [{ path: "embedding", span: { start, end: start + 10 }, values: new Float32Array(values) }],
});
const compared = (before: ComparedItem[], after: ComparedItem[], key = "a"): ObjectComparison => {
  return { bucket: "b", key, state: "compared", laid: pairItems(before, after) };
};
const report = (all: ObjectComparison[], limits: Limits = {}) => reportOf(all, limits);

describe("items laid beside each other", () => {
  test("are the same whatever their order", () => {
    const items = fc.array(fc.integer({ min: 0, max: 5 }).map(plain), { maxLength: 12 });
    fc.assert(
      fc.property(items, fc.infiniteStream(fc.nat()), (before, order) => {
        const after = before
          .map((item): [number, ComparedItem] => [order.next().value ?? 0, structuredClone(item)])
          .sort(([a], [b]) => a - b)
          .map(([, item]) => item);
        expect(report([compared(before, after)]).items).toMatchObject({
          same: before.length,
          changed_share: 0,
        });
      }),
    );
  });

  test("are each in one pair, or added, or removed", () => {
    const some = fc.array(
      fc.oneof(
        fc.nat(3).map(plain),
        fc.tuple(fc.nat(3), fc.nat(2)).map(([at, n]) => spanned(at * 10, [1, n], { n })),
      ),
      { maxLength: 10 },
    );
    fc.assert(
      fc.property(some, some, (before, after) => {
        const { pairs, added, removed } = pairItems(before, after);
        const all = (items: ComparedItem[]) => new Set(items);
        expect(all([...pairs.map((pair) => pair.before), ...removed])).toEqual(all(before));
        expect(all([...pairs.map((pair) => pair.after), ...added])).toEqual(all(after));
        expect(pairs.length + removed.length).toBe(before.length);
        expect(pairs.length + added.length).toBe(after.length);
      }),
    );
  });

  test("one put in at the front is one added, and leaves the others the same", () => {
    const before = [plain(1), plain(2), plain(3)];
    expect(report([compared(before, [plain(0), ...before])]).items).toMatchObject({
      same: 3,
      added: 1,
      changed: 0,
    });
  });

  test("of another part of the film are not a changed one", () => {
    const { items } = report([
      compared([spanned(0, [1]), spanned(10, [1])], [spanned(0, [1]), spanned(20, [1])]),
    ]);
    expect(items).toMatchObject({ same: 1, changed: 0, added: 1, removed: 1 });
  });

  test("with other data or a vector that has moved are changed; what only rounds otherwise is not", () => {
    const before = [spanned(0, [1, 0], { a: 1 }), spanned(10, [1, 0]), spanned(20, [1, 1e-4])];
    const after = [spanned(0, [1, 0], { a: 2 }), spanned(10, [0, 1]), spanned(20, [1, 1.001e-4])];
    const { items, drift } = report([compared(before, after)]);
    expect(items).toMatchObject({ same: 1, changed: 2 });
    expect(drift).toMatchObject({ vectors: 3, max: 1, incomparable: 0 });
  });
});

describe("drift and neighbours", () => {
  test("distance is 0 to itself at any length, 1 across, 2 against", () => {
    const vector = (...values: number[]) => new Float32Array(values);
    expect(distance(vector(1, 2), vector(3, 6))).toBeCloseTo(0, 6);
    expect(distance(vector(1, 0), vector(0, 1))).toBe(1);
    expect(distance(vector(1, 0), vector(-1, 0))).toBe(2);
    expect(distance(vector(1), vector(1, 0))).toBeNaN();
  });

  const points = Array.from(
    { length: 40 },
    (_, i) => new Float32Array([Math.cos(i / 7), Math.sin(i / 7), 0.1]),
  );
  const pairs = (after: (point: Float32Array, i: number) => Float32Array) =>
    points.map((before, i) => ({ path: "v", before, after: after(before, i) }));

  test("a model that turns the whole space keeps every neighbour, in other dimensions too", () => {
    const turned = pairs(([x = 0, y = 0, z = 0]) => new Float32Array([y, -x, z, 0]));
    expect(neighbourOverlap(turned)).toEqual({ k: 10, vectors: 40, overlap: 1 });
  });

  test("one that mixes them up keeps few", () => {
    const mixed = pairs((_, i) => points[(i * 17) % 40] ?? new Float32Array());
    expect(neighbourOverlap(mixed).overlap).toBeLessThan(0.5);
  });

  test("of fewer than two vectors nothing can be said", () => {
    expect(neighbourOverlap(pairs((it) => it).slice(0, 1)).overlap).toBeNull();
  });
});

describe("the limits", () => {
  const moved = compared(
    [spanned(0, [1, 0]), spanned(10, [1, 0])],
    [spanned(0, [1, 0.5]), spanned(10, [1, 0])],
  );
  test.each<[string, Limits, boolean]>([
    ["none", {}, true],
    ["drift within", { maxDrift: 0.2 }, true],
    ["drift beyond", { maxDrift: 0.1 }, false],
    ["changed within", { maxChanged: 0.5 }, true],
    ["changed beyond", { maxChanged: 0.4 }, false],
    ["overlap within", { minOverlap: 1 }, true],
  ])("%s", (_, limits, ok) => {
    expect(report([moved], limits).ok).toBe(ok);
  });

  test("vectors of other dimensions are within no drift", () => {
    const grown = compared([spanned(0, [1, 0])], [spanned(0, [1, 0, 0])]);
    expect(report([grown], { maxDrift: 2 })).toMatchObject({
      ok: false,
      drift: { incomparable: 1, max: null },
    });
    expect(report([grown]).ok).toBe(true);
  });

  test("a run that failed fails the whole; an object that has changed since does not", () => {
    const failed: ObjectComparison = {
      bucket: "b",
      key: "x",
      state: "failed",
      kind: "handler_failed",
      detail: "a\nb",
    };
    const since: ObjectComparison = { bucket: "b", key: "y", state: "changed since" };
    expect(report([since])).toMatchObject({ ok: true, objects: { changed_since: 1, compared: 0 } });
    const told = report([failed, since, moved]);
    expect(told).toMatchObject({ ok: false, objects: { failed: 1 } });
    const text = reportText(told);
    expect(text).toContain("1 compared, 1 changed since, 1 failed");
    expect(text).toContain("handler_failed  a\\nb");
    expect(text).toMatch(/^b\/a +1 +0 +0 +0\.1056$/m);
  });
});

test("the sample is the same for the same seed, another for another, and grows by adding", () => {
  const all = Array.from({ length: 50 }, (_, n) => ({
    object: { connection: "c", bucket: "b", key: `k${n}`, etag: null, size: null },
  }));
  const keys = (count: number, seed: string, of = all) =>
    sampleOf(of, count, seed).map(({ object }) => object.key);
  expect(keys(10, "a")).toEqual(keys(10, "a", [...all].reverse()));
  expect(keys(10, "a")).not.toEqual(keys(10, "b"));
  expect(keys(20, "a").slice(0, 10)).toEqual(keys(10, "a"));
  expect(keys(100, "a")).toHaveLength(50);
});

describe("golden queries", () => {
  const set = "0".repeat(32);
  const hit = (key: string, position: number, second: number | null = null) => ({
    item: `itm_${set}_${position}`,
    object: { connection: "c", bucket: "b", key, etag: null, content_type: null },
    second,
    span: null,
  });
  const query = {
    text: "cars",
    expect: [{ key: "a", second: 30 }, { key: "b" }, { item: `itm_${set}_9` }, { key: "never" }],
  };

  test("fall where what they expect comes later, or no more; what comes sooner, or never came, does not count", () => {
    const before = [hit("a", 0, 30), hit("c", 9), hit("b", 1)];
    const after = [hit("b", 1), hit("d", 2), hit("a", 0, 31)];
    expect(fallenOf(query, { before, after })).toEqual([
      { query: "cars", expected: "a@30", before: 1, after: 3 },
      { query: "cars", expected: `itm_${set}_9`, before: 2, after: null },
    ]);
    expect(fallenOf(query, { before, after: before })).toEqual([]);
  });

  test("choose the objects that they begin with or expect, beside the sample", () => {
    const produced = (key: string) => ({
      object: { connection: "c", bucket: "b", key, etag: null, size: 1 },
      ...{ items: 1, version: null, commit: null, models: [], stale: false, stored_at: null },
    });
    const item = `itm_${setId({ alias: "p", connection: "c", bucket: "b", key: "by-id" })}_3`;
    const queries = [
      { like: "begun@4", expect: [{ key: "x" }] },
      { text: "a", expect: [{ item }] },
    ];
    const all = ["begun", "x", "by-id", "other"].map(produced);
    expect(objectsOfQueries(queries, all, "p").map(({ object }) => object.key)).toEqual([
      "begun",
      "x",
      "by-id",
    ]);
  });

  test("are printed with their ranks before and after, and those that were not asked with why", () => {
    const text = queriesText({
      collection: "films",
      compared: 2,
      left_out: [{ query: "by a picture", why: "A question by a picture is not compared." }],
      fallen: [
        { query: "cars\n", expected: "a@30", before: 1, after: 3 },
        { query: "cars\n", expected: "b", before: 2, after: null },
      ],
    }).join("\n");
    expect(text).toContain("2 golden queries of films asked: 1 fell.");
    expect(text).toMatch(/cars\\n +a@30 +1 → 3\n/);
    expect(text).toMatch(/cars\\n +b +2 → lost/);
    expect(text).toMatch(/by a picture +A question by a picture/);
    expect(queriesText(null)).toEqual([]);
  });
});
