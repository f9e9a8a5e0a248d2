// Plays many histories side by side on a running Weir, and says of each whether the collections came to agree
// with the bucket. What they should hold follows from what is in the bucket at the end, and from nothing else.
import type { Run, Told } from "../support/client.ts";
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

interface Database {
  prepare(sql: string): { run(): Promise<unknown> };
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
  const { D1_TEST_ITEMS: items } = await weir.harness.getWorker<{ D1_TEST_ITEMS: Database }>("weir").getEnv();
  await items
    .prepare(
      `CREATE TRIGGER now_and_then BEFORE UPDATE OF committed ON item_sets
       WHEN new.committed IS NOT old.committed AND random() % ${REFUSED_WRITES} = 0
       BEGIN SELECT RAISE(ABORT, 'Network connection lost.'); END`,
    )
    .run();
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

  /** Waits until every run has ended, by the counts of the metrics. */
  const ended = () =>
    weir.until(
      async () => (await weir.api("/metrics")).text(),
      (metrics) => !metrics.includes("\nweir_runs_open{"),
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
    const { events, runs } = await onRecord();
    const runsOf = Map.groupBy(runs, ({ event_id }) => event_id);
    return events
      .filter(({ key }) => key.startsWith(`${name}/`))
      .reverse()
      .map(({ id, key, time, sender, operation }) => {
        const tried = (runsOf.get(id) ?? []).map(
          ({ alias, status, attempt, reason, items: count }) =>
            `${alias} ${status} at ${attempt}, ${reason ?? "no reason"}, items: ${count}`,
        );
        const what = `${time.slice(17)} ${key.replace(`${name}/`, "")} ${operation} (${sender})`;
        return `  ${what}: ${tried.join("; ") || "no run"}`;
      })
      .join("\n");
  }

  /** Events and runs of the histories. */
  async function onRecord(): Promise<{ events: RecordedEvent[]; runs: RecordedRun[] }> {
    const [events, runs] = await Promise.all([
      weir.all<RecordedEvent>("/v1/events"),
      weir.all<RecordedRun>("/v1/runs"),
    ]);
    const isOurs = (key: string) => /^(model|followed)\//.test(key);
    return {
      events: events.filter(({ key }) => isOurs(key)),
      runs: runs.filter(({ object }) => isOurs(object.key)),
    };
  }

  /** How often runs were tried, to show that the faults did strike; and what accesses have led to. */
  async function tally(): Promise<Tally> {
    const { events, runs } = await onRecord();
    const accesses = new Set(events.flatMap(({ id, type }) => (type === "accessed" ? [id] : [])));
    return {
      events: events.length,
      runs: runs.length,
      tried_again: runs.filter(({ attempt }) => attempt > 1).length,
      accesses: accesses.size,
      accesses_run: runs.filter(({ event_id }) => accesses.has(event_id)).length,
    };
  }

  /** How many sets the indexes have otherwise than their collections, before and after the sweep of one minute. */
  async function indexes(): Promise<{ before: number; after: number }> {
    const names = Object.values(COLLECTIONS).flatMap((ends) => Object.keys(ends));
    const differing = async () =>
      (await Promise.all(names.map(differingIn))).reduce((sum, count) => sum + count);
    const before = await differing();
    await weir.ringCron();
    return { before, after: await differing() };
  }

  async function differingIn(collection: string): Promise<number> {
    let count = 0;
    let cursor: string | undefined;
    do {
      const page = await weir.read<ComparedIndex>(
        `/v1/collections/${collection}/index${cursor === undefined ? "" : `?cursor=${encodeURIComponent(cursor)}`}`,
      );
      const { missing, stale, extra } = page.differing;
      count += missing + stale + extra;
      cursor = page.next;
    } while (cursor !== undefined);
    return count;
  }

  return { play, ledgerOf, tally, indexes };
}

interface RecordedEvent {
  id: string;
  key: string;
  time: string;
  type: string;
  sender: string;
  operation: string;
}
interface ComparedIndex {
  differing: { missing: number; stale: number; extra: number };
  next?: string;
}
type RecordedRun = Run & { object: { key: string } };

interface Tally {
  events: number;
  runs: number;
  tried_again: number;
  accesses: number;
  accesses_run: number;
}
