// One shared suite for the index of a collection, whatever a shard keeps in memory and over however many shards it is
// spread: sets are replaced whole and never by older ones, and questions find exactly what is there.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  compileItemFilter,
  evaluate,
  itemJson,
  itemPath,
  itemView,
  leavesIn,
  setJson,
} from "../../src/match/index.ts";
import { itemId, setId } from "../../src/store/collections/ids.ts";
import { comparePlaces, sortKeyOf } from "../../src/store/index/order.ts";
import { LINEAGE, newItem, objectSet, openShards, space, vector } from "./support.ts";

let shards: Awaited<ReturnType<typeof openShards>>;
beforeAll(async () => {
  shards = await openShards();
}, 60_000);
afterAll(() => shards?.close());

interface SortedPage {
  items: string[];
  next?: unknown;
}

const keysOf = ({ hits }: { hits: { object: { key: string }; position: number }[] }) =>
  hits.map(({ object, position }) => `${object.key} ${position}`);

describe.each([
  ["whole vectors, one shard", {}],
  ["codes, one shard", { class: "CODED" as const }],
  ["whole vectors, three shards", { shards: 3 }],
])("an index of %s", (name, how) => {
  const open = (collection: string) => shards.index(`${collection} ${name}`, how);

  test("finds what was stored, by words, by vector and by both, and says how", async () => {
    const index = open("found");
    await index.replace("a.mp4", [
      newItem({ text: "a red car at night" }, vector([1, 0, 0, 0], { span: { start: 4, end: 8 } })),
      newItem({ text: "a boat on the river" }, vector([0, 1, 0, 0], { span: { start: 8, end: 12 } })),
    ]);
    await index.replace("b.mp4", [newItem({ text: "cars in the snow" }, vector([0.9, 0.1, 0, 0]))]);
    expect(keysOf(await index.query({ text: "Cars" })).sort()).toEqual(["a.mp4 0", "b.mp4 0"]);
    const vectors = [{ space: space(4), values: [2, 0, 0, 0] }];
    const byVector = await index.query({ vectors });
    expect(keysOf(byVector)).toEqual(["a.mp4 0", "b.mp4 0", "a.mp4 1"]);
    expect(byVector.hits[0]).toMatchObject({
      score: 1,
      second: 4,
      span: { start: 4, end: 8 },
      vector: { rank: 1 },
    });
    const both = await index.query({ vectors, text: "snow" });
    expect(both.hits[0]).toMatchObject({ object: { key: "b.mp4" }, vector: { rank: 2 }, text: { rank: 1 } });
    expect(both.hits[0]?.score).toBeCloseTo(1 / 62 + 1 / 61);
    expect(both.hits[0]?.highlights).toEqual([{ path: "text", text: "cars in the snow", marks: [[12, 16]] }]);
    expect(both.index).toMatchObject({ sets: 2, items: 3, vectors: 3, missing_shards: 0 });
  });

  test("replaces a set as a whole, and forgets what was removed", async () => {
    const index = open("whole");
    await index.replace("a", [newItem({ text: "one" }), newItem({ text: "two" })], 1);
    await index.replace("a", [newItem({ text: "three" })], 2);
    expect(keysOf(await index.query({ text: "one two three" }))).toEqual(["a 0"]);
    await index.replace("a", [], 3);
    expect(keysOf(await index.query({ text: "three" }))).toEqual([]);
    expect(keysOf(await index.query({}))).toEqual([]);
  });

  test("an older set never overwrites a newer one, also after a removal", async () => {
    const index = open("fenced");
    expect(await index.replace("a", [newItem({ text: "new" })], 5)).toBe("stored");
    expect(await index.replace("a", [newItem({ text: "old" })], 4)).toBe("superseded");
    expect(await index.replace("a", [], 6)).toBe("stored");
    expect(await index.replace("a", [newItem({ text: "old" })], 5)).toBe("superseded");
    expect(keysOf(await index.query({ text: "old new" }))).toEqual([]);
    expect(await index.call("orders", [objectSet("a"), objectSet("b")])).toEqual([
      { order: 6, items: 0 },
      { order: 0, items: 0 },
    ]);
  });

  test("keeps what is left when many sets come and go", async () => {
    const index = open("churn");
    for (let round = 1; round <= 4; round++)
      for (let n = 0; n < 12; n++) {
        const items =
          (n + round) % 3 === 0
            ? []
            : Array.from({ length: (n % 4) + 1 }, () =>
                newItem({ text: `w${n} r${round}` }, vector([n + 1, round, 1])),
              );
        await index.replace(`o${n}`, items, round);
      }
    const answer = await index.query({ vectors: [{ space: space(3), values: [1, 1, 1] }], limit: 100 });
    const due = [...Array(12).keys()]
      .filter((n) => (n + 4) % 3 !== 0)
      .flatMap((n) => [...Array((n % 4) + 1).keys()].map((at) => `o${n} ${at}`));
    expect(keysOf(answer).sort()).toEqual(due.sort());
    expect(answer.hits.every(({ data }) => String(data.text).endsWith(" r4"))).toBe(true);
    expect(keysOf(await index.query({ text: "r1 r2 r3", limit: 100 }))).toEqual([]);
  });

  test("a frame that matches names its second, and its span is found by it", async () => {
    const index = open("frames");
    const frames = { seconds: [1, 2.5, 4], values: [127, 0, 0, 0, 0, 127, 0, 0, 0, 0, 127, 0] };
    await index.replace("film", [
      newItem({}, vector([0.5, 0.5, 0.5, 0], { span: { start: 0, end: 5 }, frames })),
      newItem({}, vector([0, 0, 0, 1], { span: { start: 5, end: 10 } })),
    ]);
    const { hits } = await index.query({
      vectors: [{ space: space(4), values: [0, 1, 0, 0] }],
      explain: true,
    });
    expect(hits[0]).toMatchObject({ position: 0, second: 2.5, score: 1, vector: { frame: 1 } });
    expect(hits[0]?.vector?.mean).toBeCloseTo(Math.sqrt(1 / 3), 2);
    const item = hits[0]?.item;
    expect(await index.call("vectorsOf", { item, second: 4.2 })).toMatchObject([{ values: { 2: 127 } }]);
  });

  test("a text with its own seconds is found at them, and at the word where it has words", async () => {
    const index = open("said");
    const word = (text: string, start: number) => ({ text, start, end: start + 0.4 });
    const words = ["the", "committee", "will", "discuss", "the", "budgets"].map((each, n) =>
      word(each, 31 + n),
    );
    await index.replace("talk.mp4", [
      newItem({ text: "good morning", start: 12, end: 13.5 }),
      newItem({ text: "the committee will discuss the budgets", start: 31, end: 37, words }),
      newItem({ text: "lines of a file", start: 9, end: 3 }),
    ]);
    const secondOf = async (text: string) =>
      (await index.query({ text })).hits.map(({ second }) => second)[0];
    expect(await secondOf("morning")).toBe(12);
    expect(await secondOf("budget")).toBe(36);
    expect(await secondOf("discuss the budget")).toBe(34);
    expect(await secondOf("lines")).toBeNull();
    const filter = { span: { start: [{ numeric: [">=", 20] }] } };
    const { hits } = await index.query({ filter });
    expect(hits).toMatchObject([{ position: 1, span: { start: 31, end: 37 }, second: 31 }]);
  });

  test("vectors of different spaces are never compared, and what had no vector is counted", async () => {
    const index = open("spaces");
    const other = { recipe: { definition: "e", pooling: "none", normalised: true } };
    await index.replace("a", [newItem({}, vector([1, 0]))]);
    await index.replace("b", [newItem({}, vector([1, 0], other))]);
    const one = await index.query({ vectors: [{ space: space(2), values: [1, 0] }] });
    expect(keysOf(one)).toEqual(["a 0"]);
    expect(one.left_out).toMatchObject({ items: 1, spaces: [{ definition: "e" }] });
    const two = await index.query({
      vectors: [
        { space: space(2), values: [1, 0] },
        { space: space(2, { definition: "e" }), values: [0, 1] },
      ],
    });
    expect(keysOf(two).sort()).toEqual(["a 0", "b 0"]);
    expect(two.left_out).toEqual({ items: 0, spaces: [] });
    expect(two.hits.map(({ score }) => score)).toEqual([1 / 61, 1 / 61]);
  });

  test("by objects, each object comes once, with its best item, whatever pipeline it is of", async () => {
    const index = open("grouped");
    for (const key of ["a", "b", "c"])
      await index.replace(
        key,
        [1, 2, 3].map((n) => newItem({ text: "same" }, vector([n, key.charCodeAt(0) - 96]))),
      );
    const second = {
      set: objectSet("a", "q"),
      order: 1,
      lineage: LINEAGE,
      items: [newItem({ text: "same" })],
    };
    await index.call("replace", second);
    const vectors = [{ space: space(2), values: [1, 0] }];
    expect(keysOf(await index.query({ group: "object", vectors }))).toEqual(["a 2", "b 2", "c 2"]);
    const keys = (await index.query({ group: "object", text: "same" })).hits.map(({ object }) => object.key);
    expect(keys.sort()).toEqual(["a", "b", "c"]);
  });

  test("pages end to end give every item once, in one order, also where scores are equal", async () => {
    const index = open("paged");
    for (const key of ["a", "b", "c", "d", "e"])
      await index.replace(
        key,
        [1, 2, 3].map(() => newItem({ text: "all alike" }, vector([1, 1]))),
      );
    for (const query of [{ text: "alike" }, { vectors: [{ space: space(2), values: [1, 0] }] }, {}]) {
      const seen: string[] = [];
      let after: string | undefined;
      do {
        const page = await index.query({ ...query, limit: 4, ...(after !== undefined && { after }) });
        seen.push(...page.hits.map(({ item }) => item));
        after = page.next;
      } while (after !== undefined);
      expect(seen).toHaveLength(15);
      expect(new Set(seen).size).toBe(15);
      expect(seen).toEqual((await index.query({ ...query, limit: 100 })).hits.map(({ item }) => item));
    }
  });

  test("words find stems, codes by their parts, and scripts without spaces", async () => {
    const index = open("words");
    await index.replace("shots/IMG_2041.JPG", [newItem({ text: "Running horses", code: "AB-12/3" })]);
    await index.replace("東京.png", [newItem({ caption: "東京の夜景です" })]);
    const found = async (text: string) => (await index.query({ text })).hits.map(({ object }) => object.key);
    for (const text of ["run", "horse", "2041", "img_2041", "b123", "AB-12"])
      expect(await found(text), text).toEqual(["shots/IMG_2041.JPG"]);
    for (const text of ["夜景", "京", "東京の夜"]) expect(await found(text), text).toEqual(["東京.png"]);
    for (const text of ["", " ", '"', "*", "NEAR(", "🦊"]) expect(await found(text), text).toEqual([]);
  });

  test("a filter keeps exactly the items that Weir's language keeps", async () => {
    const index = open("filtered");
    const dataArbitrary = fc.record(
      {
        n: fc.integer({ min: 0, max: 3 }),
        tags: fc.array(fc.constantFrom("x", "y", "z"), { maxLength: 3 }),
        parts: fc.array(fc.record({ a: fc.integer({ min: 0, max: 2 }), b: fc.constantFrom("p", "q") }), {
          maxLength: 3,
        }),
      },
      { requiredKeys: [] },
    );
    const items = fc.sample(dataArbitrary, { numRuns: 60, seed: 7 });
    for (let at = 0; at < items.length; at += 10)
      await index.replace(
        `k/${at}.mp4`,
        items.slice(at, at + 10).map((data) => newItem(data)),
      );
    const condition = fc.oneof(
      fc.record({ n: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 2 }) }),
      fc.record({ tags: fc.constantFrom(["x"], [{ not: ["x"] }], [{ exists: false }]) }),
      fc.record({
        parts: fc.record({
          a: fc.constantFrom([0], [1, 2], [{ not: [1] }]),
          b: fc.constantFrom(["p"], ["q"]),
        }),
      }),
    );
    const filters = fc.sample(
      fc.oneof(
        fc.record({ data: condition }),
        fc.record({
          $or: fc.array(fc.record({ data: condition }), { minLength: 1, maxLength: 3 }),
          position: fc.constant([{ numeric: ["<", 7] }]),
        }),
        fc.constant({
          object: { key: [{ prefix: "k/2" }], extension: ["mp4"] },
          stored_at: [{ after: "2026-01-01" }],
        }),
      ),
      { numRuns: 40, seed: 11 },
    );
    for (const filter of filters) {
      const compiled = compileItemFilter(filter);
      const due = items.flatMap((data, n) => {
        const key = `k/${n - (n % 10)}.mp4`;
        const item = { id: "", position: n % 10, set: objectSet(key), lineage: LINEAGE, data };
        return evaluate(compiled, itemView(item)) === true ? [`${key} ${n % 10}`] : [];
      });
      expect(keysOf(await index.query({ filter, limit: 100 })).sort(), JSON.stringify(filter)).toEqual(
        due.sort(),
      );
    }
  });

  test("pages of any order, put end to end, are what sorting in memory gives", async () => {
    const index = open("sorted");
    const data = fc.record(
      {
        n: fc.oneof(fc.integer({ min: -2, max: 2 }), fc.double({ noNaN: true }), fc.boolean()),
        title: fc.oneof(fc.constantFrom("a", "b", "B", "é", "z".repeat(300)), fc.string({ maxLength: 3 })),
        parts: fc.array(fc.record({ at: fc.integer({ min: 0, max: 9 }) }), { maxLength: 3 }),
        none: fc.constant(null),
      },
      { requiredKeys: [] },
    );
    const sets = fc.sample(fc.array(data, { minLength: 1, maxLength: 9 }), { numRuns: 12, seed: 5 });
    const lineageOf = (n: number) => ({ ...LINEAGE, size: n % 3, stored_at: `2026-11-2${n % 4}T10:00:00Z` });
    // Some are replaced when an order is known already, and some go.
    for (const round of [1, 2]) {
      for (const [n, own] of sets.entries()) {
        const items = round === 2 && n % 5 === 0 ? [] : own.map((each) => newItem(each));
        await index.replace(`k${n}`, items, round, { lineage: lineageOf(n) });
      }
      await index.call("sorted", { order: { path: "data.n", descending: false }, limit: 3 });
    }
    const items = sets.flatMap((own, n) =>
      n % 5 === 0
        ? []
        : own.map((each, position) => {
            const set = objectSet(`k${n}`);
            const id = itemId(setId(set), position);
            return { id, position, set, lineage: lineageOf(n), data: each };
          }),
    );
    const half = { position: [{ numeric: [">", 1] }] };
    for (const path of [
      "data.n",
      "data.title",
      "data.parts.at",
      "data.none",
      "object.key",
      "stored_at",
      "id",
    ])
      for (const descending of [false, true])
        for (const filter of [undefined, half]) {
          const order = { path, descending };
          const due = items
            .filter(({ position }) => !filter || position > 1)
            .map((item) => ({
              item: item.id,
              key: sortKeyOf(
                leavesIn({ ...setJson(item), ...itemJson(item) }, itemPath(path, "")).map(
                  ({ value }) => value,
                ),
                order,
              ),
            }))
            .sort((a, b) => comparePlaces(a, b, descending))
            .map(({ item }) => item);
          const seen: string[] = [];
          let after: unknown;
          do {
            const page: SortedPage = await index.call("sorted", { order, filter, limit: 7, after });
            expect(page.items.length).toBeLessThanOrEqual(7);
            seen.push(...page.items);
            after = page.next;
          } while (after);
          expect(seen, JSON.stringify(order)).toEqual(due);
        }
  });

  test("sorts numbers before texts before booleans, and what has no value last, in both directions", async () => {
    const index = open("kinds");
    const values = ["b", 10, true, 9, null, "a", [3, 30], false];
    await index.replace(
      "a",
      values.map((v) => newItem(v === null ? {} : { v })),
    );
    const sorted = async (descending: boolean) => {
      const { items } = await index.call<SortedPage>("sorted", {
        ...{ order: { path: "data.v", descending }, limit: 20 },
      });
      return items.map((item) => values[Number(item.slice(item.lastIndexOf("_") + 1))]);
    };
    expect(await sorted(false)).toEqual([[3, 30], 9, 10, "a", "b", false, true, null]);
    expect(await sorted(true)).toEqual([true, false, "b", "a", [3, 30], 10, 9, null]);
  });

  test("a filter that is none is refused with its place", async () => {
    const { status, body } = await open("refused").post("query", {
      group: "item",
      limit: 1,
      filter: { objct: ["a"] },
    });
    expect(status).toBe(400);
    expect(body.failure).toMatchObject({ kind: "invalid", where: "filter.objct" });
  });

  test("an empty index answers", async () => {
    const answer = await open("empty").query({
      text: "anything",
      vectors: [{ space: space(4), values: [1, 0, 0, 0] }],
    });
    expect(answer).toMatchObject({ hits: [], index: { items: 0, missing_shards: 0 } });
  });
});
