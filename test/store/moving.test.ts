// A ledger of the release before moves into the shards and the log: nothing is lost and nothing doubled, wherever the move
// is cut off, and what is known of it afterwards is what was known before.
import type { D1Database, R2Bucket } from "@cloudflare/workers-types";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { moveLedger } from "../../src/cron/move-ledger.ts";
import { getDeadLetter } from "../../src/query/dead-letters.ts";
import { getEvent, getRun, listRuns } from "../../src/query/ledger.ts";
import { lookups } from "../../src/receive/identity.ts";
import { eventId, runId } from "../../src/shapes/event-id.ts";
import { sha256Hex } from "../../src/shapes/hash.ts";
import { currentIds, mayBePlaced, oldRunId } from "../../src/store/moving/old-ids.ts";
import { areEventsHeld, describeMove, OLD_TABLES, readMove } from "../../src/store/moving/state.ts";
import { type EventStores, openStores as openEventStores } from "../../src/store/stores.ts";
import { openD1InNode } from "../support/d1-in-node.ts";
import { type LedgerInNode, openLedger } from "../support/ledger.ts";
import { openMapBucket } from "../support/map-bucket.ts";
import { openStores, type Stores } from "../support/stores.ts";
import { currentIdOf, fillOld, type GivenEvent, NOW, REPLAY } from "./moving-given.ts";
import { oldRunIdOf, type Snapshot, snapshotNew, snapshotOld } from "./moving-snapshot.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;
const COMMIT = { now: NOW + 3 * DAY, paused: [], binding: [] };

/** Minutes of the cron at which the move has something to do. */
const MINUTES = [0, 1, 2, 25];

/** A ledger of four shards; a small one is moved in pages of a few rows. */
const connections = { connections: {}, ledger: { shards: 4 } };
type Opened = Pick<LedgerInNode, "env"> & EventStores;
const openFour = (stores: Parameters<typeof openLedger>[0]): Opened => {
  const { env } = openLedger(stores);
  const { ledger, shards, log } = openEventStores({ env, connections });
  return { env, ledger, shards, log };
};

/** Lets the cron run at these minutes. */
async function moveAll({ env }: Opened, from = NOW, minutes = MINUTES, pageRows?: number): Promise<void> {
  for (const minute of minutes)
    await moveLedger({
      ...{ env, connections, pipelines: { all: [] }, now: () => from + minute * MINUTE },
      ...(pageRows !== undefined && { pageRows }),
    });
}
const moveSmall = (ledger: Opened, from = NOW, minutes = MINUTES) => moveAll(ledger, from, minutes, 8);

const tablesOf = async (db: D1Database) =>
  (
    await db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all<{ name: string }>()
  ).results.map(({ name }) => name);

/** A small ledger in this process. Every call to D1, R2 or a shard can be the last one. */
async function openSmall(): Promise<{
  ledger: Opened;
  archive: R2Bucket;
  given: GivenEvent[];
  before: Snapshot;
  calls(): number;
  killAfter(call: number): void;
  heal(): void;
}> {
  const d1 = openD1InNode();
  const held = openMapBucket(NOW);
  const given = await fillOld(d1.db, held.bucket, { hot: 36, archived: 6 });
  const before = await snapshotOld(d1.db, given);
  const ledger = openFour({ ledger: d1.db, archive: held.bucket });
  let [calls, last] = [0, 0];
  const between = (work: () => unknown) => {
    calls++;
    // Calls that are under way beside the last one do not come to pass.
    if (calls > last && last > 0) throw new Killed("killed");
    const done = work();
    if (calls === last) throw new Killed("killed");
    return done;
  };
  d1.between = between;
  held.between = (_call, work) => between(work);
  for (const shard of ledger.shards.all()) {
    const takeOld = shard.takeOld.bind(shard);
    shard.takeOld = async (...call) => between(() => takeOld(...call)) as Promise<void>;
  }
  return {
    ...{ ledger, archive: held.bucket, given, before, calls: () => calls },
    killAfter: (call) => {
      [calls, last] = [0, call];
    },
    heal: () => {
      last = 0;
    },
  };
}

class Killed extends Error {}

