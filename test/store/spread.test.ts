// Sets move to databases that were added while runs store and the work is killed at every step: nothing is lost, nothing
// is there twice, and no Worker of before can store where nobody looks. What readers see: spread-readers.test.ts.
import type { D1Database } from "@cloudflare/workers-types";
import fc from "fast-check";
import { expect, test } from "vitest";
import { spreadSets } from "../../src/cron/spread.ts";
import { connectionsSchema } from "../../src/shapes/connection.ts";
import { d1Collection } from "../../src/store/collections/d1.ts";
import { setId } from "../../src/store/collections/ids.ts";
import { spreadPage } from "../../src/store/collections/moving.ts";
import { shardedCollection } from "../../src/store/collections/sharded.ts";
import { openShards } from "../../src/store/collections/shards.ts";
import { storeFailure } from "../../src/store/failure.ts";
import {
  databases,
  empty,
  expectAll,
  expectSpread,
  itemsOf,
  lineage,
  openDatabases,
  seeded,
  seen,
  set,
  spreadAll,
  store,
} from "../support/spread.ts";

openDatabases();

const ELSEWHERE = /lives in another database/;

test("killed before and after each request of a move, readers see all of it and the next move ends it", async () => {
  let at = 0;
  for (let isKilled = true; isKilled; at++) {
    await empty();
    const model = await seeded(6, databases(1));
    let requests = 0;
    isKilled = false;
    const killing = databases(2, () => {
      if (requests++ !== at) return;
      isKilled = true;
      throw new Error("killed");
    });
    await spreadAll(killing).catch((error: Error) => expect(error.message).toBe("killed"));
    await expectAll(shardedCollection(databases(2), "x"), model);
    await spreadAll(databases(2));
    await expectAll(shardedCollection(databases(2), "x"), model);
    await expectSpread(2, model);
  }
  expect(at).toBeGreaterThan(12);
}, 300_000);

test("runs of before and after, readers and moves that are killed, in any order: the end is what was stored", async () => {
  const step = fc.record({
    act: fc.constantFrom("new", "new", "old", "move", "killed move", "killed run", "read"),
    n: fc.nat(9),
    count: fc.nat(4),
    at: fc.nat(14),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 14 }), fc.boolean(), async (steps, twice) => {
      await empty();
      const model = await seeded(6, databases(1));
      const isStopped = { at: Number.POSITIVE_INFINITY };
      const killing = databases(4, () => {
        if (isStopped.at-- <= 0) throw new Error("killed");
      });
      // Databases were added twice: not everything had moved to the second when there were four.
      if (twice) {
        isStopped.at = 9;
        await spreadAll(killing.slice(0, 2)).catch(() => {});
      }
      const now = shardedCollection(databases(4), "x");
      const before = twice
        ? shardedCollection(databases(2), "x")
        : d1Collection(databases(1)[0] as D1Database, "x");
      let isNarrowed = false;
      for (const [index, { act, n, count, at }] of steps.entries()) {
        const run = `run${index}`;
        isStopped.at = at;
        if (act === "new") {
          expect(await store(now, set(n), run, count)).toBe("stored");
          model.set(n, { run, count });
          isNarrowed = true;
        } else if (act === "old" && isNarrowed) {
          const stored = await store(before, set(n), run, count).catch((error: Error) => {
            expect(storeFailure(error)).toMatchObject({
              detail: expect.stringMatching(/has moved|not named here/),
            });
          });
          if (stored === "stored") model.set(n, { run, count });
        } else if (act === "move") {
          for (const shard of openShards(databases(4))) await spreadPage(shard);
          isNarrowed = true;
        } else if (act === "killed move") {
          await spreadAll(killing).catch(() => {});
        } else if (act === "killed run") {
          await shardedCollection(killing, "x")
            .begin([set(n)])
            .catch(() => {});
        } else await expectAll(now, model);
      }
      await expectAll(now, model);
      await spreadAll(databases(4));
      await expectAll(shardedCollection(databases(4), "x"), model);
      await expectSpread(4, model);
    }),
    { numRuns: 12, seed: 1 },
  );
}, 300_000);

