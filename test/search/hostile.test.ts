// Whatever people write, as a question or into an item, is text: no syntax, no failure, and a bounded time.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newItem, openShards } from "./support.ts";

let shards: Awaited<ReturnType<typeof openShards>>;
beforeAll(async () => {
  shards = await openShards();
}, 120_000);
afterAll(() => shards?.close());

/** What has a meaning in FTS5, in SQL, in patterns, or in none of them. */
const SPITEFUL = [
  ...[
    '"',
    "'",
    "*",
    "^",
    "(",
    ")",
    "{",
    "}",
    ":",
    "-",
    "+",
    "AND",
    "OR",
    "NOT",
    "NEAR(a b, 3)",
    "prose:",
    "grams:",
  ],
  ...[
    "{prose name} : x",
    "--",
    ";",
    "%",
    "_",
    "\\",
    "\u0000",
    "\ud800",
    "🦊",
    "\u202e",
    "العربية",
    "東京",
    "a\u0301",
    "<b>",
    "IMG_1.JPG",
  ],
];
const hostileText = fc
  .array(
    fc.oneof(
      fc.constantFrom(...SPITEFUL),
      fc.string({ maxLength: 12 }),
      fc.string({ unit: "binary", maxLength: 12 }),
    ),
    { maxLength: 12 },
  )
  .chain((parts) => fc.constantFrom("", " ").map((glue) => parts.join(glue)));

test("10,000 questions of anything are answered", { timeout: 400_000 }, async () => {
  const index = shards.index("questions");
  await index.replace("a", [newItem({ text: "a fox near the river, AND not OR" })]);
  const questions = fc.sample(hostileText, { numRuns: 10_000, seed: 3 });
  const statuses = new Map<number, string>();
  for (let at = 0; at < questions.length; at += 100) {
    const { status, body } = await index.post("queries", questions.slice(at, at + 100));
    if (status !== 200) statuses.set(status, body.error ?? "");
  }
  expect([...statuses]).toEqual([]);
});

test("a question of 100 KB costs no more than a short one does, nearly", { timeout: 60_000 }, async () => {
  const index = shards.index("long");
  await index.replace("a", [newItem({ text: "a fox" })]);
  for (const text of [
    "fox ".repeat(25_000),
    "f".repeat(100_000),
    "東".repeat(33_000),
    "a_1".repeat(33_000),
    '"'.repeat(100_000),
  ]) {
    const began = performance.now();
    await index.query({ text });
    expect(performance.now() - began).toBeLessThan(2_000);
  }
});

// Of one item the first 200,000 characters are searched: what is to be found there stands before the long text.
test("text of items breaks neither storing nor asking", { timeout: 120_000 }, async () => {
  const index = shards.index("items");
  const texts = fc.sample(hostileText, { numRuns: 300, seed: 5 });
  for (let at = 0; at < texts.length; at += 50)
    await index.replace(
      `o${at}`,
      texts.slice(at, at + 50).map((text) => newItem({ text, marker: "findable" })),
    );
  await index.replace("large", [
    newItem({ marker: "findable", text: `${"word ".repeat(100_000)} 東京${"a_1 ".repeat(50_000)}` }),
  ]);
  const { hits } = await index.query({ text: "findable", limit: 100, group: "object" });
  expect(hits).toHaveLength(7);
  const all = await index.query({ filter: { data: { marker: ["findable"] } }, limit: 1 });
  expect(all.index.items).toBe(301);
});
