// The log: whatever is written, in whatever order and however often, reads as a plain model of it does.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LogEntry } from "../../src/store/log/contract.ts";
import { placeLine } from "../../src/store/log/lines.ts";
import { mergeLines } from "../../src/store/log/merge.ts";
import { openLog } from "../../src/store/log/open.ts";
import { openMapBucket } from "../support/map-bucket.ts";
import {
  batchSpecs,
  type EventSpec,
  eventOf,
  eventSpecs,
  expectSame,
  LogModel,
  MINUTE,
  runOf,
  walkAll,
  writeBatch,
} from "./log-given.ts";

const spec: EventSpec = {
  connection: "c1",
  bucket: "b1",
  key: "a",
  type: "created",
  sender: "s3",
  at: 0,
  late: 0,
};

describe("lines", () => {
  test("are merged to the same, whatever their order, in whatever parts and however often", () => {
    fc.assert(
      fc.property(
        fc.array(eventSpecs([0, 1]), { minLength: 1, maxLength: 12 }),
        fc.infiniteStream(fc.nat(1000)),
        (specs, random) => {
          const events = specs.map(eventOf);
          const runs = events.map(({ event }, at) => ({ run: runOf(event, "p", 11 + (at % 3)) }));
          const lines = [...events, ...runs].map((line) => placeLine(line));
          const whole = mergeLines(lines);
          const pick = () => random.next().value as number;
          const shuffled = [...lines, ...lines]
            .map((line) => ({ line, by: pick() }))
            .sort((a, b) => a.by - b.by);
          const cut = pick() % shuffled.length;
          const parts = [shuffled.slice(0, cut), shuffled.slice(cut)].map((part) =>
            part.map(({ line }) => line),
          );
          expect(mergeLines(parts.flatMap(mergeLines))).toEqual(whole);
          expect(mergeLines(whole)).toEqual(whole);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("the log", () => {
  test("answers as a plain model does", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(batchSpecs([0, 1, 2, 70]), { minLength: 1, maxLength: 6 }), async (all) => {
        const log = openLog(openMapBucket().bucket);
        const model = new LogModel();
        for (const batch of all) await writeBatch(log, model, batch);
        await expectSame(log, model, [1, 3, 100]);
      }),
      { numRuns: 25 },
    );
  }, 120_000);

  test("shows a run when its event is there, and not before", async () => {
    const log = openLog(openMapBucket().bucket);
    const one = eventOf(spec);
    const run = runOf(one.event, "p", 15);
    await log.appendRuns([run]);
    expect(await log.find(one.event.id)).toBe(null);
    expect(await walkAll(log, { order: "newest first" }, 10)).toEqual([]);
    await log.append([one]);
    expect(await log.find(one.event.id)).toEqual({ ...one, runs: [run] });
  });

  test("takes two senders' records of one event for one, found by either id with the runs of both", async () => {
    const log = openLog(openMapBucket().bucket);
    const plain = eventOf({ ...spec, etag: "e", late: 200 });
    const sequenced = eventOf({ ...spec, sender: "eventbridge", etag: "e", sequencer: "01", late: 100 });
    const run = runOf(plain.event, "p", 15);
    await log.append([plain]);
    await log.append([sequenced]);
    await log.appendRuns([run]);
    const one: LogEntry = { ...sequenced, runs: [run] };
    expect(plain.event.id).not.toBe(sequenced.event.id);
    expect(await log.find(plain.event.id)).toEqual(one);
    expect(await log.find(sequenced.event.id)).toEqual(one);
    expect(await walkAll(log, { order: "oldest first" }, 10)).toEqual([one]);
  });

  test("walks over empty weeks by lists alone", async () => {
    const held = openMapBucket();
    const log = openLog(held.bucket);
    const far = [0, 40 * 1440, 80 * 1440].map((minute) => eventOf({ ...spec, at: minute * MINUTE }));
    for (const one of far) await log.append([one]);
    for (const order of ["oldest first", "newest first"] as const) {
      held.calls.length = 0;
      expect(await walkAll(log, { order }, 10)).toHaveLength(3);
      expect(held.calls.filter(({ method }) => method === "get")).toHaveLength(3);
      expect(held.calls.filter(({ method }) => method === "list").length).toBeLessThan(32);
    }
  });

  test("reads no object that a filtered walk or a look-up has nothing to expect of", async () => {
    const held = openMapBucket();
    const log = openLog(held.bucket);
    const [a, b] = [eventOf(spec), eventOf({ ...spec, connection: "c2", key: "b" })];
    await log.append([a]);
    await log.append([b]);
    held.calls.length = 0;
    expect(await walkAll(log, { order: "newest first", connection: "c2" }, 10)).toHaveLength(1);
    expect((await log.find(a.event.id))?.event).toEqual(a.event);
    expect(held.calls.filter(({ method }) => method === "get")).toHaveLength(2);
  });
});
