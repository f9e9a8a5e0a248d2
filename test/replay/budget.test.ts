// Budgets: a pipeline stops within a batch of what it may spend on a day, a replay within a page, and nothing is lost.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { listPaused } from "../../src/store/ledger/pauses.ts";
import { FileTools, type Handler } from "../../workers/pipeline/sdk.ts";
import { openD1InNode } from "../support/d1-in-node.ts";
import { openMapBucket } from "../support/map-bucket.ts";
import { openWorld, type WorldOptions } from "./world.ts";

const DAY_MS = 86_400_000;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2026-11-25T10:00:00Z") });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const films: Handler = async ({ bucket, key }, { weir }) => {
  const { duration } = await FileTools.probe(await weir.fileUrl(bucket, key));
  return { duration };
};
/** Some thousandths of a dollar a film: the container works for minutes at each. */
const workMs = (_: string, body: string) => 60_000 * (1 + (body.length % 4));
const stores = () => ({
  ledger: openD1InNode().db,
  collections: openD1InNode("collections").db,
  archive: openMapBucket().bucket,
});
const select = { kind: "listing" } as const;

async function worldWith(objects: number, options: Partial<WorldOptions> = {}) {
  const opened = stores();
  const world = openWorld(opened, { handler: films, workMs, ...options });
  for (let n = 0; n < objects; n++) await world.put(`film-${"x".repeat((n * 7) % 5)}-${n}`, "x");
  const statuses = async () => {
    const runs = await world.shards.runs({ limit: 500 });
    return Object.fromEntries(
      Object.entries(Object.groupBy(runs, ({ status }) => status)).map(([name, of]) => [name, of?.length]),
    );
  };
  return { ...world, statuses, paused: () => listPaused(opened.ledger) };
}
const total = (amounts: number[]) => amounts.reduce((sum, one) => sum + one, 0);

describe("a pipeline", () => {
  test.each([
    [1, 0.02],
    [3, 0.011],
    [4, 0.03],
    [7, 0.019],
    [10, 0.04],
  ])(
    "in batches of %i stops at most one after $%d are spent, and goes on the next day",
    async (batch, usd_per_day) => {
      const budget = { usd_per_day };
      const { statuses, spent, ...world } = await worldWith(30, { batch, config: { budget } });
      await world.replay({ select });
      for (let days = 1, from = 0; ; days++) {
        const today = spent.slice(from);
        expect(total(today.slice(0, -1))).toBeLessThan(usd_per_day);
        if ((await statuses()).pending === undefined) break;
        expect(total(today)).toBeGreaterThanOrEqual(usd_per_day);
        expect((await world.paused())[0]?.reason).toMatch(/its budget is spent: \$0\.\d+ of \$0\.\d+ today/);
        // A minute later it is still the same day.
        vi.setSystemTime(Date.now() + 120_000);
        const before = spent.length;
        await world.minute();
        expect(spent.length).toBe(before);
        expect(days).toBeLessThan(30);
        from = spent.length;
        vi.setSystemTime((Math.floor(Date.now() / DAY_MS) + 1) * DAY_MS);
        await world.minute();
      }
      expect(await statuses()).toEqual({ succeeded: 30 });
      expect(spent.length).toBeGreaterThanOrEqual(30 / batch);
    },
  );

  test("goes on the same day once its budget is raised, or taken away", async () => {
    const { statuses, ...world } = await worldWith(12, { config: { budget: { usd_per_day: 0.005 } } });
    await world.replay({ select });
    expect((await statuses()).pending).toBeGreaterThan(0);
    world.deploy({ budget: { usd_per_day: 0.01 } });
    vi.setSystemTime(Date.now() + 120_000);
    await world.minute();
    const { pending = 0 } = await statuses();
    expect(pending).toBeGreaterThan(0);
    world.deploy({});
    vi.setSystemTime(Date.now() + 120_000);
    await world.minute();
    expect(await statuses()).toEqual({ succeeded: 12 });
    expect(await world.paused()).toEqual([]);
  });

  test("without a budget asks nobody", async () => {
    const { statuses, spent, ...world } = await worldWith(2);
    await world.replay({ select });
    expect([await statuses(), spent]).toEqual([{ succeeded: 2 }, []]);
  });
});

describe("a replay", () => {
  test("with a budget stops within a page, says so, and goes on when it has more", async () => {
    const { statuses, ...world } = await worldWith(230);
    const stopped = await world.replay({ select, budget_usd: 0.3 });
    expect(stopped).toMatchObject({
      status: "paused",
      stopped: {
        kind: "conflict",
        detail: expect.stringMatching(/^The replay has spent \$0\.\d+ of its budget of \$0\.3/),
        where: "budget_usd",
        next: expect.stringContaining(`weir replay resume ${stopped.id} --budget`),
      },
      progress: { planned: 230, open: 0 },
    });
    expect(stopped.spent_usd).toBeGreaterThanOrEqual(0.3);
    // A page is a hundred runs, all of which had begun when it was spent.
    const { enqueued } = stopped.progress;
    expect((stopped.spent_usd * (enqueued - 100)) / enqueued).toBeLessThan(0.3);

    // Without more it stops again, where it stands.
    await world.move(stopped.id, "resume");
    await world.settle();
    expect(await world.show(stopped.id)).toMatchObject({ status: "paused", progress: { enqueued } });

    await world.move(stopped.id, "resume", 50);
    await world.settle();
    vi.setSystemTime(Date.now() + 120_000);
    await world.minute();
    expect(await world.show(stopped.id)).toMatchObject({
      status: "done",
      request: { budget_usd: 50 },
      progress: { succeeded: 230 },
    });
    expect(await statuses()).toEqual({ succeeded: 230 });
  });
});
