// Erasure: nothing of an object is left in any store, nothing of its neighbours is touched, wherever it is cut off; late
// events do not bring it back, and what is uploaded later is taken.
import { Buffer } from "node:buffer";
import { expect, test, vi } from "vitest";
import { SETTLE_MS, sweepErasures } from "../../src/erasure/advance.ts";
import { beginErasure, describeErasure } from "../../src/erasure/manage.ts";
import { lookups } from "../../src/receive/identity.ts";
import { recordAll } from "../../src/routing/record.ts";
import { isSignedReceipt } from "../../src/shapes/receipt.ts";
import { getErasure } from "../../src/store/erasure/record.ts";
import { keepUp } from "../../src/store/log/keep-up.ts";
import { openStores } from "../../src/store/stores.ts";
import { kernelModule } from "./kernel.ts";
import { MINUTE, NOON, openWorld, secretsOf, vectorOf, type World } from "./world.ts";

vi.mock("../../workers/search/kernel.wasm", () => kernelModule());

const KEY = "people/ada/photo one.jpg";
const NEIGHBOURS = ["people/ada/photo one.jpg.bak", "people/grace/photo one.jpg", "photo one.jpg"];
/** Of all calls, how many are one apart that it is cut off at: each takes a world of its own. */
const STEP = 4;
const who = { id: "key_1", name: "officer" };
const byKey = { connection: "cam", key: KEY, dry_run: false };

/** Where something of an object is: its words, in any coding, or its vector. */
function placesOf(dump: Map<string, string>, key: string): string[] {
  const words = secretsOf(key).flatMap((word) => [word, encodeURIComponent(word)]);
  const vector = Buffer.from(vectorOf(key).buffer);
  const bytes = [
    ...words.map((word) => Buffer.from(word).toString("latin1")),
    vector.toString("latin1"),
    vector.toString("base64"),
  ];
  return [...dump].filter(([, text]) => bytes.some((one) => isOwn(text, one))).map(([place]) => place);
}

/** Whether a text has a word that is not a part of a neighbour's. */
const isOwn = (text: string, word: string) => {
  const others = NEIGHBOURS.filter((key) => key.includes(KEY)).flatMap((key) => [
    key,
    encodeURIComponent(key),
  ]);
  return others
    .reduce((rest, other) => rest.replaceAll(Buffer.from(other).toString("latin1"), ""), text)
    .includes(word);
};

/** Erases to the end, and over the time in between. */
async function eraseAll(world: World, request: Parameters<typeof beginErasure>[0] = byKey) {
  const erasure = await beginErasure(request, who, world.deps);
  if (request.dry_run) return describeErasure(erasure, world.deps);
  expect(erasure.status).toBe("settling");
  world.clock.now += SETTLE_MS;
  await sweepErasures(world.deps);
  const done = await getErasure(world.deps.env.ledger(), erasure.id);
  if (!done) throw new Error("the erasure is gone");
  return describeErasure(done, world.deps);
}

async function plantAll(world: World, keys = [KEY, ...NEIGHBOURS]): Promise<void> {
  for (const key of keys) await world.plant(key);
}

/** What is left of neighbours: everything but what erasures themselves put on record, and objects of the log, whose lines count. */
async function neighboursOf(world: World) {
  const { log, shards } = openStores(world.deps);
  const entries = (await log.walk({ order: "oldest first" }, undefined, 1_000)).entries.filter(({ event }) =>
    NEIGHBOURS.includes(event.key),
  );
  const runs = (await shards.runs({ limit: 1_000 })).filter(({ key }) => NEIGHBOURS.includes(key));
  const dump = world.dump();
  const own = new Set(placesOf(dump, KEY));
  const rows = [...dump]
    .filter(([place]) => !own.has(place))
    .filter(
      ([place]) =>
        !/^(archive log|ledger (erasure|tombstone|sqlite)|shard (sqlite|ids|produced|ended|success)|index \w+.\d words|collections sqlite)/.test(
          place,
        ),
    )
    .map(([, text]) => text)
    .filter((text) => NEIGHBOURS.some((key) => secretsOf(key).some((word) => text.includes(word))));
  return { entries, runs, rows: rows.sort() };
}

test("an erased object is in no store, its neighbours are as they were, and its receipt says what was where", async () => {
  const world = await openWorld();
  await plantAll(world);
  world.clock.now += MINUTE;
  expect(placesOf(world.dump(), KEY).length).toBeGreaterThan(15);
  const before = await neighboursOf(world);
  const erasure = await eraseAll(world);
  expect(placesOf(world.dump(), KEY)).toEqual([]);
  expect(await neighboursOf(world)).toEqual(before);
  expect(erasure).toMatchObject({ status: "done", objects: 1, trouble: null });
  expect(
    Object.fromEntries(erasure.erased.map(({ store, table, count }) => [`${store} ${table}`, count])),
  ).toEqual({
    "archive moments": 1,
    ...{ "coll item_sets": 1, "coll items": 1, "coll vectors": 1, "R2 collection words sets": 1 },
    ...{ "index faces/0 docs": 1, "index faces/0 sets": 1, "index faces/0 vectors": 1 },
    ...{ "index words/0 docs": 1, "index words/0 sets": 1, "index words/0 vectors": 1 },
    ...{ "kept embeddings results": 1, "ledger shard 0 letters": 1, "ledger shard 0 runs": 1 },
    ...{ "ledger shard 0 tracked": 2, "ledger shards ids": 1, "log log-new": 1, "log payloads": 1 },
    ...{ "weir-ledger audit_log": 1, "weir-ledger deaths": 1, "weir-ledger idempotency": 1 },
    ...{ "weir-ledger paused": 1, "weir-ledger rejections": 1, "weir-ledger replays": 1 },
  });
  const { receipt } = erasure;
  if (!receipt || !("signature" in receipt)) throw new Error("there is no receipt");
  expect(await isSignedReceipt(receipt)).toBe(true);
  expect(await isSignedReceipt({ ...receipt, objects: { count: 0, hashes: [] } })).toBe(false);
  expect(JSON.stringify(receipt)).not.toContain("ada");
});

