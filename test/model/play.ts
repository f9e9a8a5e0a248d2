// Plays many histories side by side on a running Weir, and says of each whether the collections came to agree
// with the bucket. What they should hold follows from what is in the bucket at the end, and from nothing else.
import type { Told } from "../support/client.ts";
import type { NetworkFault } from "../support/front.ts";
import type { VersionedStore } from "../support/versioned-store.ts";
import type { Weir } from "../support/weir.ts";
import { BUCKETS, openDeeds } from "./deeds.ts";
import {
  type Change,
  changesOf,
  type History,
  type Key,
  lastChangeOf,
  ROUNDS,
  type Wait,
} from "./history.ts";

const KEYS: Key[] = ["a", "b"];
const PATIENCE_MS = 120_000;
/** One replacement of a set in so many fails in D1, and is tried again. */
const REFUSED_WRITES = 8;

export interface Ledger {
  prepare(sql: string): {
    run(): Promise<unknown>;
    all<T>(): Promise<{ results: T[] }>;
    bind(...values: unknown[]): { all<T>(): Promise<{ results: T[] }> };
  };
}

/** What is there, or held, of an object: its text, or nothing. */
type Content = string | null;

/** What became of one object of a history. */
export interface End {
  key: Key;
  bucket: Content;
  /** What each collection holds of it, and what it may hold. */
  held: { collection: string; is: Content; may: Content[] }[];
}

/**
 * What may be held of an object, by what is in the bucket at the end and, where the filter has a part about the event,
 * by what was last done to the object: refused for the event's sake, it may have items all the same, as an object that
 * had some is followed; but never of other bytes.
 */
const COLLECTIONS: Record<
  History["store"],
  Record<string, (is: Content, keep: boolean, last?: Change) => Content[]>
> = {
  R2: {
    mirrored: (is, keep) => [keep ? is : null],
    mirrored_lake: (is, keep) => [keep ? is : null],
  },
  versions: {
    read: (is) => [is],
    created: (is, keep) => [keep ? is : null],
    followed: (is, _, last) => (last && isTaken(last) ? [is] : [is, null]),
  },
};
export interface Played {
  history: History;
  ends: End[];
  agrees: boolean;
  /** The name that its objects' keys begin with. */
  name: string;
}

let plays = 0;

/** EventBridge calls every creation the same. */
const isTaken = ({ op, by }: Change) => op === "bring up" || (op === "put" && by === "S3");

