// The number of shards is raised while events come, and everything is killed at every step: nothing is lost or doubled,
// whether callers use the old number or the new one.
import { expect, test } from "vitest";
import { runId } from "../../../src/shapes/event-id.ts";
import { shardNumberOf } from "../../../src/store/ledger/shard-calls.ts";
import { openShards, type Shards } from "../../../src/store/ledger/shards.ts";
import { openShard, type ShardInNode } from "../../support/shard-in-node.ts";
import { at, commitOf, eventOf, NOW, reportOf } from "./given.ts";

/** Shards of which each may be killed before its next statement: then nothing works in it until it is started again. */
function openKillable() {
  const shards = new Map<number, ShardInNode>();
  let steps = Number.POSITIVE_INFINITY;
  let dead = false;
  let kills = 0;
  const step = () => {
    if (dead || --steps < 0) {
      dead = true;
      throw new Error("killed");
    }
  };
  const open = (number: number): ShardInNode => {
    const peer = (other: number) =>
      new Proxy(open(other).shard, {
        get: (target, name) => {
          const call = Reflect.get(target, name) as (...given: unknown[]) => Promise<unknown>;
          return async (...given: unknown[]) => {
            step();
            // As it is by RPC: what is given and answered are copies, and a call may arrive whose answer does not.
            const answer = await call.apply(target, structuredClone(given));
            step();
            return structuredClone(answer);
          };
        },
      });
    const shard = shards.get(number) ?? openShard({ number, peer, before: step, limitBytes: 1e10 });
    shards.set(number, shard);
    return shard;
  };
  return {
    shards,
    ledger: (count: number): Shards =>
      openShards({ getByName: (name) => open(shardNumberOf(name)).shard }, count),
    killAfter(next: number) {
      steps = next;
    },
    get isDead() {
      return dead;
    },
    get kills() {
      return kills;
    },
    revive() {
      dead = false;
      kills++;
      steps = Number.POSITIVE_INFINITY;
      for (const shard of shards.values()) shard.restart();
    },
    async ring(now: number) {
      for (const shard of [...shards.values()]) await shard.ring(now);
    },
  };
}

/** More than a split of these objects takes. */
const MAX_STEPS = 2_500;
const KEYS = 150;
const keyed = (n: number, etag: string) =>
  eventOf(n % 7 === 0 ? "" : `split/${n}`, { etag, ...(n % 7 === 0 && { id: idOf(n, etag) }) });
/** An event without an object has its place by its own id. */
const idOf = (n: number, etag: string) =>
  `evt_1b00000${(n * 2654435761).toString(16).padStart(10, "0").slice(-10)}${etag.padStart(15, "0")}`;

async function given(ledger: Shards): Promise<void> {
  for (let n = 0; n < KEYS; n++) {
    const event = keyed(n, "a1");
    await ledger.commit([commitOf(event, "a", "b")], at(NOW));
    const done = { items: 2, stored_at: NOW, ended_at: NOW };
    if (n % 3 === 0)
      await ledger.finish([reportOf(runId(event.id, "a"), 1, "succeeded", done)], { now: NOW });
    if (n % 3 === 1) await ledger.finish([reportOf(runId(event.id, "a"), 1, "dead")], { now: NOW });
  }
}

/** Everything that can be seen of the ledger. */
async function seen(ledger: Shards) {
  const events = Array.from({ length: KEYS }, (_, n) => keyed(n, "a1").id);
  const { ended, open, letters } = await ledger.counts();
  const order = (a: { alias: string; status?: string }, b: { alias: string; status?: string }) =>
    `${a.alias}${a.status}` < `${b.alias}${b.status}` ? -1 : 1;
  return {
    runs: await ledger.runs({ limit: 1000 }),
    ofEvents: (await ledger.runsOf(events)).map(({ id, status }) => `${id} ${status}`).sort(),
    letters: (await ledger.letters({ limit: 1000 })).map(({ run_id }) => run_id),
    tracked: await ledger.tracked({ alias: "a", limit: 1000 }),
    produced: await ledger.produced("a"),
    counts: [ended.toSorted(order), open.toSorted(order), letters],
  };
}

