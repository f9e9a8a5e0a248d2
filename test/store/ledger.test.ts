// The ledger in real D1: one event once, one run per pipeline, and reports that may come in any order.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listCauses, listDeadLetters } from "../../src/query/dead-letters.ts";
import { getRun, listEvents, listRuns } from "../../src/query/ledger.ts";
import { identify, lookups } from "../../src/receive/identity.ts";
import type { Event } from "../../src/shapes/event.ts";
import type { Job } from "../../src/shapes/job.ts";
import type { Report } from "../../src/shapes/run.ts";
import { recordDead, takeForRedrive } from "../../src/store/ledger/dead-letters.ts";
import { type DecidedEvent, record, runId } from "../../src/store/ledger/events.ts";
import { claimOverdue, markQueued, takeReports } from "../../src/store/ledger/runs.ts";
import { openStores, type Stores } from "../support/stores.ts";

let stores: Stores;
beforeAll(async () => {
  stores = await openStores();
});
afterAll(() => stores?.close());

const NOW = Date.parse("2026-11-23T10:00:00Z");
const event = (key: string, more: Partial<Event> = {}): Event => {
  const told = {
    connection: "c",
    bucket: "b",
    key,
    type: "created",
    operation: "Put",
    time: "2026-11-23T09:59:00.000Z",
    etag: "e",
    ...more,
  } as const;
  return { ...told, ...identify(told), sender: "s3", hops: 0, received_at: "2026-11-23T10:00:00.000Z" };
};
const decided = (one: Event, ...matched: string[]): DecidedEvent => ({
  event: one,
  lookups: lookups(one),
  outcome: { matched, refused: [], refused_count: 0 },
  cause: "matched",
});
const report = (
  run_id: string,
  attempt: number,
  status: Report["status"],
  more: Partial<Report> = {},
): Report => ({
  run_id,
  attempt,
  status,
  version: "v",
  commit: "c",
  started_at: NOW,
  ...more,
});

test("a batch larger than D1 takes in one parameter is recorded as any other", async () => {
  const big = { a: '"'.repeat(45_000) };
  const batch = Array.from({ length: 60 }, (_, n) =>
    decided(event(`large/${n}`, { metadata: big }), "a", "b"),
  );
  const pending = await record(stores.ledger, batch, NOW);
  const wanted = batch.flatMap(({ event: { id } }) => [runId(id, "a"), runId(id, "b")]);
  expect(pending.map(({ run_id }) => run_id).sort()).toEqual(wanted.sort());
  // Delivered again before it was dispatched, it is the same runs and no more.
  expect((await record(stores.ledger, batch, NOW)).map(({ run_id }) => run_id).sort()).toEqual(wanted);
  const { data } = await listEvents(stores, { key: "large/15" }, { limit: 5 });
  expect(data.map(({ metadata }) => metadata)).toEqual([big]);
  await record(stores.ledger, [], NOW);
  await markQueued(stores.ledger, wanted, NOW);
});

test("an event makes one run per pipeline that wants it, pending until it is handed over", async () => {
  const one = event("runs");
  const pending = await record(stores.ledger, [decided(one, "a", "b")], NOW);
  expect(pending.map(({ alias, cause }) => [alias, cause])).toEqual([
    ["a", "matched"],
    ["b", "matched"],
  ]);
  await markQueued(stores.ledger, [runId(one.id, "a")], NOW);
  // Delivered again, as after a Worker that died between commit and dispatch: what never left comes back.
  expect((await record(stores.ledger, [decided(one, "a", "b")], NOW)).map(({ alias }) => alias)).toEqual([
    "b",
  ]);
  expect((await listRuns(stores, { event_id: one.id }, { limit: 10 })).data).toHaveLength(2);
});

test("the same event by another sender, with other identities, adds nothing", async () => {
  const withSequencer = event("twice", { sequencer: "0055AED6DCD90281E5" });
  const withoutOne = event("twice");
  expect(withSequencer.id).not.toBe(withoutOne.id);
  expect(await record(stores.ledger, [decided(withSequencer, "a")], NOW)).toHaveLength(1);
  expect(await record(stores.ledger, [decided(withoutOne, "a")], NOW)).toEqual([]);
  expect((await listEvents(stores, { key: "twice" }, { limit: 10 })).data).toHaveLength(1);
});