describe("a small ledger", () => {
  test("is after its move as it was before, and its tables are gone", async () => {
    const { ledger, archive, before } = await openSmall();
    await moveSmall(ledger);
    expect(await snapshotNew(ledger, archive)).toEqual(before);
    expect((await tablesOf(ledger.ledger)).filter((name) => OLD_TABLES.includes(name))).toEqual([]);
    expect((await archive.list({ prefix: "events/" })).objects).toEqual([]);
    expect(await readMove(ledger.ledger)).toMatchObject({ step: "done", moved: 42, total: 42, missing: 0 });
  });

  test("is so after whichever call the move is cut off", { timeout: 240_000 }, async () => {
    const whole = await openSmall();
    whole.killAfter(Number.MAX_SAFE_INTEGER);
    await moveSmall(whole.ledger);
    const calls = whole.calls();
    expect(calls).toBeGreaterThan(50);
    for (let call = 1; call <= calls; call++) {
      const { ledger, archive, before, killAfter, heal } = await openSmall();
      killAfter(call);
      await moveSmall(ledger).catch((error: unknown) => {
        if (!(error instanceof Killed)) throw error;
      });
      heal();
      await moveSmall(ledger, NOW + 10 * MINUTE);
      expect({ call, ...(await snapshotNew(ledger, archive)) }).toEqual({ call, ...before });
      expect((await readMove(ledger.ledger)).step).toBe("done");
    }
  });

  test("is so when two minutes of the cron move it at once", async () => {
    const { ledger, archive, before } = await openSmall();
    await Promise.all([moveSmall(ledger), moveSmall(ledger)]);
    expect(await snapshotNew(ledger, archive)).toEqual(before);
  });

  test("lets events wait until they can be known again, and no longer", async () => {
    const { ledger } = await openSmall();
    expect(await areEventsHeld(ledger.ledger)).toBe(true);
    await moveSmall(ledger, NOW, [0]);
    expect(await describeMove(ledger.ledger)).toEqual({
      ...{ step: "begin", events: 0, of: 42, missing: 0, held: true },
    });
    await moveSmall(ledger, NOW + MINUTE, [0]);
    expect(await areEventsHeld(ledger.ledger)).toBe(false);
    expect(await describeMove(ledger.ledger)).toMatchObject({ step: "rest", events: 42, held: false });
    await moveSmall(ledger, NOW + 30 * MINUTE, [0]);
    expect(await describeMove(ledger.ledger)).toBeNull();
  });

  test("keeps old ids for as long as its events", async () => {
    const { ledger } = await openSmall();
    await moveSmall(ledger);
    await moveSmall(ledger, NOW + 50 * DAY, [0]);
    expect(await tablesOf(ledger.ledger)).toContain("old_ids");
    await moveSmall(ledger, NOW + 61 * DAY, [0]);
    expect(await tablesOf(ledger.ledger)).not.toContain("old_ids");
    expect(await currentIds(ledger.ledger, ["evt_0"])).toEqual(["evt_0"]);
  });

  test("an archive that has lost an object is moved without it, and that is said", async () => {
    const { ledger, archive } = await openSmall();
    const [lost] = (await archive.list({ prefix: "events/" })).objects;
    await archive.delete(lost?.key ?? "");
    await moveSmall(ledger);
    expect(await readMove(ledger.ledger)).toMatchObject({ step: "done", missing: 1 });
  });
});

test("an empty ledger loses its old tables with the first minute, and nothing waits", async () => {
  const ledger = openFour({ ledger: openD1InNode().db, archive: openMapBucket(NOW).bucket });
  expect(await areEventsHeld(ledger.ledger)).toBe(false);
  await moveSmall(ledger, NOW, [0]);
  expect(await describeMove(ledger.ledger)).toBeNull();
  const tables = await tablesOf(ledger.ledger);
  expect(tables.filter((name) => OLD_TABLES.includes(name))).toEqual([]);
  expect(tables).not.toContain("old_ids");
});