async function moveAll(
  all: ReturnType<typeof openKillable>,
  ledger: Shards,
  from: number,
  to: number,
  now: number,
) {
  for (let pass = 0; pass < 200; pass++) {
    try {
      if (await ledger.split({ from, to, move: true })) return;
      await all.ring(now);
    } catch (error) {
      if (!String(error).includes("killed")) throw error;
    }
    if (all.isDead) all.revive();
  }
  throw new Error("it never ended");
}

test("killed at every step, a split loses and doubles nothing", async () => {
  let killed = 0;
  for (let steps = 1; steps < MAX_STEPS; steps += 1 + Math.floor(steps / 5)) {
    const all = openKillable();
    const old = all.ledger(2);
    await given(old);
    const before = await seen(old);
    all.killAfter(steps);
    await moveAll(all, old, 2, 4, NOW + 1);
    all.killAfter(Number.POSITIVE_INFINITY);
    killed += all.kills;
    const more = all.ledger(4);
    expect(await seen(more), `killed after ${steps} steps`).toEqual(before);
    // Each shard has its own objects and no other's.
    for (const [number, { storage }] of all.shards) {
      const rows = storage.database
        .prepare(
          "SELECT hex(substr(object, 1, 2)) AS bits FROM letters UNION ALL SELECT hex(substr(object, 1, 2)) FROM tracked",
        )
        .all() as { bits: string }[];
      expect(rows.map(({ bits }) => Number.parseInt(bits, 16) % 4)).toEqual(rows.map(() => number));
    }
    // No event is new that was known, by whichever number.
    for (const ledger of [old, more])
      for (let n = 0; n < KEYS; n++) {
        const again = { ...keyed(n, "a1"), received_at: new Date(NOW + 1000).toISOString() };
        expect(await ledger.commit([commitOf(again, "a", "b")], at(NOW + 2))).toMatchObject([{ runs: [] }]);
      }
  }
  expect(killed).toBeGreaterThan(20);
}, 120_000);

test("while objects move, callers with either number write and read", async () => {
  const all = openKillable();
  const [old, more] = [all.ledger(2), all.ledger(4)];
  await given(old);
  await old.split({ from: 2, to: 4, move: false });
  for (let n = 0; n < KEYS; n++) {
    // In turn by the old number and by the new one, before, while and after objects move.
    const ledger = n % 2 === 0 ? old : more;
    const event = keyed(n, "b2");
    const [{ runs } = { runs: [] }] = await ledger.commit([commitOf(event, "c")], at(NOW + n));
    const expected = n % 7 === 0 ? ["c"] : ["c", "a", "b"];
    expect(runs.map(({ alias }) => alias).toSorted(), `${n}`).toEqual(expected.toSorted());
    const other = ledger === old ? more : old;
    await other.finish([reportOf(runId(event.id, "c"), 1, "succeeded", { items: 1, stored_at: NOW })], {
      now: NOW + n,
    });
    expect(await ledger.runsOf([event.id])).toHaveLength(expected.length);
    expect(await other.held("c", [event])).toEqual({
      objects: event.key === "" ? 0 : 1,
      items: event.key === "" ? 0 : 1,
    });
    expect(await ledger.cancel([runId(event.id, "a"), runId(event.id, "b")], "no", NOW + n)).toBe(
      expected.length - 1,
    );
    if (n === 20) await old.split({ from: 2, to: 4, move: true });
    if (n >= 20 && n % 10 === 0) await all.ring(NOW + n);
  }
  await moveAll(all, old, 2, 4, NOW + KEYS);
  const { ended } = await more.counts();
  expect(ended.filter(({ alias }) => alias === "c")).toMatchObject([{ status: "succeeded", runs: KEYS }]);
  expect((await more.runs({ alias: "c", limit: 1000 })).length).toBe(KEYS);
  // And once more: what has moved moves on.
  const before = await seen(more);
  await moveAll(all, more, 4, 8, NOW + KEYS + 1);
  const most = all.ledger(8);
  expect(await seen(most)).toEqual(before);
  for (const ledger of [old, more, most]) expect(await ledger.runsOf([keyed(3, "b2").id])).toHaveLength(3);
});