test("two writes of identical bytes are two events", async () => {
  await record(
    stores.ledger,
    [decided(event("two"), "a"), decided(event("two", { time: "2026-11-23T09:59:00.001Z" }), "a")],
    NOW,
  );
  expect((await listEvents(stores, { key: "two" }, { limit: 10 })).data).toHaveLength(2);
});

test("an object with items is run again by an event that its pipeline refuses, until it has none", async () => {
  const first = event("tracked");
  await record(stores.ledger, [decided(first, "a")], NOW);
  const refused = event("tracked", { time: "2026-11-23T09:59:01.000Z", etag: "f" });
  const [run] = await record(stores.ledger, [decided(refused)], NOW);
  expect(run).toMatchObject({ alias: "a", cause: "tracked" });
  await takeReports(stores.ledger, [report(run?.run_id ?? "", 1, "succeeded", { items: 0 })], Date.now());
  const later = event("tracked", { time: "2026-11-23T09:59:02.000Z", etag: "g" });
  expect(await record(stores.ledger, [decided(later)], NOW)).toEqual([]);
});

test("an object stays tracked while a later run of it is under way", async () => {
  const [first] = await record(stores.ledger, [decided(event("kept"), "a")], NOW);
  await record(stores.ledger, [decided(event("kept", { etag: "f" }), "a")], NOW);
  await takeReports(stores.ledger, [report(first?.run_id ?? "", 1, "skipped", { items: 0 })], Date.now());
  const refused = event("kept", { etag: "g" });
  expect(await record(stores.ledger, [decided(refused)], NOW)).toMatchObject([{ cause: "tracked" }]);
});

test("reports in any order, any number of times, end in the same run", async () => {
  let number = 0;
  const story = [
    report("", 1, "running"),
    report("", 1, "failed", { failure: { kind: "timeout", detail: "slow" } }),
    report("", 2, "running"),
    report("", 2, "succeeded", { items: 3 }),
  ];
  const deliveries = fc.shuffledSubarray([...story, ...story], {
    minLength: story.length * 2,
    maxLength: story.length * 2,
  });
  await fc.assert(
    fc.asyncProperty(deliveries, fc.integer({ min: 1, max: 8 }), async (reports, size) => {
      const [run] = await record(stores.ledger, [decided(event(`reports-${number++}`), "a")], NOW);
      const told = reports.map((one) => ({ ...one, run_id: run?.run_id ?? "" }));
      for (let at = 0; at < told.length; at += size)
        await takeReports(stores.ledger, told.slice(at, at + size), Date.now());
      const final = await getRun(stores, run?.run_id ?? "");
      expect(final).toMatchObject({ status: "succeeded", attempt: 2, items: 3, failure: null });
    }),
    { numRuns: 40 },
  );
});

test("a dead job is one letter however often it is told, with its cause; one the platform gave up on says so", async () => {
  const one = event("dead");
  await record(stores.ledger, [decided(one, "a", "b")], NOW);
  const job = (alias: string): Job => ({
    run_id: runId(one.id, alias),
    alias,
    event: one,
    cause: "matched",
    attempts_before: 0,
  });
  await takeReports(stores.ledger, [report(runId(one.id, "b"), 5, "running")], Date.now());
  const failure = { kind: "bad_media", detail: "no video" } as const;
  for (let times = 0; times < 2; times++) {
    await recordDead(stores.ledger, [{ job: job("a"), failure, attempts: 1 }, { job: job("b") }], NOW);
  }
  const { data } = await listDeadLetters(stores.ledger, {}, { limit: 10 });
  expect(data).toMatchObject([
    { alias: "b", attempts: 5, failure: { kind: "internal" }, object: { key: "dead" } },
    { alias: "a", attempts: 1, failure },
  ]);
  expect(await getRun(stores, runId(one.id, "a"))).toMatchObject({ status: "dead", failure });
});