test("a run that took its fence before a database was added cannot store once its set has another place", async () => {
  const old = d1Collection(databases(1)[0] as D1Database, "x");
  const fences = await old.begin([0, 1, 2, 3, 4, 5].map(set));
  const now = shardedCollection(databases(4), "x");
  for (let n = 0; n < 6; n++) expect(await store(now, set(n), "later", 1)).toBe("stored");
  for (const fence of fences) {
    const result = await old.replace(fence, lineage("earlier"), itemsOf("earlier", 3)).catch(String);
    expect(result).toMatch(/superseded|lives in another database/);
  }
  expect((await seen(now)).filter((line) => !line.includes("later"))).toEqual([]);
  // Its next attempt waits for a Worker that knows the place.
  const away = [...Array(6).keys()].find((n) => setId(set(n)) >= "4") ?? 0;
  const error = await old.begin([set(away)]).catch((reason: unknown) => reason);
  expect(String(error)).toMatch(ELSEWHERE);
  expect(storeFailure(error).kind).toBe("overloaded");
});

test("a run that was cancelled stays so, in whichever database that was recorded", async () => {
  const old = d1Collection(databases(1)[0] as D1Database, "x");
  const requests = [0, 1, 2, 3, 4, 5].map((n) => ({ ...set(n), run_id: `run${n}` }));
  for (const request of requests) await old.cancel(request);
  const now = shardedCollection(databases(4), "x");
  for (const request of requests) expect(await now.isCancelled(request)).toBe(true);
  const [first, ...others] = requests;
  for (const fence of await now.begin([first as (typeof requests)[0]]))
    expect(fence.cancelled).toEqual(["run0"]);
  await spreadAll(databases(4));
  const later = shardedCollection(databases(4), "x");
  for (const request of others) {
    const [fence] = await later.begin([request]);
    expect(fence?.cancelled).toEqual([request.run_id]);
    if (fence)
      expect(await later.replace(fence, lineage(request.run_id), itemsOf("no", 1))).toBe("cancelled");
  }
});

test("a set with more than a page of rows moves whole, and one of another collection with it", async () => {
  const old = d1Collection(databases(1)[0] as D1Database, "x");
  const key = set([...Array(9).keys()].find((n) => setId(set(n)) >= "8") ?? 0);
  expect(await store(old, key, "large", 1_203)).toBe("stored");
  await store(d1Collection(databases(1)[0] as D1Database, "y"), { ...key, alias: "q" }, "other", 2);
  await spreadAll(databases(2));
  const now = shardedCollection(databases(2), "x");
  const lines = await seen(now, 500);
  expect(lines).toHaveLength(1_203);
  expect(new Set(lines).size).toBe(1_203);
  expect(await seen(shardedCollection(databases(2), "y"))).toHaveLength(2);
});

test("fewer databases than there were is refused, not read as if the others were empty", async () => {
  await seeded(6, databases(4));
  await spreadAll(databases(4));
  const fewer = shardedCollection(databases(2), "x");
  await expect(fewer.list({ limit: 10 })).rejects.toThrow(
    /has given sets to databases that are not named here/,
  );
  await expect(fewer.begin([set(1)])).rejects.toThrow(/not named here/);
});

test("each minute sets move for as long as there is time, and where all have come nothing is done", async () => {
  const model = await seeded(9, databases(1));
  const { connections } = connectionsSchema.parse({
    connections: {
      rows: { kind: "d1", database: "items", shards: 4 },
      one: { kind: "d1", database: "other" },
      lake: { kind: "r2", buckets: ["lake"] },
    },
  });
  const names = ["items", "items-2", "items-3", "items-4"];
  const minute = (clock: number[]) => {
    const dbs = databases(4);
    const env = { database: (name: string) => dbs[names.indexOf(name)] as D1Database };
    return spreadSets({ env, connections: { connections }, now: () => clock.shift() ?? 0 });
  };
  // The first look at the clock says when the minute began: here its time is over before a page has moved.
  expect(await minute([0, 60_000])).toEqual([{ connection: "rows", sets: 0, unsettled: 3 }]);
  const away = [...model.keys()].filter((n) => setId(set(n)) >= "4").length;
  expect(await minute([])).toEqual([{ connection: "rows", sets: away, unsettled: 0 }]);
  expect(await minute([])).toEqual([]);
  await expectSpread(4, model);
});
