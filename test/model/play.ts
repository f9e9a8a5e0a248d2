// Plays many histories side by side on a running Weir, and says of each whether the collections came to agree
// with the bucket. What they should hold follows from what is in the bucket at the end, and from nothing else.
import type { Told } from "../support/client.ts";
import type { NetworkFault } from "../support/front.ts";
import type { Weir } from "../support/weir.ts";
import { changesOf, type History, type Key, ROUNDS, type Wait } from "./history.ts";

const BUCKET = "test-media";
const KEYS: Key[] = ["a", "b"];
const COLLECTIONS = { D1: "mirrored", R2: "mirrored_lake" } as const;
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

/** What became of one object of a history. `null` is nothing. */
export interface End {
  key: Key;
  bucket: string | null;
  D1: string | null;
  R2: string | null;
}
export interface Played {
  history: History;
  ends: End[];
  agrees: boolean;
  /** The name that its objects' keys begin with. */
  name: string;
}

let plays = 0;

export async function openModel(weir: Weir) {
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
  weir.front.faults = (path) => {
    if (!path.startsWith("/v1/objects/")) return undefined;
    const name = /\/(model\/\d+\/\d+\/[ab])\b/.exec(decodeURIComponent(path))?.[1] ?? "";
    const fault = reads.get(name);
    reads.delete(name);
    return fault;
  };

  /** Every history at once: a round of changes, then a round of telling, then the wait. */
  async function play(histories: History[], between: Wait[]): Promise<Played[]> {
    const run = plays++;
    const names = histories.map((_, n) => `model/${run}/${n}`);
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
          const told = await make(name, round, change);
          if (change.lost && !isLast) return;
          due.push({ round: Math.min(round + change.late, ROUNDS - 1), tell: () => tell(told, change) });
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
        const ends = await Promise.all(KEYS.map((key) => endOf(name, key)));
        const agrees = ends.every(({ bucket, D1, R2 }) => D1 === bucket && R2 === bucket);
        return { history, ends, agrees, name };
      }),
    );
  }

  type Planned = ReturnType<typeof changesOf>[number]["change"];

  async function make(name: string, round: number, { op, key, passes, throws }: Planned): Promise<Told> {
    const place = (key: Key) => `${name}/${key}`;
    const metadata = { keep: passes ? "yes" : "no", fails: String(throws) };
    const done = {
      put: () => weir.put(BUCKET, place(key), `${place(key)} of round ${round + 1}`, metadata),
      copy: () => weir.copy(BUCKET, place(key === "a" ? "b" : "a"), place(key)),
      metadata: () => weir.copy(BUCKET, place(key), place(key), metadata),
      delete: () => weir.remove(BUCKET, place(key)),
    };
    const told = await done[op]();
    if (!told) throw new Error(`there was nothing to copy for ${place(key)}`);
    return told;
  }

  async function tell(told: Told, { by, times }: Planned): Promise<void> {
    for (let n = 0; n < times; n++) {
      if (by !== "S3") await weir.notifyR2(told);
      if (by !== "R2") await deliver(told);
    }
  }
  async function deliver(told: Told): Promise<void> {
    const response = await weir.deliver("conn_media", weir.s3Records(told));
    if (response.status !== 202) throw new Error(`a delivery was answered ${response.status}`);
  }

  /** Waits until what was told so far is recorded and handed over: markers told after it have been. */
  async function recorded(name: string): Promise<void> {
    const marker = (by: string): Told => {
      const eventTime = new Date().toISOString();
      return { bucket: BUCKET, key: `${name}/${by}`, size: 1, eTag: `${name} ${by}`, eventTime };
    };
    await Promise.all([weir.notifyR2(marker("r2")), deliver(marker("s3"))]);
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

  async function endOf(name: string, key: Key): Promise<End> {
    const whole = `${name}/${key}`;
    const short = (text: string) => text.replaceAll(`${name}/`, "");
    const object = await weir.object(BUCKET, whole);
    const [D1, R2] = await Promise.all(
      Object.values(COLLECTIONS).map(async (collection) => {
        const found = await weir.items(collection, whole);
        if (found.length === 0) return null;
        return found.map(({ data }) => short(String(data.body))).join(" and ");
      }),
    );
    const bucket = object?.metadata.keep === "yes" ? short(object.body) : null;
    return { key, bucket, D1: D1 ?? null, R2: R2 ?? null };
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

  /** How often runs were tried, to show that the faults did strike. */
  async function tally(): Promise<{ events: number; runs: number; tried_again: number }> {
    const { results } = await ledger
      .prepare(
        `SELECT (SELECT count(*) FROM events WHERE key LIKE 'model/%') AS events, count(*) AS runs,
           coalesce(sum(attempt > 1), 0) AS tried_again FROM runs WHERE key LIKE 'model/%'`,
      )
      .all<{ events: number; runs: number; tried_again: number }>();
    return results[0] ?? { events: 0, runs: 0, tried_again: 0 };
  }

  return { play, ledgerOf, tally };
}
