// The circuit breaker over real D1: who is paused, who is let through, who comes back.
import { afterAll, beforeAll, expect, test } from "vitest";
import { identify, lookups } from "../../src/receive/identity.ts";
import type { Event } from "../../src/shapes/event.ts";
import type { Job } from "../../src/shapes/job.ts";
import { resumeRecovered, takeProbes, tripBreaker } from "../../src/store/ledger/breaker.ts";
import { recordDead } from "../../src/store/ledger/dead-letters.ts";
import { record, runId } from "../../src/store/ledger/events.ts";
import { listPaused, pausePipeline } from "../../src/store/ledger/pauses.ts";
import { takeReports } from "../../src/store/ledger/runs.ts";
import { openStores, type Stores } from "../support/stores.ts";

let stores: Stores;
beforeAll(async () => {
  stores = await openStores();
});
afterAll(() => stores?.close());

const NOW = Date.parse("2026-11-23T10:00:00Z");
const MINUTE = 60_000;
let number = 0;

/** Runs of a pipeline, recorded at a time; each is another object's. */
async function runs(alias: string, count: number, at: number) {
  const events = Array.from({ length: count }, (): Event => {
    const told = {
      connection: "c",
      bucket: "b",
      key: `${alias}/${number++}`,
      type: "created",
      operation: "Put",
      time: "2026-11-23T09:59:00.000Z",
    } as const;
    return { ...told, ...identify(told), sender: "s3", hops: 0, received_at: told.time };
  });
  const outcome = { matched: [alias], refused: [], refused_count: 0 };
  const decided = events.map((event) => ({
    event,
    lookups: lookups(event),
    outcome,
    cause: "matched" as const,
  }));
  await record(stores.ledger, decided, at);
  return events.map((event): Job => {
    return { run_id: runId(event.id, alias), alias, event, cause: "matched", attempts_before: 0 };
  });
}
const bury = (jobs: Job[], at: number) =>
  recordDead(
    stores.ledger,
    jobs.map((job) => ({ job, failure: { kind: "handler_failed", detail: "a bug" }, attempts: 3 })),
    at,
  );
const succeed = (job: Job | undefined, at: number) =>
  takeReports(
    stores.ledger,
    [
      {
        run_id: job?.run_id ?? "",
        attempt: 1,
        status: "succeeded",
        version: "v",
        commit: "c",
        started_at: at,
        ended_at: at,
        items: 1,
      },
    ],
    Date.now(),
  );
const tripped = (now: number) => tripBreaker(stores.ledger, now - 10 * MINUTE, 20, now, now + 5 * MINUTE);

test("a pipeline of which all runs of late ended dead is paused, with the newest cause; others are not", async () => {
  await bury(await runs("broken", 20, NOW), NOW);
  await bury(await runs("few", 19, NOW), NOW);
  await bury(await runs("mixed", 30, NOW), NOW);
  await succeed((await runs("mixed", 1, NOW))[0], NOW);
  await bury(await runs("long-ago", 30, NOW - 60 * MINUTE), NOW - 60 * MINUTE);
  expect(await tripped(NOW)).toEqual([
    { alias: "broken", reason: "circuit breaker: 20 runs ended dead and none succeeded; the newest: a bug" },
  ]);
  expect(await tripped(NOW + 1)).toEqual([]);
});

test("one waiting run at a time is let through, and the first success ends the pause", async () => {
  const [oldest] = await runs("broken", 3, NOW + MINUTE);
  expect(await takeProbes(stores.ledger, NOW + MINUTE, NOW + 9 * MINUTE)).toEqual([]);
  const probes = await takeProbes(stores.ledger, NOW + 6 * MINUTE, NOW + 11 * MINUTE);
  expect(probes).toMatchObject([{ alias: "broken" }]);
  expect(probes[0]?.run_id.startsWith("run_")).toBe(true);
  expect(await takeProbes(stores.ledger, NOW + 7 * MINUTE, NOW + 12 * MINUTE)).toEqual([]);
  expect(await resumeRecovered(stores.ledger)).toEqual([]);
  await succeed(oldest, NOW + 8 * MINUTE);
  expect(await resumeRecovered(stores.ledger)).toEqual(["broken"]);
  expect(await listPaused(stores.ledger)).toEqual([]);
});

test("a pause by a person is a person's to end", async () => {
  await pausePipeline(stores.ledger, { alias: "held", reason: "a release", at: NOW });
  const [job] = await runs("held", 1, NOW);
  expect(await takeProbes(stores.ledger, NOW + 100 * MINUTE, NOW)).toEqual([]);
  await succeed(job, NOW + MINUTE);
  expect(await resumeRecovered(stores.ledger)).toEqual([]);
  expect(await listPaused(stores.ledger)).toMatchObject([{ alias: "held" }]);
});