describe("after the move", () => {
  let small: Awaited<ReturnType<typeof openSmall>>;
  beforeAll(async () => {
    small = await openSmall();
    await moveSmall(small.ledger);
  });
  const oneOf = (status: string) => {
    const found = small.given.find((one) => one.status === status && !one.archived && !one.replay);
    if (!found) throw new Error(status);
    return found.event;
  };

  test("a late report of a known event adds nothing, by either sender", async () => {
    const { ledger, given, archive, before } = small;
    for (const { event } of given.filter(({ archived, replay }) => !archived && !replay)) {
      const again = { ...event, id: currentIdOf(event), received_at: new Date(NOW + DAY).toISOString() };
      const other = { ...again, id: eventId(again, sha256Hex(`other ${event.key}`)) };
      for (const late of [again, other]) {
        const [committed] = await ledger.shards.commit(
          [{ event: late, lookups: lookups(late), matched: ["aa"], cause: "matched" }],
          COMMIT,
        );
        expect(committed).toEqual({ id: currentIdOf(event), runs: [] });
      }
    }
    expect(await snapshotNew(ledger, archive)).toEqual(before);
  });

  test("a replay goes on with its pipeline's first page, and what it has run is known", async () => {
    const { ledger, given } = small;
    const replay = await ledger.ledger
      .prepare("SELECT cursor, page FROM replays WHERE status = 'active'")
      .first();
    expect(replay).toEqual({ cursor: JSON.stringify({ target: 0 }), page: 7 });
    const run = given.find((one) => one.replay)?.event;
    if (!run) throw new Error("no replayed event");
    const at = new Date(NOW + DAY).toISOString();
    const name = sha256Hex(JSON.stringify([REPLAY, "aa", "c", "b", run.key]));
    const event = {
      ...run,
      time: at,
      received_at: at,
      id: eventId({ ...run, time: at, received_at: at }, name),
    };
    const [committed] = await ledger.shards.commit(
      [{ event, lookups: [], matched: ["aa"], cause: "replayed", replay: REPLAY }],
      COMMIT,
    );
    expect(committed).toEqual({ id: currentIdOf(run), runs: [] });
  });

  test("events, runs and letters are found by the ids that they had", async () => {
    const { ledger, given } = small;
    for (const { event, status } of given) {
      expect(await getEvent(ledger, event.id)).toMatchObject({ id: currentIdOf(event), key: event.key });
      const run = await getRun(ledger, oldRunIdOf(event));
      expect(run?.status).toBe(status);
      const { data } = await listRuns(ledger, { event_id: event.id }, { limit: 5 });
      expect(data.length).toBe(status ? 1 : 0);
    }
    const dead = oneOf("dead");
    expect(await getDeadLetter(ledger, oldRunIdOf(dead))).toMatchObject({
      run_id: runId(currentIdOf(dead), "aa"),
    });
    expect(await getEvent(ledger, `evt_${"ab".repeat(16)}`)).toBeNull();
    const open = oneOf("queued");
    expect(await oldRunId(ledger.ledger, runId(currentIdOf(open), "aa"))).toBe(oldRunIdOf(open));
    expect(await oldRunId(ledger.ledger, runId(currentIdOf(oneOf("skipped")), "aa"))).toBeUndefined();
  });

  test("a removal of a tracked object runs, be its items counted or only feared", async () => {
    const { ledger } = small;
    const run = async (key: string) => {
      const at = new Date(NOW + 2 * DAY).toISOString();
      const what = { connection: "c", bucket: "b", key, type: "removed", operation: "Delete" } as const;
      const event = { ...what, time: at, received_at: at, sender: "s3", identities: [], hops: 0 } as const;
      const id = eventId(event, sha256Hex(`gone ${key}`));
      const commit = {
        event: { ...event, id, identities: [] as string[] },
        lookups: [],
        matched: [],
        cause: "matched",
      } as const;
      const [committed] = await ledger.shards.commit([{ ...commit, lookups: [], matched: [] }], COMMIT);
      return committed?.runs.map(({ alias, cause }) => `${alias} ${cause}`);
    };
    expect(await run(oneOf("succeeded").key)).toEqual(["aa tracked"]);
    expect(await run(oneOf("dead").key)).toEqual(["aa tracked"]);
    expect(await run(oneOf("skipped").key)).toEqual([]);
  });
});

test("old ids name no place, but for a few", () => {
  const ids = Array.from({ length: 10_000 }, (_, n) => `evt_${sha256Hex(String(n)).slice(0, 32)}`);
  expect(ids.filter((id) => mayBePlaced(id, NOW)).length).toBeLessThan(300);
  const time = new Date(NOW).toISOString();
  const placed = eventId({ time, received_at: time, key: "a" }, sha256Hex("a"));
  expect(mayBePlaced(placed, NOW)).toBe(true);
  expect(mayBePlaced(runId(placed, "aa"), NOW)).toBe(true);
});

/** As many as there is patience for: MOVED_EVENTS=100000 takes some minutes. */
const HOT_EVENTS = Number(process.env.MOVED_EVENTS ?? 10_000);

describe("a large ledger, over real D1 and R2", () => {
  let stores: Stores;
  beforeAll(async () => {
    stores = await openStores();
  }, 60_000);
  afterAll(() => stores?.close());

  test("is moved whole though the move is killed thrice", { timeout: 600_000 }, async () => {
    const given = await fillOld(stores.ledger, stores.archive, { hot: HOT_EVENTS, archived: 1_000 });
    const before = await snapshotOld(stores.ledger, given);

    let left = Number.POSITIVE_INFINITY;
    const killed = {
      ...stores.ledger,
      batch: async (...call: Parameters<D1Database["batch"]>) => {
        if (left-- <= 0) throw new Killed("killed");
        return stores.ledger.batch(...call);
      },
    } as D1Database;
    const ledger = openFour({ ledger: killed, archive: stores.archive });
    for (const batches of [7, HOT_EVENTS / 1_000, HOT_EVENTS / 700]) {
      left = batches;
      await expect(moveAll(ledger)).rejects.toThrow(Killed);
    }
    left = Number.POSITIVE_INFINITY;
    await moveAll(ledger);

    expect(await readMove(stores.ledger)).toMatchObject({
      step: "done",
      moved: HOT_EVENTS + 1_000,
      total: HOT_EVENTS + 1_000,
    });
    const after = await snapshotNew(ledger, stores.archive);

    for (const name of Object.keys(before) as (keyof Snapshot)[]) {
      const [is, was] = [after[name], before[name]];
      // Compared as texts: a difference of so many would not be read.
      expect({ name, same: JSON.stringify(is) === JSON.stringify(was) || isEqual(is, was) }).toEqual({
        ...{ name, same: true },
      });
    }
  });
});

const isEqual = (a: object, b: object) =>
  JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
