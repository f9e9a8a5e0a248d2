// A shard of the ledger: one event once, one run per pipeline, and reports that may come in any order.
import fc from "fast-check";
import { expect, test } from "vitest";
import { runId } from "../../../src/shapes/event-id.ts";
import { openShard } from "../../support/shard-in-node.ts";
import { at, commitOf, DAY, eventOf, HOUR, jobOf, MINUTE, NOW, reportOf } from "./given.ts";

const { shard, ring, messages } = openShard();
const run = async (run_id: string) =>
  (await shard.runsOf([`evt_${run_id.slice(4, 36)}`])).find(({ id }) => id === run_id);
const commit = async (...events: Parameters<typeof shard.commit>[0]) => shard.commit(events, at(NOW));
const commitRuns = async (...events: Parameters<typeof shard.commit>[0]) =>
  (await commit(...events)).flatMap(({ runs }) => runs);

test("an event has one run for each pipeline that wants it, and a batch that comes again has those that left unheard", async () => {
  const one = eventOf("runs");
  const runs = await commitRuns(commitOf(one, "a", "b"));
  expect(runs.map(({ alias, cause, event_id }) => [alias, cause, event_id])).toEqual([
    ["a", "matched", one.id],
    ["b", "matched", one.id],
  ]);
  await shard.finish([reportOf(runId(one.id, "a"), 1, "running")], { now: NOW });
  // Delivered again, as after a Worker that died between commit and dispatch.
  expect((await commitRuns(commitOf(one, "a", "b"))).map(({ alias }) => alias)).toEqual(["b"]);
  // Reported again, later: its run has left.
  const again = { ...one, received_at: new Date(NOW + 1000).toISOString() };
  expect(await commit(commitOf(again, "a", "b"))).toEqual([{ id: one.id, runs: [] }]);
  expect(await shard.runsOf([one.id])).toMatchObject([{ status: "running" }, { status: "queued" }]);
});

test("the same event by another sender, with other identities, adds nothing", async () => {
  const withSequencer = eventOf("twice", { sequencer: "0055AED6DCD90281E5" });
  const withoutOne = eventOf("twice");
  expect(withSequencer.id).not.toBe(withoutOne.id);
  expect(await commitRuns(commitOf(withSequencer, "a"))).toHaveLength(1);
  expect(await commit(commitOf(withoutOne, "a"))).toEqual([{ id: withSequencer.id, runs: [] }]);
  const within = eventOf("twice in one batch", { sequencer: "0055AED6DCD90281E5" });
  expect(await commitRuns(commitOf(within, "a"), commitOf(eventOf("twice in one batch"), "a"))).toHaveLength(
    1,
  );
});

test("two writes of identical bytes are two events", async () => {
  const later = eventOf("two", { time: new Date(NOW - MINUTE + 1).toISOString() });
  expect(await commitRuns(commitOf(eventOf("two"), "a"), commitOf(later, "a"))).toHaveLength(2);
});

test("a refused event writes no row, and is known by nothing", async () => {
  const { rows_written } = await shard.counts();
  const all = Array.from({ length: 50 }, (_, n) => commitOf(eventOf(`refused/${n}`)));
  expect(await commitRuns(...all)).toEqual([]);
  expect((await shard.counts()).rows_written).toBe(rows_written);
});

test("an event is known for 45 days after its arrival, whenever it happened", async () => {
  const { shard, ring } = openShard();
  const old = eventOf("old", { time: new Date(NOW - 40 * DAY).toISOString() });
  const early = eventOf("early", { time: new Date(NOW + 400 * DAY).toISOString() });
  await shard.commit([commitOf(old, "a"), commitOf(early, "a")], at(NOW));
  for (const run_id of [runId(old.id, "a"), runId(early.id, "a")])
    await shard.finish([reportOf(run_id, 1, "succeeded", { items: 0 })], { now: NOW });
  const later = async (days: number) => {
    await ring(NOW + days * DAY);
    const received_at = new Date(NOW + days * DAY).toISOString();
    const again = [old, early].map((event) => commitOf({ ...event, received_at }, "a"));
    return (await shard.commit(again, at(NOW + days * DAY))).map(({ runs }) => runs.length);
  };
  expect(await later(1)).toEqual([0, 0]);
  expect(await later(44)).toEqual([0, 0]);
  expect(await later(53)).toEqual([1, 1]);
});

