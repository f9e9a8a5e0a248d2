// The archive cut off anywhere: each call to D1 and R2 fails once, before or after its work, and two crons run at
// once in every order. Done again, nothing is lost, nothing is there twice, and nothing is left behind in R2.
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { EventStores } from "../../src/env.ts";
import type { Event } from "../../src/shapes/event.ts";
import { record } from "../../src/store/ledger/events.ts";
import { between } from "../support/event-stores.ts";
import { openStores, type Stores } from "../support/stores.ts";
import {
  connections,
  count,
  DAY,
  decided,
  eventAt,
  hear,
  keep,
  NOW,
  OLD,
  objects,
  seen,
  wipe,
} from "./archive-given.ts";

let stores: Stores;
beforeAll(async () => {
  stores = await openStores();
});
beforeEach(() => wipe(stores));
afterAll(() => stores?.close());

/** Later than anything rests, and than a segment that was begun is given up. */
const LATER = NOW + 3_600_000;

const given = async (): Promise<Event[]> => {
  const events = [
    eventAt(OLD, "1"),
    eventAt(OLD + 1, "2"),
    eventAt(OLD + 60_000, "3"),
    eventAt(OLD + 2, "open"),
  ];
  const [one, two, three, open] = events as [Event, Event, Event, Event];
  await hear(stores, [
    [one, { a: "succeeded" }],
    [two, {}],
    [three, { a: "skipped" }],
    [open, { a: "pending" }],
  ]);
  return events;
};

/** Every event is in one place, and the bucket holds just what the ledger says. */
async function expectWhole(events: Event[]): Promise<void> {
  const { results } = await stores.ledger
    .prepare("SELECT id FROM events UNION ALL SELECT 'evt_' || lower(hex(id)) FROM archived")
    .all<{ id: string }>();
  expect(results.map(({ id }) => id).sort()).toEqual(events.map(({ id }) => id).sort());
  const segments = await stores.ledger
    .prepare("SELECT key, state, events FROM segments")
    .all<{ key: string; state: string }>();
  expect(segments.results.filter(({ state }) => state !== "kept")).toEqual([]);
  expect(await objects(stores)).toEqual(segments.results.map(({ key }) => key).sort());
}

class Fault extends Error {}

/** Books whose n-th call fails, and how many calls there were. */
function failing(at: number, when: "before" | "after"): { books: EventStores; calls: () => number } {
  let calls = 0;
  const books = between(stores, async (_, work) => {
    const fails = ++calls === at;
    if (fails && when === "before") throw new Fault("D1_ERROR: Network connection lost.");
    const done = await work();
    if (fails) throw new Fault("D1_ERROR: Network connection lost.");
    return done;
  });
  return { books, calls: () => calls };
}

async function atEveryCall(
  when: "before" | "after",
  work: (books: EventStores) => Promise<unknown>,
  check: (at: number) => Promise<void>,
): Promise<number> {
  for (let at = 1; ; at++) {
    await wipe(stores);
    const faulty = failing(at, when);
    const error = await work(faulty.books).catch((thrown: unknown) => thrown);
    if (faulty.calls() < at) return at - 1;
    expect(error, `call ${at}`).toBeInstanceOf(Fault);
    await check(at);
  }
}

describe.each(["before", "after"] as const)("a call that fails %s its work", (when) => {
  test("while events move: after the next pass it is as if nothing had failed", async () => {
    let events: Event[] = [];
    let before: unknown;
    const points = await atEveryCall(
      when,
      async (books) => {
        events = await given();
        before = await seen(stores);
        await keep(books);
      },
      async () => {
        expect(await seen(stores)).toEqual(before);
        await keep(stores, LATER);
        expect(await seen(stores)).toEqual(before);
        expect(await count(stores, "events")).toBe(1);
        await expectWhole(events);
      },
    );
    // Clearing, passes, expiry, scan, read, begin, two puts, commit, place, and the look for what expires.
    expect(points).toBeGreaterThanOrEqual(11);
  });

  test("while segments expire: they are gone, and counted once", async () => {
    const known = connections({ c: { hot_days: 30, archive_days: 1 } });
    await atEveryCall(
      when,
      async (books) => {
        await given();
        await keep(stores, OLD + 30 * DAY + 3_600_000, known);
        expect(await count(stores, "archived")).toBe(3);
        await keep(books, LATER, known);
      },
      async () => {
        await keep(stores, LATER + 1, known);
        expect(await objects(stores)).toEqual([]);
        expect([await count(stores, "archived"), await count(stores, "segments")]).toEqual([0, 0]);
        const { results } = await stores.ledger
          .prepare("SELECT count, runs FROM expiries WHERE what = 'events'")
          .all();
        expect(results).toEqual([{ count: 3, runs: 2 }]);
      },
    );
  });
});

test("a Worker that dies for good after writing leaves nothing: what it wrote is cleared away", async () => {
  const events = await given();
  // It dies with the transaction, and meanwhile the event's runs change: the next segment is another one.
  const dying = between(stores, (name, work) => {
    if (name === "batch" && puts > 0) throw new Fault("gone");
    if (name === "put") puts++;
    return work();
  });
  let puts = 0;
  await expect(keep(dying)).rejects.toBeInstanceOf(Fault);
  expect(await objects(stores)).toHaveLength(2);
  await record(stores.ledger, [decided(events[1] as Event, ["late"])], NOW);
  await keep(stores, LATER);
  expect(await count(stores, "events")).toBe(2);
  expect(await objects(stores)).toHaveLength(2);
  const segments = await stores.ledger.prepare("SELECT state FROM segments").all();
  expect(segments.results).toEqual([{ state: "kept" }, { state: "kept" }]);
});

test("an event that gets a run more while it moves stays, or it moved before", async () => {
  for (let at = 1, calls = at; calls >= at; at++) {
    await wipe(stores);
    const events = await given();
    const again = [decided(events[0] as Event, ["a", "late"])];
    calls = 0;
    let late = 0;
    const meanwhile = between(stores, async (_, work) => {
      if (++calls === at) late = (await record(stores.ledger, again, NOW)).length;
      return work();
    });
    await keep(meanwhile);
    await keep(stores, LATER);
    await expectWhole(events);
    // What was recorded before its event moved keeps it hot; after, it is a duplicate like any other.
    expect([at, await count(stores, "events")]).toEqual([at, 1 + late]);
    expect([at, await count(stores, "runs")]).toEqual([at, 1 + 2 * late]);
  }
});

test("two crons at once, in any order of their calls", async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      await wipe(stores);
      const events = await given();
      const before = await seen(stores);
      const slow = between(stores, (name, work) => scheduler.schedule(Promise.resolve(), name).then(work));
      await scheduler.waitFor(Promise.all([keep(slow), keep(slow, NOW + 1)]));
      await keep(stores, LATER);
      await expectWhole(events);
      expect(await seen(stores)).toEqual(before);
      expect(await count(stores, "events")).toBe(1);
    }),
    { numRuns: 8 },
  );
});
