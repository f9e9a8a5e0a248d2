// The log in a real R2 (miniflare): lists, ranged reads and conditional writes are as the log takes them to be.
import { afterAll, beforeAll, expect, test } from "vitest";
import { keepUp } from "../../src/store/log/keep-up.ts";
import { openLog } from "../../src/store/log/open.ts";
import { openStores, type Stores } from "../support/stores.ts";
import { type EventSpec, eventOf, LogModel, MINUTE, runOf, walkAll, walkAllObjects } from "./log-given.ts";

let stores: Stores;
beforeAll(async () => {
  stores = await openStores();
});
afterAll(() => stores?.close());

const DAY = 86_400_000;
const spec: EventSpec = {
  connection: "c1",
  bucket: "b1",
  key: "a",
  type: "created",
  sender: "s3",
  at: 0,
  late: 0,
};

const log = () => openLog(stores.archive);
const model = new LogModel();

/** A few questions of each kind: a call to this R2 takes its time. */
async function expectAnswers(): Promise<void> {
  for (const range of [
    { order: "newest first" },
    { order: "oldest first", connection: "c1", key: "a" },
  ] as const)
    expect(await walkAll(log(), range, 3)).toEqual(model.walk(range));
  const objects = { connection: "c2", without: "replay" } as const;
  expect(await walkAllObjects(log(), objects, 2)).toEqual(model.objects(objects));
  const id = model.events[0]?.event.id ?? "";
  expect(await log().find(id)).toEqual(model.find(id));
}

test("the log answers as a plain model does, before and after it is compacted and folded, twice at once", async () => {
  for (const [at, key] of ["a", "c/ä", "d", "a"].entries()) {
    const events = ["c1", "c2"].map((connection) =>
      eventOf({ ...spec, connection, key, at: at * 61 * MINUTE, etag: "e" }),
    );
    const runs = events.map(({ event }) => runOf(event, "p", 15));
    await log().append(events);
    await log().append(events);
    await log().appendRuns(runs);
    model.events.push(...events);
    model.runs.push(...runs);
  }
  await expectAnswers();
  // What was uploaded just now counts as late, and rests: the clock goes on by days.
  const from = Date.now() + DAY;
  for (const now of [from, from + DAY, from + 10 * DAY]) {
    const pass = () => keepUp(stores.archive, now, () => 36_500, 60_000);
    await Promise.all([pass(), pass()]);
    for (let passes = 0; (await pass()).more; passes++) expect(passes).toBeLessThan(10);
    await expectAnswers();
  }
  const { objects } = await stores.archive.list({ prefix: "log" });
  const names = objects.map(({ key }) => key);
  expect(names.filter((key) => key.startsWith("log-new/") || key.startsWith("log-days/new/"))).toEqual([]);
  expect(names.filter((key) => key.startsWith("log-days/"))).toHaveLength(2);
}, 60_000);
