// Readers of a collection whose sets move to another database meanwhile: before any one of a reader's requests.
import { expect, test } from "vitest";
import type { Collection } from "../../src/store/collections/contract.ts";
import { setId } from "../../src/store/collections/ids.ts";
import { spreadPage } from "../../src/store/collections/moving.ts";
import { shardedCollection } from "../../src/store/collections/sharded.ts";
import { openShards } from "../../src/store/collections/shards.ts";
import {
  databases,
  empty,
  linesOf,
  type Model,
  openDatabases,
  seeded,
  seen,
  set,
  setsOf,
  spreadAll,
  store,
  walked,
} from "../support/spread.ts";

openDatabases();

/** Reads once for each of a reader's requests, with the work done before that request; `check` judges what was read. */
async function betweenRequests<T>(
  read: (collection: Collection) => Promise<T>,
  work: () => Promise<unknown>,
  check: (found: T, model: Model) => void,
): Promise<void> {
  for (let at = 0, isReached = true; isReached; at++) {
    await empty();
    const model = await seeded(5, databases(1));
    let requests = 0;
    const reader = databases(2, async (when) => {
      if (when === "before" && requests++ === at) await work();
    });
    check(await read(shardedCollection(reader, "x")), model);
    isReached = requests > at;
    expect(isReached || at > 3).toBe(true);
  }
}

const inTurn = (model: Model) => [...model].map(([n, { run, count }]) => `k${n} ${run} ${count}`);
const READERS: [string, (collection: Collection) => Promise<string[]>, (model: Model) => string[]][] = [
  ["a list", (collection) => seen(collection, 2), linesOf],
  ["a walk over sets", walked, setsOf],
  [
    "descriptions",
    async (collection) =>
      (await collection.describe([0, 1, 2, 3, 4].map(set))).map(
        (held) => `${held?.set.key} ${held?.etag} ${held?.items}`,
      ),
    inTurn,
  ],
  [
    "single items",
    async (collection) => {
      const ids = [0, 1, 3, 4].map((n) => `itm_${setId(set(n))}_0`);
      return Promise.all(ids.map(async (id) => `${(await collection.get(id))?.data.run}`));
    },
    () => ["first0", "first1", "first3", "first4"],
  ],
];

test.each(READERS)(
  "%s to whom sets move before any one of the requests: each is there, once",
  async (_, read, due) => {
    const moves = [
      async () => Promise.all(openShards(databases(2)).map(spreadPage)),
      async () => spreadAll(databases(2)),
    ];
    for (const move of moves)
      await betweenRequests(read, move, (found, model) => expect(found).toEqual(due(model)));
  },
  120_000,
);

test.each([0, 2, 5])(
  "a reader sees a set as it was or as it is, where a run stores %i items meanwhile",
  async (count) => {
    const moving = [1, 2, 3].find((n) => setId(set(n)) >= "8") ?? 0;
    const now: Model = new Map([[moving, { run: "later", count }]]);
    await betweenRequests(
      (collection) => seen(collection, 100),
      () => store(shardedCollection(databases(2), "x"), set(moving), "later", count),
      (found, model) => expect([linesOf(model), linesOf(new Map([...model, ...now]))]).toContainEqual(found),
    );
  },
  120_000,
);
