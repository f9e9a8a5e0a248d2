// All shards of the ledger: finds the one of an event or of an object, groups what is committed and finished by shard,
// one call each, and merges the answers of all.
import { Buffer } from "node:buffer";
import type { Event } from "../../shapes/event.ts";
import { keyBitsOf, shardOf } from "../../shapes/event-id.ts";
import type { Failure } from "../../shapes/failure.ts";
import { addRuns, noRuns } from "../../shapes/measures.ts";
import type { Report } from "../../shapes/run.ts";
import { storeFailure } from "../failure.ts";
import type { RunOnRecord } from "../log/contract.ts";
import type * as contract from "./contract.ts";
import {
  addSpent,
  mergeActivity,
  mergeCauses,
  mergeSorted,
  sumCounts,
  sumProduced,
  sumSpending,
} from "./merge.ts";
import { openCalls, type ShardCalls, type ShardNamespace, settled } from "./shard-calls.ts";

/** What became of an event that was to be committed; `failure` where its shard did not take it. */
export type CommitResult = contract.Committed & { failure?: Failure };

type ObjectName = Pick<Event, "connection" | "bucket" | "key">;

/** The shards of a ledger. Errors of a shard are thrown as `FailureError`. */
export interface Shards
  extends Omit<contract.Shard, "commit" | "counts" | "takeOld" | "erase" | "eraseIdentities"> {
  readonly count: number;
  /** The shard of an event, by its id. */
  ofEvent(eventId: string): contract.Shard;
  /** The shard of an object, by its key. */
  ofKey(key: string): contract.Shard;
  all(): contract.Shard[];
  /** In the order of the events. A shard that fails costs its own events only. */
  commit(events: contract.CommitEvent[], options: contract.CommitOptions): Promise<CommitResult[]>;
  /**
   * Raises the number of shards, from this one. First without `move`: every shard learns of it, and callers may use
   * either number for what they do to an event or an object. When all who read lists and counts use the new one, with
   * `move`. Returns whether everything has moved; again is no change.
   */
  split(plan: contract.SplitPlan): Promise<boolean>;
  /** Sums; `shards` has the sizes of each. */
  counts(): Promise<contract.ShardCounts & { shards: { bytes: number; limit_bytes: number }[] }>;
}

/** Opens the shards: `count` of them, a power of two. */
export function openShards(namespace: ShardNamespace, count: number): Shards {
  const calls = openCalls(namespace, count);
  const { shard, numbers, numberOfEvent } = calls;
  return {
    count,
    ofEvent: (eventId) => shard(numberOfEvent(eventId)),
    ofKey: (key) => shard(shardOf(keyBitsOf(key), count)),
    all: () => numbers.map(shard),
    commit: (events, options) => commitTo(shard, numberOfEvent, events, options),
    split: async (plan) => (await calls.onAll((one) => one.split(plan))).every((done) => done),
    ...writesOf(calls),
    ...readsOf(calls, count),
  };
}

type Writes = "unsent" | "finish" | "bury" | "cancel" | "release" | "redrive" | "drop";

function writesOf({ onAll, onTheirs, inTurn, numberOfRun }: ShardCalls): Pick<Shards, Writes> {
  return {
    async unsent(runIds, now) {
      await onTheirs(runIds, numberOfRun, (one, ids) => one.unsent(ids, now));
    },
    async finish(reports, options) {
      const unknown = await onTheirs(
        reports,
        ({ run_id }: Report) => numberOfRun(run_id),
        (one, group) => one.finish(group, options),
      );
      return unknown.flat();
    },
    async bury(dead, now) {
      await onTheirs(
        dead,
        ({ job }) => numberOfRun(job.run_id),
        (one, group) => one.bury(group, now),
      );
    },
    cancel: async (runIds, reason, now) =>
      total(await onTheirs(runIds, numberOfRun, (one, ids) => one.cancel(ids, reason, now))),
    release: async (alias, now, limit) =>
      limit === undefined
        ? (await onAll((one) => one.release(alias, now))).flat()
        : inTurn(limit, (one, rest) => one.release(alias, now, rest)),
    async redrive(choice, options) {
      if (!choice.run_ids)
        return inTurn(options.limit, (one, limit) => one.redrive(choice, { ...options, limit }));
      const runs = await onTheirs(choice.run_ids.slice(0, options.limit), numberOfRun, (one, run_ids) =>
        one.redrive({ ...choice, run_ids }, options),
      );
      return runs.flat();
    },
    drop: async (choice, reason, now) =>
      total(
        choice.run_ids
          ? await onTheirs(choice.run_ids, numberOfRun, (one, run_ids) =>
              one.drop({ ...choice, run_ids }, reason, now),
            )
          : await onAll((one) => one.drop(choice, reason, now)),
      ),
  };
}

type Reads = Exclude<keyof Shards, Writes | "commit" | "split" | "count" | "ofEvent" | "ofKey" | "all">;