export async function openModel(weir: Weir, store: VersionedStore) {
  const deeds = openDeeds(weir, store);
  const { LEDGER: ledger, D1_TEST_ITEMS: items } = await weir.harness
    .getWorker<{ LEDGER: Ledger; D1_TEST_ITEMS: Ledger }>("weir")
    .getEnv();
  await items
    .prepare(
      `CREATE TRIGGER now_and_then BEFORE UPDATE OF committed ON item_sets
       WHEN new.committed IS NOT old.committed AND random() % ${REFUSED_WRITES} = 0
       BEGIN SELECT RAISE(ABORT, 'Network connection lost.'); END`,
    )
    .run();
  // Prepared once: the harness prepares with this whole process standing still, the front in it too.
  const open = ledger.prepare("SELECT id, status FROM runs WHERE due_at IS NOT NULL");
  const reads = new Map<string, NetworkFault>();
  const faultOf = (path: string) => {
    const name = /\/((followed|model)\/\d+\/\d+\/[ab])\b/.exec(decodeURIComponent(path))?.[1] ?? "";
    const fault = reads.get(name);
    reads.delete(name);
    return fault;
  };
  weir.front.faults = (path) => (path.startsWith("/v1/objects/") ? faultOf(path) : undefined);
  store.faults = faultOf;

  /** Every history at once: a round of changes, then a round of telling, then the wait. */
  async function play(histories: History[], between: Wait[]): Promise<Played[]> {
    const run = plays++;
    const names = histories.map(({ store }, n) => `${store === "R2" ? "model" : "followed"}/${run}/${n}`);
    const due: { round: number; tell(): Promise<void> }[] = [];
    const planned = histories.map(changesOf);
    for (let round = 0; round < ROUNDS; round++) {
      await Promise.all(
        planned.map(async (changes, n) => {
          const now = changes.find((it) => it.round === round);
          if (!now) return;
          const { change, isLast } = now;
          const name = names[n] as string;
          if (change.read !== "whole") reads.set(`${name}/${change.key}`, change.read);
          const tell = await deeds[histories[n]?.store ?? "R2"](name, round, change);
          if (change.lost && !isLast) return;
          const often = async () => {
            for (let time = 0; time < change.times; time++) await tell(change.by);
          };
          due.push({ round: Math.min(round + change.late, ROUNDS - 1), tell: often });
        }),
      );
      await Promise.all(due.filter((one) => one.round === round).map((one) => one.tell()));
      const wait = round === ROUNDS - 1 ? "ended" : between[round];
      if (wait !== "nothing") await recorded(`marker/${run}/${round}`);
      if (wait === "ended") await ended();
    }
    return Promise.all(
      histories.map(async (history, n) => {
        const name = names[n] as string;
        const ends = await Promise.all(KEYS.map((key) => endOf(history, name, key)));
        const agrees = ends.every(({ held }) => held.every(({ is, may }) => may.includes(is)));
        return { history, ends, agrees, name };
      }),
    );
  }

  /** Waits until what was told so far is recorded and handed over: markers told after it have been. */
  async function recorded(name: string): Promise<void> {
    const marker = (by: string): Told => {
      const eventTime = new Date().toISOString();
      return { bucket: BUCKETS.R2, key: `${name}/${by}`, size: 1, eTag: `${name} ${by}`, eventTime };
    };
    await Promise.all([weir.notifyR2(marker("r2")), deeds.deliver(marker("s3"))]);
    for (const by of ["r2", "s3"]) {
      const events = () =>
        weir.read<{ data: unknown[] }>(`/v1/events?key=${encodeURIComponent(marker(by).key)}`);
      await weir.until(events, ({ data }) => data.length === 1, PATIENCE_MS);
    }
  }

  /** Waits until every run has ended: asked at one moment, so that none moves on between two questions. */
  const ended = () =>
    weir.until(
      () => open.all<object>(),
      ({ results }) => results.length === 0,
      PATIENCE_MS,
    );

  async function endOf(history: History, name: string, key: Key): Promise<End> {
    const whole = `${name}/${key}`;
    const short = (text: string) => text.replaceAll(`${name}/`, "");
    const bucket = BUCKETS[history.store];
    const object = history.store === "R2" ? await weir.object(bucket, whole) : store.object(bucket, whole);
    const is = object && short(object.body);
    const last = lastChangeOf(history, key);
    const held = Object.entries(COLLECTIONS[history.store]).map(async ([collection, mayHold]) => {
      const found = await weir.items(collection, whole);
      const texts = found.map(({ data }) => short(String(data.body ?? data.text)));
      const may = mayHold(is, object?.metadata.keep === "yes", last);
      return { collection, is: texts.length === 0 ? null : texts.join(" and "), may };
    });
    return { key, bucket: is, held: await Promise.all(held) };
  }

  /** What the ledger has of a history's objects, in the order of events. */
  async function ledgerOf(name: string): Promise<string> {
    const { results } = await ledger
      .prepare(
        `SELECT e.key, e.time, e.sender, e.envelope ->> '$.operation' AS operation, (
           SELECT group_concat(h.alias || ' ' || h.steps || coalesce(', ' || h.reason, '') || coalesce(', items: ' || h.items, ''), '; ')
           FROM (SELECT r.alias, r.reason, r.items, (
               SELECT group_concat(s.status, ' → ') FROM (SELECT status FROM run_history WHERE run_id = r.id ORDER BY at, rowid) AS s) AS steps
             FROM runs AS r WHERE r.event_id = e.id) AS h) AS runs
         FROM events AS e WHERE e.key >= ?1 || '/' AND e.key < ?1 || '0' ORDER BY e.received_at, e.id`,
      )
      .bind(name)
      .all<{ key: string; time: string; sender: string; operation: string; runs: string | null }>();
    return results
      .map(
        ({ key, time, sender, operation, runs }) =>
          `  ${time.slice(17)} ${key.replace(`${name}/`, "")} ${operation} (${sender}): ${runs ?? "no run"}`,
      )
      .join("\n");
  }

  /** How often runs were tried, to show that the faults did strike; and what accesses have led to. */
  async function tally(): Promise<Tally> {
    const { results } = await ledger
      .prepare(
        `SELECT (SELECT count(*) FROM events WHERE ${OURS}) AS events, count(*) AS runs,
           coalesce(sum(attempt > 1), 0) AS tried_again,
           (SELECT count(*) FROM events WHERE ${OURS} AND type = 'accessed') AS accesses,
           (SELECT count(*) FROM runs AS r JOIN events AS e ON e.id = r.event_id WHERE e.type = 'accessed') AS accesses_run
         FROM runs WHERE ${OURS}`,
      )
      .all<Tally>();
    return results[0] ?? { events: 0, runs: 0, tried_again: 0, accesses: 0, accesses_run: 0 };
  }

  return { play, ledgerOf, tally };
}

interface Tally {
  events: number;
  runs: number;
  tried_again: number;
  accesses: number;
  accesses_run: number;
}

const OURS = "(key LIKE 'model/%' OR key LIKE 'followed/%')";