test("an object with items is run again by an event that its pipeline refuses, until it has none", async () => {
  const [first] = await commitRuns(commitOf(eventOf("tracked"), "a"));
  const refused = (etag: string) => commitOf(eventOf("tracked", { etag }));
  const [second] = await commitRuns(refused("f"));
  expect(second).toMatchObject({ alias: "a", cause: "tracked" });
  await shard.finish([reportOf(first?.run_id ?? "", 1, "succeeded", { items: 2, stored_at: NOW })], {
    now: NOW,
  });
  await shard.finish([reportOf(second?.run_id ?? "", 1, "succeeded", { items: 2, stored_at: NOW + 1 })], {
    now: NOW,
  });
  const [third] = await commitRuns(refused("g"));
  expect(third).toMatchObject({ cause: "tracked" });
  await shard.finish([reportOf(third?.run_id ?? "", 1, "succeeded", { items: 0, stored_at: NOW + 2 })], {
    now: NOW,
  });
  expect(await commitRuns(refused("h"))).toEqual([]);
  expect(await shard.held("a", [eventOf("tracked")])).toEqual({ objects: 0, items: 0 });
});

test.each(["accessed", "invoke", "replay", "no key"])("what tracks nothing: %s", async (what) => {
  const key = what === "no key" ? "" : `untracked ${what}`;
  await commitRuns(commitOf(eventOf(key), "a"));
  const event = eventOf(key, {
    etag: "f",
    ...(what === "accessed" && { type: "accessed" }),
    ...((what === "invoke" || what === "replay") && { sender: what }),
  });
  expect(await commitRuns(commitOf(event))).toEqual([]);
});

test("a run that is cancelled or dead may have stored something: its object stays tracked", async () => {
  for (const end of ["cancelled", "dead", "dropped"]) {
    const one = eventOf(`unsaid ${end}`);
    await commitRuns(commitOf(one, "a"));
    if (end === "cancelled") await shard.cancel([runId(one.id, "a")], "no", NOW);
    else await shard.bury([{ job: jobOf(one, "a") }], NOW);
    if (end === "dropped") await shard.drop({ run_ids: [runId(one.id, "a")] }, "no", NOW);
    expect(await commitRuns(commitOf(eventOf(one.key, { etag: "f" })))).toMatchObject([{ cause: "tracked" }]);
  }
});

test("what an object's items were made by is what the latest run stored, in whatever order runs are heard of", async () => {
  const stored = [
    { version: "v1", items: 3, stored_at: NOW + 1 },
    { version: "v2", items: 0, stored_at: NOW + 2 },
    { version: "v3", items: 5, stored_at: NOW + 3 },
  ];
  let number = 0;
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray([0, 1, 2], { minLength: 1 }), async (order) => {
      const { shard } = openShard();
      const key = `order/${number++}`;
      const events = stored.map((_, n) => eventOf(key, { etag: `e${n}` }));
      await shard.commit(
        events.map((event) => commitOf(event, "a")),
        at(NOW),
      );
      for (const n of order)
        await shard.finish([reportOf(runId(events[n]?.id ?? "", "a"), 1, "succeeded", stored[n])], {
          now: NOW + n,
        });
      const latest = stored[Math.max(...order)];
      const objects = await shard.tracked({ alias: "a", limit: 10 });
      expect(objects.map(({ version, items }) => [version, items])).toEqual(
        latest?.items ? [[latest.version, latest.items]] : [],
      );
      expect(await shard.produced("a")).toEqual(
        latest?.items ? [{ version: latest.version, commit: "c", objects: 1, items: latest.items }] : [],
      );
    }),
  );
});

