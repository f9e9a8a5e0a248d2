// What a replay's plan says of money, against what its runs are then counted to use.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { RUN_OVERHEAD } from "../../src/shapes/cost.ts";
import { FileTools, type Handler } from "../../workers/pipeline/sdk.ts";
import { openStores, type Stores } from "../support/stores.ts";
import { type Counted, openWorld } from "./world.ts";

let stores: Stores;
beforeAll(async () => {
  stores = await openStores();
});
afterAll(() => stores?.close());
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2026-11-25T10:00:00Z") });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Films of some seconds: their container is at each the longer, the longer its name is. */
const films: Handler = async ({ bucket, key }, { weir }) => {
  const url = await weir.fileUrl(bucket, key);
  const { duration } = await FileTools.probe(url);
  const chunks = await FileTools.splitVideo(url);
  return chunks.map(({ index, start }) => ({ index, start, duration }));
};
const pictures: Handler = async ({ bucket, key }, { weir }) => {
  const { width, height } = await FileTools.imageInfo(await weir.fileUrl(bucket, key));
  return { width, height };
};
const texts: Handler = async ({ key }, { weir }) => {
  const paragraphs = key.split("-").filter((part) => part !== "");
  return Promise.all(
    paragraphs.map(async (text) => ({ text, vector: await weir.embed.text(text.repeat(40), "texts") })),
  );
};

const lengthOf = (body: string) => Number(/(\d)\.bin/.exec(body)?.[1] ?? 0);
test.each<[string, Handler, (path: string, body: string) => number]>([
  ["short films", films, (path, body) => (path === "/v1/split" ? 400 + 90 * lengthOf(body) : 80)],
  ["pictures", pictures, (_, body) => 30 + 5 * lengthOf(body)],
  ["texts", texts, () => 0],
])("a plan of %s is within a fifth of what is counted", async (name, handler, workMs) => {
  const world = openWorld(stores, { handler, workMs });
  const putAll = async (prefix: string, objects: number) => {
    for (let n = 0; n < objects; n++)
      await world.put(`${name}/${prefix}/${n}-${"ab-".repeat(1 + ((n * 7) % 4))}${n % 10}.bin`, "x");
  };
  await putAll("before", 15);
  await putAll("after", 24);
  const select = (prefix: string) => ({ kind: "listing", prefix: `${name}/${prefix}/` }) as const;
  expect((await world.replay({ select: select("after"), dry_run: true })).plan).toMatchObject({
    cost: null,
    pipelines: { films: { objects: 24, cost: null } },
  });

  await world.counting(() => world.replay({ select: select("before") }));
  const { plan } = await world.replay({ select: select("after"), dry_run: true });
  const counted = await world.counting(() => world.replay({ select: select("after") }));
  // Reads of the shards are assumed: Node's SQLite does not say how many rows it has read.
  counted.rows_read += 24 * (RUN_OVERHEAD.rows_read ?? 0);
  const { cost } = plan;
  expect(cost).not.toBeNull();
  for (const what of Object.keys(counted) as (keyof Counted)[]) {
    const { mean, low, high } = cost?.[what] ?? { mean: 0, low: 0, high: 0 };
    const figures = JSON.stringify([what, mean, low, high, counted[what]]);
    expect(Math.abs(mean - counted[what]), figures).toBeLessThanOrEqual(0.2 * counted[what]);
    expect(low <= mean && mean <= high, figures).toBe(true);
  }
  expect(cost?.usd.mean).toBeGreaterThan(0);
});
