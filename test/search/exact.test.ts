// Exactness at size: 100,000 vectors of 512 dimensions against brute force in float64 over the int8 values, whole and
// under filters; and by codes, which are asked for nearly all.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openShards } from "./support.ts";

const SHAPE = { sets: 5_000, items: 20, dimensions: 512, clusters: 500 };
let shards: Awaited<ReturnType<typeof openShards>>;
beforeAll(async () => {
  shards = await openShards();
}, 120_000);
afterAll(() => shards?.close());

interface Probed {
  recall: number;
}

describe.each([
  ["whole", {}, 1],
  ["by codes", { class: "CODED" as const }, 0.99],
])("100,000 vectors, compared %s", (name, how, due) => {
  const index = () => shards.index(`exact ${name}`, how);
  beforeAll(() => index().call("fill", SHAPE), 600_000);

  test.each([
    ["all", undefined, 1],
    ["half", { data: { half: [0] } }, 2],
    ["one in a hundred", { data: { hundredth: [0] } }, 100],
    ["one in ten thousand", { data: { rare: [0] } }, 10_000],
  ])("of %s, finds the ten best", { timeout: 300_000 }, async (_, filter, part) => {
    const { recall } = await index().call<Probed>("probe", SHAPE, {
      queries: 20,
      part,
      ...(filter && { filter }),
    });
    expect(recall).toBeGreaterThanOrEqual(due);
  });
});