test("a late event does not bring an erased object back, a new upload does", async () => {
  const world = await openWorld();
  const event = await world.plant(KEY);
  world.clock.now += MINUTE;
  await eraseAll(world);
  const decided = {
    event,
    lookups: lookups(event),
    outcome: { matched: ["faces"], refused: [], refused_count: 0 },
    cause: "matched" as const,
  };
  const late = { ...decided, event: { ...event, received_at: new Date(world.clock.now).toISOString() } };
  expect((await recordAll([late], world.deps)).due).toEqual([]);
  expect(placesOf(world.dump(), KEY)).toEqual([]);
  const refusals = [...world.dump()].filter(([place]) => place.startsWith("ledger rejections"));
  expect(refusals.map(([, text]) => text).join()).toContain(
    "The object was erased after the time of this event.",
  );
  await world.plant(KEY);
  expect(placesOf(world.dump(), KEY).length).toBeGreaterThan(15);
});

test("a new upload while an erasure settles is kept", async () => {
  const world = await openWorld();
  await world.plant(KEY);
  world.clock.now += MINUTE;
  const erasure = await beginErasure(byKey, who, world.deps);
  world.clock.now += 2 * MINUTE;
  await world.plant(KEY);
  const kept = placesOf(world.dump(), KEY).filter((place) => /^(collections|out|shard|index)/.test(place));
  world.clock.now += SETTLE_MS;
  await sweepErasures(world.deps);
  expect((await getErasure(world.deps.env.ledger(), erasure.id))?.status).toBe("done");
  expect(placesOf(world.dump(), KEY).filter((place) => /^(collections|out|shard|index)/.test(place))).toEqual(
    kept,
  );
});

test("lines that were packed and folded into minutes, hours and days go, and counts stay exact", async () => {
  const world = await openWorld();
  await plantAll(world);
  world.clock.now += 20 * MINUTE;
  await world.shard.ring(world.clock.now);
  for (const hours of [0, 2, 30]) {
    world.clock.now = NOON + hours * 60 * MINUTE + 30 * MINUTE;
    world.archive.now = world.clock.now;
    await keepUp(world.archive.bucket, world.clock.now, () => 365, 60_000);
    const copy = placesOf(world.dump(), KEY).filter((place) => place.startsWith("archive log"));
    expect(copy.length).toBeGreaterThan(0);
  }
  const before = await neighboursOf(world);
  await eraseAll(world);
  expect(placesOf(world.dump(), KEY)).toEqual([]);
  const after = await neighboursOf(world);
  expect(after.entries).toEqual(before.entries);
  expect(after.runs).toEqual(before.runs);
  const index = JSON.parse(
    Buffer.from(world.archive.objects.get("log-days/index.json")?.bytes ?? []).toString(),
  );
  expect(index.periods[0].held.cam.events).toBe(NEIGHBOURS.length);
});

test("a plan counts what would go, and erases nothing", async () => {
  const world = await openWorld();
  await plantAll(world);
  world.clock.now += MINUTE;
  const places = placesOf(world.dump(), KEY);
  const planned = await eraseAll(world, { ...byKey, dry_run: true });
  expect(planned).toMatchObject({ status: "done", objects: 1, receipt: null });
  expect(placesOf(world.dump(), KEY)).toEqual(places);
  expect((await eraseAll(world)).erased).toEqual(
    planned.erased.map((one) => (one.table === "tracked" ? { ...one, count: 2 } : one)),
  );
});

test("cut off at any call, it goes on and ends the same", async () => {
  const whole = await openWorld();
  await plantAll(whole, [KEY, NEIGHBOURS[1] as string]);
  whole.clock.now += MINUTE;
  let calls = 0;
  whole.between.call = () => void calls++;
  const { erased } = await eraseAll(whole);
  expect(calls).toBeGreaterThan(50);
  for (let cut = 1; cut <= calls; cut += STEP) {
    const world = await openWorld();
    await plantAll(world, [KEY, NEIGHBOURS[1] as string]);
    world.clock.now += MINUTE;
    let left = cut;
    world.between.call = () => {
      if (left-- === 0) throw new Error("cut off");
    };
    await beginErasure(byKey, who, world.deps).catch(() => undefined);
    await sweepErasures(world.deps).catch(() => undefined);
    world.between.call = () => undefined;
    const done = await eraseAll(world);
    expect({ cut, places: placesOf(world.dump(), KEY), erased: done.erased }).toEqual({
      cut,
      places: [],
      erased,
    });
  }
}, 120_000);
