// Explaining what is on record, over real D1: by the filter and by the object as they were then.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { getEvent } from "../../src/query/ledger.ts";
import { explainDecision } from "../../src/query/why.ts";
import { completeLookups, events, filters as filtersOf } from "../match/arbitraries.ts";
import { type LedgerInNode, openLedger } from "../support/ledger.ts";
import { openMapBucket } from "../support/map-bucket.ts";
import { openStores, type Stores } from "../support/stores.ts";
import { deployed, eventOf, hear, holding } from "./given.ts";

let real: Stores;
let stores: LedgerInNode;
beforeAll(async () => {
  real = await openStores();
  // The log is in memory: what is judged here is not the store, and a property asks it often.
  stores = openLedger({ ledger: real.ledger, archive: openMapBucket().bucket });
});
afterAll(() => real?.close());

test("an event keeps the filter that decided it, when deployments change and an old one comes back", async () => {
  const first = { p1: { extension: "txt" }, gone: { extension: "txt" } };
  const second = { p1: { extension: "mp4" }, late: {} };
  const heard = [];
  for (const filters of [first, second, first]) {
    const one = eventOf("a.txt");
    await hear(stores, deployed(filters), [one]);
    heard.push(one.id);
  }
  const now = deployed(second);
  const ask = (id: string | undefined, alias: string) => explainDecision(stores, id ?? "", alias, now);
  expect(
    (await Promise.all(heard.map((id) => ask(id, "p1")))).map(({ verdict, version }) => [verdict, version]),
  ).toEqual([
    [true, '{"extension":"txt"}'],
    [false, '{"extension":"mp4"}'],
    [true, '{"extension":"txt"}'],
  ]);
  expect(await ask(heard[1], "p1")).toMatchObject({
    filter: { extension: "mp4" },
    reason: 'extension is "txt", expected "mp4"',
    clauses: [{ path: "extension", expected: "mp4", actual: "txt", source: "event", verdict: false }],
    runs: [{ cause: "tracked" }],
  });
  expect(await ask(heard[0], "p1")).toMatchObject({
    reason: "every condition is met",
    runs: [{ alias: "p1", status: "queued", cause: "matched" }],
  });
  // Deployed since, and deployed no more.
  expect(await ask(heard[0], "late")).toMatchObject({
    verdict: null,
    version: null,
    reason: expect.stringContaining("there was no pipeline late when"),
  });
  expect(await ask(heard[0], "gone")).toMatchObject({ verdict: true });
  await expect(ask(heard[1], "gone")).rejects.toThrow("there is no pipeline gone, nor was there when");
  await expect(ask("evt_none", "p1")).rejects.toThrow("there is no event evt_none");
});

test("an isolate puts its deployment on record once, with its first events", async () => {
  const pipelines = deployed({ p1: {} });
  const onRecord = () =>
    stores.ledger.prepare("SELECT count(*) AS n FROM deployments WHERE id = ?").bind(pipelines.deployment.id);
  await hear(stores, pipelines, [eventOf("b.txt")]);
  expect(await onRecord().first()).toEqual({ n: 1 });
  await stores.ledger.prepare("DELETE FROM deployments").run();
  await hear(stores, pipelines, [eventOf("b.txt")]);
  expect(await onRecord().first()).toEqual({ n: 0 });
});

test("ten thousand pipelines go on record in parts that D1 takes", async () => {
  const pipelines = deployed(
    Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`p${n}`, { customer: `customer-${n}` }])),
  );
  const one = eventOf("c.txt");
  await hear(stores, pipelines, [one], holding({ "c.txt": { metadata: { customer: "customer-7777" } } }));
  expect(await explainDecision(stores, one.id, "p7777", pipelines)).toMatchObject({ verdict: true });
});