test("reports in any order, any number of times, end in the same run", async () => {
  let number = 0;
  const story = [
    reportOf("", 1, "running"),
    reportOf("", 1, "failed", { failure: { kind: "timeout", detail: "slow" } }),
    reportOf("", 2, "running"),
    reportOf("", 2, "succeeded", { items: 3 }),
  ];
  const deliveries = fc.shuffledSubarray([...story, ...story], { minLength: 8, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(deliveries, fc.integer({ min: 1, max: 8 }), async (reports, size) => {
      const [{ run_id } = { run_id: "" }] = await commitRuns(commitOf(eventOf(`reports-${number++}`), "r"));
      const all = reports.map((one) => ({ ...one, run_id }));
      for (let from = 0; from < all.length; from += size)
        await shard.finish(all.slice(from, from + size), { now: NOW });
      expect(await run(run_id)).toMatchObject({ status: "succeeded", attempt: 2, items: 3, failure: null });
    }),
    { numRuns: 40 },
  );
});

test("a dead job is one letter however often it is buried, with its cause; one the platform gave up on says so", async () => {
  const one = eventOf("dead");
  await commitRuns(commitOf(one, "la", "lb"));
  await shard.finish([reportOf(runId(one.id, "lb"), 5, "running")], { now: NOW });
  const failure = { kind: "bad_media", detail: "no video" } as const;
  for (let times = 0; times < 2; times++)
    await shard.bury([{ job: jobOf(one, "la"), failure, attempts: 1 }, { job: jobOf(one, "lb") }], NOW);
  expect(await shard.letters({ alias: "lb", limit: 10 })).toMatchObject([
    { attempts: 5, failure: { kind: "internal" }, event: { key: "dead" }, at: NOW, history: [] },
  ]);
  expect(await shard.letters({ alias: "la", limit: 10 })).toMatchObject([{ attempts: 1, failure }]);
  expect(await run(runId(one.id, "la"))).toMatchObject({ status: "dead", failure });
  expect((await shard.letter(runId(one.id, "lb")))?.history.map(({ status }) => status)).toEqual([
    "queued",
    "running",
    "dead",
  ]);
});

test("a redriven run is not ended again by a late copy of its old letter, and is by a new one", async () => {
  const one = eventOf("redriven");
  const run_id = runId(one.id, "d");
  await commitRuns(commitOf(one, "d"));
  const letter = { job: jobOf(one, "d"), failure: { kind: "timeout", detail: "slow" } as const, attempts: 3 };
  await shard.bury([letter], NOW);
  const redrive = () => shard.redrive({ run_ids: [run_id] }, { now: NOW, limit: 10, paused: [] });
  expect(await redrive()).toMatchObject([
    { run: { run_id, attempt: 3, forgiven: 3 }, event: one, waits: false },
  ]);
  await shard.bury([letter], NOW);
  expect(await run(run_id)).toMatchObject({ status: "queued" });
  expect(await redrive()).toEqual([]);
  await shard.bury([{ ...letter, attempts: 4 }], NOW);
  expect(await run(run_id)).toMatchObject({ status: "dead", attempt: 4 });
  const { ended } = await shard.counts();
  expect(ended.find(({ alias }) => alias === "d")).toMatchObject({ status: "dead", runs: 2 });
});

test("a letter for a run that has succeeded since changes nothing", async () => {
  const one = eventOf("recovered");
  await commitRuns(commitOf(one, "s"));
  await shard.finish([reportOf(runId(one.id, "s"), 2, "succeeded", { items: 1 })], { now: NOW });
  await shard.bury([{ job: jobOf(one, "s"), attempts: 1 }], NOW);
  expect(await run(runId(one.id, "s"))).toMatchObject({ status: "succeeded" });
  expect(await shard.letters({ alias: "s", limit: 10 })).toEqual([]);
});

test("letters of one cause are one group, whatever objects they name", async () => {
  const events = ["x", "k1", "k2"].map((key) => eventOf(`causes/${key}`));
  await commitRuns(...events.map((event) => commitOf(event, "causes")));
  for (const [n, event] of events.entries()) {
    const detail = n === 0 ? "other" : `${event.key} is no video`;
    const failure = { kind: "bad_media" as const, detail };
    await shard.bury([{ job: jobOf(event, "causes"), attempts: 1, failure }], NOW + n);
  }
  const newest = runId(events[2]?.id ?? "", "causes");
  expect(await shard.causes("causes")).toEqual([
    {
      alias: "causes",
      count: 2,
      kind: "bad_media",
      detail: "<key> is no video",
      run_id: newest,
      newest: NOW + 2,
    },
    expect.objectContaining({ count: 1, detail: "other" }),
  ]);
  const chosen = await shard.redrive(
    { alias: "causes", kind: "bad_media" },
    { now: NOW, limit: 2, paused: ["causes"] },
  );
  expect(chosen.map(({ event, waits }) => [event.key, waits])).toEqual([
    ["causes/x", true],
    ["causes/k1", true],
  ]);
  expect(await shard.drop({ alias: "causes" }, "not worth it", NOW)).toBe(1);
  expect(await run(newest)).toMatchObject({ status: "cancelled", reason: "not worth it" });
  expect(await shard.causes("causes")).toEqual([]);
});

test("a dead run has its letter from its report, once, and none where its caller was answered", async () => {
  const failure = { kind: "handler_failed" as const, detail: "a bug" };
  const [loud, silent] = [eventOf("letter-loud"), eventOf("letter-silent")];
  await commitRuns(commitOf(loud, "l"), commitOf(silent, "l"));
  const dead = (one: typeof loud) => [reportOf(runId(one.id, "l"), 3, "dead", { failure })];
  await shard.finish(dead(silent), { now: NOW, letters: false });
  const before = messages.length;
  for (let n = 0; n < 2; n++) await shard.finish(dead(loud), { now: NOW });
  expect(messages.slice(before)).toEqual([{ kind: "dead", alias: "l", detail: "a bug", runs: 1, at: NOW }]);
  expect(await shard.letters({ alias: "l", limit: 100 })).toMatchObject([
    { event: { key: "letter-loud" }, attempts: 3, failure, cause: "matched" },
  ]);
  // Redriven, it is open again; its old report, come late, does not end it.
  await shard.redrive({ run_ids: [runId(loud.id, "l")] }, { now: NOW, limit: 10, paused: [] });
  await shard.finish(dead(loud), { now: NOW });
  expect(await run(runId(loud.id, "l"))).toMatchObject({ status: "queued" });
});

test("a pipeline whose store is full is reported to the router", async () => {
  const one = eventOf("full");
  await commitRuns(commitOf(one, "filled"));
  const failure = { kind: "store_full" as const, detail: "Exceeded maximum DB size." };
  await shard.finish([reportOf(runId(one.id, "filled"), 1, "failed", { failure })], { now: NOW });
  expect(messages.at(-1)).toEqual({
    kind: "full",
    alias: "filled",
    detail: failure.detail,
    runs: 1,
    at: NOW,
  });
});

test("the alarm sends what nothing was heard of, ever more seldom, and its history says why", async () => {
  const { shard, ring, messages, alarm } = openShard();
  const one = eventOf("silent");
  await shard.commit([commitOf(one, "called", "queued")], at(NOW, { binding: ["called"] }));
  const sent = async (time: number) => {
    messages.length = 0;
    await ring(time);
    return messages
      .flatMap((message) => (message.kind === "due" ? message.runs : []))
      .map(({ run }) => run.alias);
  };
  expect(await sent(NOW + MINUTE - 1)).toEqual([]);
  expect(await sent(NOW + MINUTE)).toEqual(["called"]);
  expect(await sent(NOW + MINUTE + 1)).toEqual([]);
  expect(await sent(NOW + HOUR)).toEqual(["called", "queued"]);
  expect(await sent(NOW + 2 * HOUR - 1)).toEqual([]);
  expect(await sent(NOW + 2 * HOUR)).toEqual(["called", "queued"]);
  expect(await sent(NOW + 4 * HOUR - 1)).toEqual([]);
  expect(await sent(NOW + 4 * HOUR)).toEqual(["called", "queued"]);
  await shard.finish([reportOf(runId(one.id, "called"), 1, "running", { due_at: NOW + 5 * HOUR })], {
    now: NOW + 4 * HOUR,
  });
  await shard.finish([reportOf(runId(one.id, "queued"), 1, "succeeded", { items: 0 })], {
    now: NOW + 4 * HOUR,
  });
  expect(alarm() ?? 0).toBeLessThanOrEqual(NOW + 5 * HOUR);
  expect(await sent(NOW + 5 * HOUR)).toEqual(["called"]);
  const [called] = await shard.runsOf([one.id]);
  expect(called?.history.map(({ status, attempt, cause }) => [status, attempt, cause])).toEqual([
    ["queued", 0, "matched"],
    ["queued", 0, "nothing was heard of it: queued and overdue"],
    ["running", 1, "attempt 1 began"],
    ["queued", 1, "nothing was heard of it: running and overdue"],
  ]);
});

test("runs of a paused pipeline wait, let a probe through, and go when it is resumed", async () => {
  const { shard, ring, messages, paused, alarm } = openShard();
  paused.add("held");
  const events = [0, 1, 2].map((n) => eventOf(`held/${n}`));
  for (const [n, event] of events.entries())
    expect(await shard.commit([commitOf(event, "held")], at(NOW + n, { paused: ["held"] }))).toMatchObject([
      { runs: [] },
    ]);
  await ring(NOW + MINUTE);
  expect(messages).toEqual([]);
  const [probe] = await shard.release("held", NOW + 2 * MINUTE, 1);
  expect(probe).toMatchObject({ run: { run_id: runId(events[0]?.id ?? "", "held") }, event: events[0] });
  paused.clear();
  await shard.release("held", NOW + 3 * MINUTE);
  expect(alarm()).toBe(NOW + 3 * MINUTE);
  await ring(NOW + 3 * MINUTE);
  const due = messages.flatMap((message) => (message.kind === "due" ? message.runs : []));
  expect(due.map(({ run }) => run.event_id).sort()).toEqual([events[1]?.id, events[2]?.id].sort());
});

test("what could not be handed over is due at once, then later and later", async () => {
  const { shard, ring, messages, alarm } = openShard();
  const one = eventOf("unsent");
  await shard.commit([commitOf(one, "a")], at(NOW));
  await shard.unsent([runId(one.id, "a")], NOW);
  expect(alarm()).toBe(NOW);
  await ring(NOW);
  expect(messages).toMatchObject([{ kind: "due", runs: [{ run: { alias: "a" }, event: one }] }]);
  await shard.unsent([runId(one.id, "a")], NOW + 20_000);
  messages.length = 0;
  await ring(NOW + 30_000);
  expect(messages).toEqual([]);
  await ring(NOW + 40_000);
  expect(messages).toHaveLength(1);
});

test("runs are listed newest first, in pages that are the whole, of rows and of packs", async () => {
  await ring(NOW + 2 * HOUR);
  const late = Array.from({ length: 30 }, (_, n) => commitOf(eventOf(`list/${n}`), "listed"));
  for (const [n, one] of late.entries()) await shard.commit([one], at(NOW + Math.floor(n / 3)));
  const whole = await shard.runs({ limit: 1000 });
  const pages: typeof whole = [];
  for (let page = await shard.runs({ limit: 7 }); page.length > 0; ) {
    pages.push(...page);
    const last = page.at(-1);
    page = await shard.runs({ limit: 7, ...(last && { after: { at: last.created_at, id: last.id } }) });
  }
  expect(pages).toEqual(whole);
  expect(whole.length).toBeGreaterThan(90);
  const order = whole.map(({ created_at, id }) => `${created_at} ${id}`);
  expect(order).toEqual(order.toSorted().toReversed());
  const { ended } = await shard.counts();
  for (const { alias, status, runs } of ended) {
    const reopened = alias === "a" || alias === "d" || alias === "l" || alias === "causes";
    if (!reopened)
      expect(await shard.runs({ alias, status, limit: 1000 }), `${alias} ${status}`).toHaveLength(runs);
  }
});
