// A thousand objects in one erasure by prefix, cut off again and again: all of them go, and nothing else.
import { expect, test, vi } from "vitest";
import { SETTLE_MS, sweepErasures } from "../../src/erasure/advance.ts";
import { beginErasure, describeErasure } from "../../src/erasure/manage.ts";
import { getErasure } from "../../src/store/erasure/record.ts";
import { kernelModule } from "./kernel.ts";
import { MINUTE, openWorld } from "./world.ts";

vi.mock("../../workers/search/kernel.wasm", () => kernelModule());

const OBJECTS = 1_000;
const PREFIX = "people/ada/";
const NEIGHBOURS = ["people/adam.jpg", "people/grace/ada.jpg"];

test("a thousand objects go, however often it is cut off, and no neighbour", async () => {
  const world = await openWorld();
  for (let number = 0; number < OBJECTS; number++) await world.plant(`${PREFIX}photo ${number}.jpg`);
  for (const key of NEIGHBOURS) await world.plant(key);
  world.clock.now += MINUTE;
  const textsOf = (part: string) => [...world.dump()].filter(([, text]) => text.includes(part)).length;
  const before = NEIGHBOURS.map(textsOf);
  expect(textsOf(PREFIX)).toBeGreaterThan(10 * OBJECTS);

  let calls = 0;
  let cuts = 0;
  world.between.call = () => {
    // Now and then, and later each time: a page has some hundred calls.
    if (++calls < 50 * 1.4 ** cuts) return;
    cuts++;
    calls = 0;
    throw new Error("cut off");
  };
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  const request = { connection: "cam", prefix: PREFIX, dry_run: false };
  const begin = () => beginErasure(request, { id: "k", name: "n" }, world.deps).catch(() => undefined);
  let erasure = await begin();
  for (let again = 0; erasure?.status !== "settling" && again < 60; again++) erasure = await begin();
  if (!erasure) throw new Error("it did not begin");
  world.clock.now += SETTLE_MS;
  let done = await getErasure(world.ledger.db, erasure.id).catch(() => null);
  for (let again = 0; done?.status !== "done" && again < 60; again++) {
    await sweepErasures(world.deps).catch(() => undefined);
    done = await getErasure(world.ledger.db, erasure.id).catch(() => null);
  }
  world.between.call = () => undefined;
  if (!done) throw new Error("it did not end");

  expect(cuts).toBeGreaterThan(5);
  const { objects, erased } = await describeErasure(done, world.deps);
  expect(objects).toBe(OBJECTS);
  const counts = Object.fromEntries(erased.map(({ store, table, count }) => [`${store} ${table}`, count]));
  expect(counts).toMatchObject({
    ...{ "coll item_sets": OBJECTS, "coll items": OBJECTS, "coll vectors": OBJECTS },
    ...{
      "R2 collection words sets": OBJECTS,
      "index faces/0 docs": OBJECTS,
      "kept embeddings results": OBJECTS,
    },
    ...{
      "ledger shard 0 runs": OBJECTS,
      "ledger shard 0 letters": OBJECTS,
      "ledger shard 0 tracked": 2 * OBJECTS,
    },
    ...{ "log log-new": OBJECTS, "log payloads": OBJECTS, "archive moments": OBJECTS },
    ...{
      "weir-ledger rejections": 100,
      "weir-ledger idempotency": OBJECTS,
      "weir-ledger audit_log": OBJECTS,
    },
  });
  expect(textsOf(PREFIX)).toBe(0);
  expect(NEIGHBOURS.map(textsOf)).toEqual(before);
}, 120_000);