test("what the look-up found then is the ground, whatever the object is now", async () => {
  const pipelines = deployed({
    p1: { color: "red", content_type: [{ prefix: "image/" }] },
    q1: { key: "d.txt" },
  });
  const one = eventOf("d.txt");
  const then = { metadata: { color: "blue" }, content_type: "image/png" };
  await hear(stores, pipelines, [one], holding({ "d.txt": then }));
  expect(await explainDecision(stores, one.id, "p1", pipelines)).toMatchObject({
    verdict: false,
    reason: 'metadata.color is "blue", expected "red"',
    clauses: [
      { path: "content_type", actual: "image/png", source: "object", verdict: true },
      { path: "metadata.color", actual: "blue", source: "object", verdict: false },
    ],
  });
  expect(await explainDecision(stores, one.id, "q1", pipelines)).toMatchObject({
    verdict: true,
    clauses: [{ path: "key", source: "event" }],
  });
});

test("an object that could not be looked at leaves the verdict open, and says why", async () => {
  const pipelines = deployed({ p1: { color: "red" }, q1: { key: "other" } });
  const [gone, refused] = [eventOf("gone"), eventOf("refused")];
  await hear(stores, pipelines, [gone, refused], holding({ gone: null, refused: "access is denied" }));
  expect(await explainDecision(stores, gone.id, "p1", pipelines)).toMatchObject({
    verdict: "unknown",
    reason: expect.stringMatching(/^the object is gone.*metadata.color is not known/),
    clauses: [{ source: "unknown", verdict: "unknown" }],
  });
  expect((await explainDecision(stores, refused.id, "p1", pipelines)).reason).toMatch(/^access is denied/);
  expect(await explainDecision(stores, refused.id, "q1", pipelines)).toMatchObject({ verdict: false });
});

test("where no filter was asked, the answer says so and shows the runs", async () => {
  const pipelines = deployed({ p1: { extension: "txt" } });
  const [created, removed] = [eventOf("e.txt"), eventOf("e.txt", { type: "removed", operation: "Delete" })];
  await hear(stores, pipelines, [created]);
  await hear(stores, pipelines, [removed]);
  expect(await explainDecision(stores, removed.id, "p1", pipelines)).toMatchObject({
    verdict: null,
    clauses: [],
    reason: expect.stringContaining("the object was removed"),
    runs: [{ cause: "tracked" }],
  });
  const elsewhere = eventOf("f.txt", { connection: "another" });
  await hear(stores, pipelines, [elsewhere]);
  expect(await explainDecision(stores, elsewhere.id, "p1", pipelines)).toMatchObject({
    verdict: null,
    reason: "the event is of connection another, and p1 reads from c",
  });
  const replayed = eventOf("g.txt", { sender: "replay", operation: "Replay" });
  await hear(stores, pipelines, [replayed]);
  expect(await explainDecision(stores, replayed.id, "p1", pipelines)).toMatchObject({
    verdict: null,
    reason: expect.stringContaining("a replay brought the object up again"),
  });
});

test("whatever the filters and the event: why says of a pipeline what was decided", async () => {
  const several = fc.array(filtersOf, { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(
      several,
      events,
      completeLookups,
      fc.boolean(),
      fc.nat(),
      async (filters, told, found, isThere, pick) => {
        const pipelines = deployed(Object.fromEntries(filters.map((filter, n) => [`p${n}`, filter])));
        const event = {
          ...told,
          ...eventOf(told.key, { bucket: told.bucket, type: told.type }),
          connection: "c",
        };
        await hear(stores, pipelines, [event], {
          observe: async () =>
            isThere ? { ...found, version_id: null, metadata: found.metadata ?? {} } : null,
          tags: async () => found.tags,
        });
        const recorded = await getEvent(stores, event.id);
        const alias = `p${pick % filters.length}`;
        const { verdict } = await explainDecision(stores, event.id, alias, pipelines);
        expect(verdict === true).toBe(recorded?.outcome.matched.includes(alias));
      },
    ),
    { numRuns: 40 },
  );
});
