// The log's upkeep: whatever is compacted, folded and deleted, and wherever that is cut off, the log answers as a plain
// model does, and what is left of it in the bucket is what it should be.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { KeepDays, LogEntry } from "../../src/store/log/contract.ts";
import { keepUp } from "../../src/store/log/keep-up.ts";
import { openLog } from "../../src/store/log/open.ts";
import { measureLog } from "../../src/store/log/size.ts";
import { type MapBucket, openMapBucket } from "../support/map-bucket.ts";
import {
  batchSpecs,
  DAY,
  type EventSpec,
  eventOf,
  expectSame,
  LogModel,
  MINUTE,
  runOf,
  START,
  walkAll,
  walkAllObjects,
  writeBatch,
} from "./log-given.ts";

const HOUR = 60 * MINUTE;
const forever: KeepDays = () => 36_500;
const spec: EventSpec = {
  connection: "c1",
  bucket: "b1",
  key: "a",
  type: "created",
  sender: "s3",
  at: 0,
  late: 0,
};
/** Minutes in two days and in two of their hours, at their edges. */
const MINUTES = [0, 1, 59, 61, 1439, 1440];

async function keepAllUp(held: MapBucket, now: number, keepDays = forever): Promise<void> {
  held.now = now;
  for (let passes = 0; passes < 50; passes++)
    if (!(await keepUp(held.bucket, now, keepDays, 60_000)).more) return;
  throw new Error("the upkeep does not come to an end");
}

class Fault extends Error {}

/** Lets the n-th call from now on fail, before or after its work. */
function failAt(held: MapBucket, at: number, when: "before" | "after"): void {
  let calls = 0;
  held.between = (_call, work) => {
    calls++;
    if (calls === at && when === "before") throw new Fault("the network is gone");
    const done = work();
    if (calls === at) throw new Fault("the network is gone");
    return done;
  };
}

const heal = (held: MapBucket) => {
  held.between = (_call, work) => work();
};

const isFault = (error: unknown) => {
  if (!(error instanceof Fault)) throw error;
};

const fault = fc.option(
  fc.record({ at: fc.integer({ min: 1, max: 40 }), when: fc.constantFrom("before", "after") }),
);
const passes = fc.record({
  kind: fc.constant("keep up" as const),
  hours: fc.constantFrom(0, 1, 3, 27, 54, 300),
  fault,
});
const writes = fc.record({ kind: fc.constant("write" as const), batch: batchSpecs(MINUTES), fault });
const pairs = fc.record({ kind: fc.constant("two at once" as const), hours: fc.constantFrom(1, 27, 54) });

describe("the log with its upkeep", () => {
  test("answers as a plain model does, wherever writing and upkeep are cut off", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof({ weight: 3, arbitrary: writes }, { weight: 3, arbitrary: passes }, pairs), {
          minLength: 2,
          maxLength: 8,
        }),
        fc.scheduler(),
        async (steps, scheduler) => {
          const held = openMapBucket(START);
          const log = openLog(held.bucket);
          const model = new LogModel();
          let now = START;
          for (const step of steps) {
            if (step.kind === "write") {
              if (step.fault) failAt(held, step.fault.at % 4, step.fault.when as "before");
              await writeBatch(log, model, step.batch, (write) =>
                write().catch((error: unknown) => {
                  isFault(error);
                  return write();
                }),
              );
            } else {
              now += step.hours * HOUR;
              held.now = now;
              const pass = () => keepUp(held.bucket, now, forever, 60_000);
              if (step.kind === "keep up") {
                if (step.fault) failAt(held, step.fault.at, step.fault.when as "before");
                await pass().catch(isFault);
              } else {
                held.between = (call, work) => scheduler.schedule(Promise.resolve(), call.method).then(work);
                await scheduler.waitFor(Promise.all([pass(), pass()]));
              }
            }
            heal(held);
          }
          await expectSame(log, model, [2, 100]);
          // What is late rests before it is folded, and again before it is folded into its day.
          for (const days of [30, 31, 32, 36]) await keepAllUp(held, now + days * DAY);
          await expectSame(log, model, [2, 100]);
          // All is folded: a segment for each minute, and by object whole days only.
          expect(namesOf(held, "log-new/")).toEqual([]);
          expect(namesOf(held, "log-days/new/")).toEqual([]);
          expect(namesOf(held, "log-days/").length).toBeLessThanOrEqual(1 + 2);
        },
      ),
      { numRuns: 40 },
    );
  }, 120_000);
});

const namesOf = (held: MapBucket, prefix: string) =>
  [...held.objects.keys()].filter((key) => key.startsWith(prefix)).sort();