test("a redriven run is not ended again by a late copy of its old letter, and is by a new one", async () => {
  const one = event("redriven");
  const [run] = await record(stores.ledger, [decided(one, "a")], NOW);
  const run_id = run?.run_id ?? "";
  const job: Job = { run_id, alias: "a", event: one, cause: "matched", attempts_before: 0 };
  const letter = { job, failure: { kind: "timeout", detail: "slow" } as const, attempts: 3 };
  await recordDead(stores.ledger, [letter], NOW);
  expect(await takeForRedrive(stores.ledger, { run_ids: [run_id] }, NOW, 10)).toHaveLength(1);
  await recordDead(stores.ledger, [letter], NOW);
  expect(await getRun(stores, run_id)).toMatchObject({ status: "pending" });
  expect(await takeForRedrive(stores.ledger, { run_ids: [run_id] }, NOW, 10)).toEqual([]);
  await recordDead(stores.ledger, [{ ...letter, attempts: 4 }], NOW);
  expect(await getRun(stores, run_id)).toMatchObject({ status: "dead", attempt: 4 });
});

test("a letter for a run that has succeeded since changes nothing", async () => {
  const one = event("recovered");
  const [run] = await record(stores.ledger, [decided(one, "a")], NOW);
  await takeReports(stores.ledger, [report(run?.run_id ?? "", 2, "succeeded", { items: 1 })], Date.now());
  const job: Job = {
    run_id: run?.run_id ?? "",
    alias: "a",
    event: one,
    cause: "matched",
    attempts_before: 0,
  };
  await recordDead(stores.ledger, [{ job, attempts: 1 }], NOW);
  expect(await getRun(stores, run?.run_id ?? "")).toMatchObject({ status: "succeeded" });
  expect(
    (await listDeadLetters(stores.ledger, {}, { limit: 100 })).data.map(({ run_id }) => run_id),
  ).not.toContain(run?.run_id);
});

test("letters of one cause are one group, whatever objects they name", async () => {
  const jobs = ["x", "k1", "k2"].map((key): Job => {
    const one = event(`causes/${key}`);
    return {
      run_id: runId(one.id, "causes"),
      alias: "causes",
      event: one,
      cause: "matched",
      attempts_before: 0,
    };
  });
  const dead = jobs.map((job, n) => {
    const detail = n === 0 ? "other" : `${job.event.key} is no video`;
    return { job, attempts: 1, failure: { kind: "bad_media" as const, detail } };
  });
  for (const [n, one] of dead.entries()) await recordDead(stores.ledger, [one], NOW + n);
  expect(await listCauses(stores.ledger, "causes")).toMatchObject([
    { count: 2, kind: "bad_media", detail: "<key> is no video", run_id: jobs[2]?.run_id },
    { count: 1, detail: "other" },
  ]);
});

test("a dead run has its letter from its report, once, and none where its caller was told", async () => {
  const failure = { kind: "handler_failed" as const, detail: "a bug" };
  const told = await record(stores.ledger, [decided(event("letter-told"), "a")], NOW);
  const silent = await record(stores.ledger, [decided(event("letter-silent"), "a")], NOW);
  const dead = (run: typeof told) => [report(run[0]?.run_id ?? "", 3, "dead", { failure })];
  await takeReports(stores.ledger, dead(silent), Date.now(), { letters: false });
  for (let n = 0; n < 2; n++) await takeReports(stores.ledger, dead(told), Date.now());
  const { data } = await listDeadLetters(stores.ledger, { alias: "a" }, { limit: 100 });
  const letters = data.filter(({ object }) => object.key.startsWith("letter-"));
  expect(letters).toMatchObject([{ object: { key: "letter-told" }, attempts: 3, failure, cause: "matched" }]);
  // Redriven, it is open again; its old report, come late, does not end it.
  await takeForRedrive(stores.ledger, { run_ids: [told[0]?.run_id ?? ""] }, NOW, 10);
  await takeReports(stores.ledger, dead(told), Date.now());
  expect(await getRun(stores, told[0]?.run_id ?? "")).toMatchObject({ status: "pending" });
});