function readsOf(
  { shard, onAll, onTheirs, numberOfEvent, numberOfRun }: ShardCalls,
  count: number,
): Pick<Shards, Reads> {
  return {
    letters: async (query) =>
      mergeSorted(
        await onAll((one) => one.letters(query)),
        newestLetterFirst,
        query.limit,
        ({ run_id }) => run_id,
      ),
    letter: async (runId) => {
      const at = numberOfRun(runId);
      return at === undefined ? null : ((await settled([shard(at).letter(runId)]))[0] ?? null);
    },
    causes: async (alias) => mergeCauses(await onAll((one) => one.causes(alias))),
    runs: async (query) =>
      mergeSorted(await onAll((one) => one.runs(query)), newestRunFirst, query.limit, ({ id }) => id),
    runsOf: async (eventIds) =>
      (await onTheirs(eventIds, numberOfEvent, (one, ids) => one.runsOf(ids))).flat(),
    counts: async () => sumCounts(await onAll((one) => one.counts())),
    activity: async (since) => mergeActivity(await onAll((one) => one.activity(since))),
    async successes(alias, since) {
      const sums = await onAll((one) => one.successes(alias, since));
      const timed = sums.filter(({ ms }) => ms !== null);
      const runs = timed.reduce((sum, one) => sum + one.runs, 0);
      const ms = timed.reduce((sum, one) => sum + one.runs * (one.ms ?? 0), 0);
      return { runs: sums.reduce((sum, one) => sum + one.runs, 0), ms: runs === 0 ? null : ms / runs };
    },
    async progress(replayId) {
      const progress: Record<string, number> = {};
      for (const part of await onAll((one) => one.progress(replayId)))
        for (const [status, runs] of Object.entries(part)) progress[status] = (progress[status] ?? 0) + runs;
      return progress;
    },
    spending: async () => sumSpending(await onAll((one) => one.spending())),
    handled: async (alias, since) =>
      (await onAll((one) => one.handled(alias, since))).reduce(addRuns, noRuns()),
    replaySpending: async (replayId) =>
      (await onAll((one) => one.replaySpending(replayId))).reduce(addSpent, { runs: 0, measures: {} }),
    tracked: async (query) =>
      mergeSorted(await onAll((one) => one.tracked(query)), byObject, query.limit, (object) =>
        JSON.stringify(placeOfObject(object)),
      ),
    under: async (prefix, limit) => (await onAll((one) => one.under(prefix, limit))).flat(),
    async held(alias, objects) {
      const numberOf = ({ key }: ObjectName) => shardOf(keyBitsOf(key), count);
      const sums = await onTheirs(objects, numberOf, (one, group) => one.held(alias, group));
      return {
        objects: total(sums.map((sum) => sum.objects)),
        items: total(sums.map((sum) => sum.items)),
      };
    },
    produced: async (alias) => sumProduced(await onAll((one) => one.produced(alias))),
  };
}

async function commitTo(
  shard: (number: number) => contract.Shard,
  numberOfEvent: (eventId: string) => number,
  events: contract.CommitEvent[],
  options: contract.CommitOptions,
): Promise<CommitResult[]> {
  const results = new Map<contract.CommitEvent, CommitResult>();
  const groups = Map.groupBy(events, ({ event }) => numberOfEvent(event.id));
  await Promise.all(
    [...groups].map(async ([at, group]) => {
      try {
        const committed = await shard(at).commit(group, options);
        for (const [index, commit] of group.entries()) {
          const result = committed[index];
          if (result) results.set(commit, result);
        }
      } catch (error) {
        const failure = storeFailure(error);
        for (const commit of group) results.set(commit, { id: commit.event.id, runs: [], failure });
      }
    }),
  );
  return events.flatMap((commit) => results.get(commit) ?? []);
}

const total = (numbers: number[]) => numbers.reduce((sum, one) => sum + one, 0);

const compare = <T extends string | number>(a: T, b: T) => (a < b ? -1 : a > b ? 1 : 0);
const newestRunFirst = (a: RunOnRecord, b: RunOnRecord) =>
  compare(b.created_at, a.created_at) || compare(b.id, a.id);
const newestLetterFirst = (a: contract.Letter, b: contract.Letter) =>
  compare(b.at, a.at) || compare(b.run_id, a.run_id);
const placeOfObject = ({ bucket, key, connection }: contract.TrackedObject) =>
  [bucket, key, connection] as const;
const byObject = (a: contract.TrackedObject, b: contract.TrackedObject) =>
  compareUtf8(a.bucket, b.bucket) || compareUtf8(a.key, b.key) || compareUtf8(a.connection, b.connection);

/** As SQLite compares texts: by their UTF-8 bytes, which differs from JavaScript's order past U+D7FF. */
const compareUtf8 = (a: string, b: string) => (a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b)));