describe("a log whose days are over", () => {
  const ofTwo = async () => {
    const held = openMapBucket(START);
    const log = openLog(held.bucket);
    const events = [0, 1, 1500].flatMap((minute) =>
      ["c1", "c2"].map((connection) => eventOf({ ...spec, connection, at: minute * MINUTE })),
    );
    await log.append(events);
    await log.appendRuns(events.map(({ event }) => runOf(event, "p", 15)));
    await keepAllUp(held, START + 3 * DAY);
    return { held, log };
  };
  const keepDays = (connection: string) => (connection === "c1" ? 10 : 20);
  const places = async (log: ReturnType<typeof openLog>) =>
    (await walkAll(log, { order: "oldest first" }, 10)).map(({ event }) => [
      event.connection,
      Date.parse(event.time) - START,
    ]);

  test("keeps each connection's events for as long as it says, by whole days", async () => {
    const { held, log } = await ofTwo();
    await keepAllUp(held, START + 11 * DAY - 1, keepDays);
    expect(await places(log)).toHaveLength(6);
    await keepAllUp(held, START + 11 * DAY, keepDays);
    const later = 1500 * MINUTE;
    expect((await places(log)).sort()).toEqual([
      ["c1", later],
      ["c2", 0],
      ["c2", MINUTE],
      ["c2", later],
    ]);
    for (const key of [undefined, "a"]) {
      const own = await walkAll(log, { order: "oldest first", connection: "c1", key }, 10);
      expect(own.map(({ event }) => Date.parse(event.time) - START)).toEqual([later]);
    }
    expect(
      (await measureLog(held.bucket)).map(({ connection, events, runs }) => [connection, events, runs]),
    ).toEqual([
      ["c1", 1, 1],
      ["c2", 3, 3],
    ]);
    await keepAllUp(held, START + 40 * DAY, keepDays);
    expect(await places(log)).toEqual([]);
    expect(await walkAllObjects(log, { connection: "c2", without: "replay" }, 10)).toEqual([]);
    expect(namesOf(held, "log")).toEqual(["log-days/index.json"]);
  });

  test("drops what comes for a day that is over", async () => {
    const { held, log } = await ofTwo();
    await keepAllUp(held, START + 40 * DAY, keepDays);
    await log.append([eventOf(spec)]);
    await keepAllUp(held, START + 41 * DAY, keepDays);
    expect(namesOf(held, "log")).toEqual(["log-days/index.json"]);
  });

  test.each(["before", "after"] as const)("goes on where it was cut off, %s any call", async (when) => {
    const whole = await ofTwo();
    await keepAllUp(whole.held, START + 12 * DAY, keepDays);
    const kept = await places(whole.log);
    for (let at = 1; ; at++) {
      const { held, log } = await ofTwo();
      failAt(held, at, when);
      const error = await keepUp(held.bucket, START + 12 * DAY, keepDays, 60_000).catch(
        (thrown: unknown) => thrown,
      );
      heal(held);
      await keepAllUp(held, START + 12 * DAY, keepDays);
      expect(await places(log)).toEqual(kept);
      expect(namesOf(held, "log")).toEqual(namesOf(whole.held, "log"));
      if (!(error instanceof Fault)) break;
      expect(at).toBeLessThan(100);
    }
  });
});

describe("what a pass spends", () => {
  test("is bounded, however much there is to do", async () => {
    const held = openMapBucket(START);
    const log = openLog(held.bucket);
    const model: LogEntry[] = [];
    for (let at = 0; at < 400; at++) {
      const one = eventOf({ ...spec, key: `k${at}`, at: at * MINUTE });
      model.push({ ...one, runs: [] });
      await log.append([one]);
    }
    held.now = START + 2 * DAY;
    for (let more = true, pass = 0; more; pass++) {
      expect(pass).toBeLessThan(20);
      held.calls.length = 0;
      ({ more } = await keepUp(held.bucket, held.now, forever, 60_000));
      expect(held.calls.length).toBeLessThan(1_000);
    }
    expect(await walkAll(log, { order: "oldest first" }, 150)).toEqual(model);
    held.calls.length = 0;
    expect((await keepUp(held.bucket, held.now, forever, 0)).segments).toBe(0);
    expect(held.calls.length).toBeLessThan(10);
  });
});

test("loses nothing that comes while a pass is under way, before whichever of its calls", async () => {
  for (let at = 1; ; at++) {
    const held = openMapBucket(START);
    const log = openLog(held.bucket);
    const [first, late] = [eventOf(spec), eventOf({ ...spec, key: "b", at: 1 })];
    await log.append([first]);
    held.now = START + HOUR;
    let calls = 0;
    held.between = async (_call, work) => {
      if (++calls === at) await log.append([late]);
      return work();
    };
    await keepUp(held.bucket, held.now, forever, 60_000);
    const isThrough = calls < at;
    heal(held);
    const whole = isThrough ? [first] : [first, late];
    for (const days of [0, 1, 2]) {
      await keepAllUp(held, held.now + days * DAY);
      for (const key of [undefined, "a", "b"]) {
        const walked = await walkAll(log, { order: "oldest first", key }, 10);
        const own = whole.filter(({ event }) => key === undefined || event.key === key);
        expect(walked).toEqual(own.map((one) => ({ ...one, runs: [] })));
      }
    }
    if (isThrough) return expect(at).toBeGreaterThan(6);
  }
});