test("a redriven run that is swept up again still has all its attempts", async () => {
  const [run] = await record(stores.ledger, [decided(event("forgiven"), "a")], NOW);
  const run_id = run?.run_id ?? "";
  const failure = { kind: "timeout" as const, detail: "slow" };
  await takeReports(stores.ledger, [report(run_id, 5, "dead", { failure })], Date.now());
  await takeForRedrive(stores.ledger, { run_ids: [run_id] }, NOW, 10);
  const due = await claimOverdue(stores.ledger, NOW + 10_000_000, 1000);
  expect(due.find((one) => one.run.run_id === run_id)?.run).toMatchObject({ attempt: 5, forgiven: 5 });
});

test("a run that waits long in a long queue is sent again ever more seldom", async () => {
  const [run] = await record(stores.ledger, [decided(event("queued-long"), "a")], NOW);
  const run_id = run?.run_id ?? "";
  const hour = 3_600_000;
  const dueAfter = async (now: number) => {
    await markQueued(stores.ledger, [run_id], now);
    const row = await stores.ledger.prepare("SELECT due_at FROM runs WHERE id = ?").bind(run_id).first();
    await stores.ledger.prepare("UPDATE runs SET status = 'pending' WHERE id = ?").bind(run_id).run();
    return (Number(row?.due_at) - now) / hour;
  };
  expect([await dueAfter(NOW), await dueAfter(NOW + hour), await dueAfter(NOW + 6 * hour)]).toEqual([
    1, 1, 6,
  ]);
});

test("a pipeline whose store is full is paused by itself, and looked at again", async () => {
  const [run] = await record(stores.ledger, [decided(event("full"), "filled")], NOW);
  const failure = {
    kind: "store_full" as const,
    detail: "a database is full: D1_ERROR: Exceeded maximum DB size.",
  };
  await takeReports(stores.ledger, [report(run?.run_id ?? "", 1, "failed", { failure })], NOW);
  const paused = await stores.ledger.prepare("SELECT * FROM paused WHERE alias = 'filled'").first();
  expect(paused).toMatchObject({ reason: expect.stringMatching(/^its store is full: .*maximum DB size/) });
  expect(paused?.probe_at).toBe(NOW + 300_000);
});

test("the sweep claims what was committed and never left, once, and not what is fresh or final", async () => {
  const [old] = await record(stores.ledger, [decided(event("overdue"), "a")], NOW - 100_000_000);
  const [ended] = await record(stores.ledger, [decided(event("ended"), "a")], NOW - 100_000_000);
  await takeReports(stores.ledger, [report(ended?.run_id ?? "", 1, "succeeded", { items: 1 })], Date.now());
  await record(stores.ledger, [decided(event("fresh"), "a")], NOW + 100_000);
  const claim = () => claimOverdue(stores.ledger, NOW - 50_000_000, 100);
  const due = await claim();
  expect(due.map(({ run, event: of }) => [run.run_id, of.key])).toEqual([[old?.run_id, "overdue"]]);
  expect(await claim()).toEqual([]);
});

test("a run that nothing is heard of is claimed again, and its history says why", async () => {
  const [run] = await record(stores.ledger, [decided(event("silent"), "a")], NOW);
  await takeReports(
    stores.ledger,
    [report(run?.run_id ?? "", 1, "running", { due_at: NOW - 1_000_000_000 })],
    Date.now(),
  );
  const due = await claimOverdue(stores.ledger, NOW - 500_000_000, 100);
  expect(due).toMatchObject([{ run: { run_id: run?.run_id, attempt: 1 }, event: { key: "silent" } }]);
  const { history } = (await getRun(stores, run?.run_id ?? "")) ?? {};
  expect(history?.map(({ status, attempt, cause }) => [status, attempt, cause])).toEqual([
    ["pending", 0, "matched"],
    ["running", 1, "attempt 1 began"],
    ["pending", 1, "nothing was heard of it: running and overdue"],
  ]);
});

test("lists of the ledger come newest first, and their pages are the whole", async () => {
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await listRuns(stores, {}, { limit: 7, cursor });
    seen.push(...page.data.map(({ id }) => id));
    cursor = page.next;
  } while (cursor !== undefined);
  const whole = await listRuns(stores, {}, { limit: 200 });
  expect(seen).toEqual(whole.data.map(({ id }) => id));
  const created = whole.data.map((run) => run.created_at ?? "");
  expect(created).toEqual(created.toSorted().toReversed());
});
