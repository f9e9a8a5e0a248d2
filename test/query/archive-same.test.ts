// A property: whatever has moved to the archive, people and replays are told the same. Random histories of a few
// objects, any part of them archived, asked for by list, by replay and by filter diff.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { diffFilters } from "../../src/query/diff.ts";
import { listEvents } from "../../src/query/ledger.ts";
import { eventsPage } from "../../src/replay/candidates.ts";
import type { RunStatus } from "../../src/shapes/run.ts";
import { d1Collection } from "../../src/store/collections/d1.ts";
import { connections, count, DAY, eventAt, hear, keep, NOW, objects, wipe } from "../store/archive-given.ts";
import { openStores, type Stores } from "../support/stores.ts";
import { deployed } from "./given.ts";

let stores: Stores;
beforeAll(async () => {
  stores = await openStores();
});
afterAll(() => stores?.close());

const START = NOW - 10 * DAY;
const iso = (ms: number) => new Date(ms).toISOString();

const told = fc.record({
  key: fc.constantFrom("a.txt", "b.mp4", "c.txt", ""),
  bucket: fc.constantFrom("b-1", "b-2"),
  sender: fc.constantFrom("s3", "s3", "s3", "replay", "invoke"),
  type: fc.constantFrom("created", "created", "removed"),
  // Several in one minute, some at one moment.
  at: fc.integer({ min: 0, max: 40 }).map((n) => START + n * 20_000),
  status: fc.constantFrom<RunStatus | undefined>(undefined, "succeeded", "skipped", "pending", "dead"),
  metadata: fc.constantFrom(undefined, { keep: "yes" }, { keep: "no" }),
});

/** Every page of whatever gives a page from a cursor. */
async function all<T>(
  page: (cursor: string | undefined) => Promise<{ rows: T[]; next?: string | undefined }>,
) {
  const rows: T[] = [];
  for (let cursor: string | undefined; ; ) {
    const { rows: more, next } = await page(cursor);
    rows.push(...more);
    if (next === undefined) return rows;
    cursor = next;
  }
}

async function answers(range: { since: string; until: string }) {
  const asked = { alias: "p1", connection: "c", ...range };
  const replays = (["", "succeeded", "skipped", "dead"] as const).map((status) =>
    all(async (cursor) => {
      const { candidates, next } = await eventsPage(
        stores,
        { ...asked, ...(status && { status }) },
        cursor,
        3,
      );
      return { rows: candidates, next };
    }),
  );
  const list = all(async (cursor) => {
    const { data, next } = await listEvents(stores, {}, { limit: 4, cursor });
    return { rows: data.map(({ archived: _, ...event }) => event), next };
  });
  const ofKey = listEvents(stores, { key: "a.txt" }, { limit: 100 });
  const pipeline = deployed({ p1: { extension: "txt" } }).get("p1");
  if (!pipeline) throw new Error("no pipeline");
  const deps = { pipeline, collection: d1Collection(stores.collections, "x"), stores, now: NOW };
  const { since } = range;
  const diff = await diffFilters({ alias: "p1", filters: { keep: "yes" }, since }, deps);
  const keyed = (await ofKey).data.map(({ archived: _, ...event }) => event);
  return { list: await list, keyed, replays: await Promise.all(replays), diff };
}

test("lists, replays and filter diffs answer the same before and after any part has moved", async () => {
  let moved = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(told, { minLength: 1, maxLength: 25 }),
      fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1, max: 41 })),
      fc.integer({ min: 0, max: 41 }),
      async (history, [from, length], hot) => {
        await wipe(stores);
        await hear(
          stores,
          history.map(({ at, key, status, metadata, ...more }) => [
            eventAt(at, key, { ...more, operation: "Any", ...(metadata && { metadata }) }),
            status ? { p1: status } : {},
          ]),
        );
        const range = { since: iso(START + from * 20_000), until: iso(START + (from + length) * 20_000) };
        const before = await answers(range);
        // Hot from somewhere in the middle of it.
        const now = START + hot * 20_000 + DAY;
        await keep(stores, now, connections({ c: { hot_days: 1 } }));
        moved += await count(stores, "archived");
        expect(await answers(range)).toEqual(before);
        expect((await objects(stores)).length > 0).toBe((await count(stores, "archived")) > 0);
      },
    ),
    { numRuns: 12 },
  );
  // Not one of the histories would mean that nothing was tried.
  expect(moved).toBeGreaterThan(0);
});

test("a walk that began before its events moved goes on as if they had not", async () => {
  await wipe(stores);
  await hear(
    stores,
    Array.from({ length: 30 }, (_, n) => [eventAt(START + n * 30_000, `${n}.txt`), { p1: "succeeded" }]),
  );
  const walked: string[] = [];
  let hour = 0;
  await all(async (cursor) => {
    const page = await eventsPage(stores, { alias: "p1", connection: "c" }, cursor, 4);
    walked.push(...page.candidates.map(({ key }) => key));
    // After each page a little more has moved, from before and from behind where the walk stands.
    hour++;
    await keep(stores, START + hour * 200_000 + DAY + hour * 1_000_000, connections({ c: { hot_days: 1 } }));
    return { rows: [], next: page.next };
  });
  expect(walked).toEqual(Array.from({ length: 30 }, (_, n) => `${n}.txt`));
  expect(await count(stores, "events")).toBe(0);
});
