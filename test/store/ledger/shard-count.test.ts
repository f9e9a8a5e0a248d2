// The number of the ledger's shards: it is announced before it is deployed, and what was recorded with the old one is
// found with the new one.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { identify, lookups } from "../../../src/receive/identity.ts";
import type { Event } from "../../../src/shapes/event.ts";
import { announceShards, confirmShards, moveToShards } from "../../../src/store/ledger/shard-count.ts";
import { openShards } from "../../../src/store/ledger/shards.ts";
import { shardsInNode } from "../../support/shard-in-node.ts";
import { openStores, type Stores } from "../../support/stores.ts";

const NOW = Date.parse("2026-11-25T10:00:00Z");
let stores: Stores;
beforeAll(async () => {
  stores = await openStores();
});
afterAll(() => stores?.close());
beforeEach(() => stores.ledger.prepare("DELETE FROM ledger_shards").run());

/** The database as another isolate opens it: what one has confirmed, another has not. */
const isolate = () => new Proxy(stores.ledger, { get: (db, name) => Reflect.get(db, name).bind(db) });

const eventOf = (key: string): Event => {
  const time = new Date(NOW).toISOString();
  const facts = { connection: "c", bucket: "b", key, type: "created", operation: "Put", time } as const;
  return { ...facts, ...identify(facts), sender: "s3", hops: 0, received_at: time };
};

test("a number that was not announced records nothing, and one that was is right before and after it is deployed", async () => {
  const four = shardsInNode(4);
  const two = openShards({ getByName: (name) => four.inNode[Number(name.slice(6))]?.shard as never }, 2);
  await confirmShards({ ledger: isolate(), shards: two }, NOW);
  await expect(confirmShards({ ledger: isolate(), shards: four }, NOW)).rejects.toMatchObject({
    failure: { kind: "unavailable", next: expect.stringContaining("weir ledger grow 4") },
  });
  const commits = Array.from({ length: 40 }, (_, n) => {
    const event = eventOf(`k${n}`);
    return { event, lookups: lookups(event), matched: ["a"], cause: "matched" as const };
  });
  const options = { now: NOW, paused: [], binding: [] };
  await two.commit(commits, options);

  for (const wrong of [1, 2, 3])
    await expect(announceShards({ ledger: isolate(), shards: two }, wrong, NOW)).rejects.toMatchObject({
      failure: { kind: "invalid" },
    });
  expect(await announceShards({ ledger: isolate(), shards: two }, 4, NOW)).toBe(2);
  await confirmShards({ ledger: isolate(), shards: two }, NOW);
  await confirmShards({ ledger: isolate(), shards: four }, NOW);
  await expect(announceShards({ ledger: isolate(), shards: two }, 8, NOW)).rejects.toMatchObject({
    failure: { kind: "conflict" },
  });

  // The old number moves nothing; the new one does, once.
  expect(await moveToShards({ ledger: isolate(), shards: two }, NOW)).toBe("nothing to move");
  let state = "moving";
  for (let pass = 0; pass < 100 && state === "moving"; pass++) {
    state = await moveToShards({ ledger: isolate(), shards: four }, NOW);
    for (const shard of four.inNode) await shard.ring(NOW + pass);
  }
  expect(state).toBe("moved");
  expect(await moveToShards({ ledger: isolate(), shards: four }, NOW)).toBe("nothing to move");
  const runs = await four.runs({ limit: 100 });
  expect(runs.map(({ key }) => key).sort()).toEqual(commits.map(({ event }) => event.key).sort());
  // What was committed is known by the new number: no run comes twice.
  await four.commit(commits, options);
  expect(await four.runs({ limit: 100 })).toHaveLength(40);
  // A router of the old number is refused from now on.
  await expect(confirmShards({ ledger: isolate(), shards: two }, NOW)).rejects.toMatchObject({
    failure: { kind: "unavailable" },
  });
});
