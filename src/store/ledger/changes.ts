// When something last changed in the ledger, by kind, for whoever watches. Each shard keeps its times in memory and answers
// them without a look at its tables; D1 is asked one statement of index seeks. Nothing is written for it.
import type { D1Database } from "@cloudflare/workers-types";
import type { Report } from "../../shapes/run.ts";
import type { Committed } from "./contract.ts";
import { settled, shardName } from "./shard-calls.ts";

/** Kinds of things that change. */
export const TOPICS = [
  "events",
  "runs",
  "items",
  "dead_letters",
  "rejections",
  "replays",
  "pipelines",
] as const;
export type Topic = (typeof TOPICS)[number];

export type ShardTopic = Extract<Topic, "events" | "runs" | "items" | "dead_letters">;
/** When each last changed, ms. */
export type ChangeTimes = Record<ShardTopic, number>;

/** Times of changes since a shard's object was started; what was before that is not known, and counts as its start. */
export class ShardChanges {
  readonly #times: ChangeTimes;
  readonly #now: () => number;

  constructor(now: () => number) {
    const at = now();
    this.#now = now;
    this.#times = { events: at, runs: at, items: at, dead_letters: at };
  }

  get times(): ChangeTimes {
    return { ...this.#times };
  }

  /** Later than the time before, however the clock runs. */
  note(...topics: readonly ShardTopic[]): void {
    for (const topic of topics) this.#times[topic] = Math.max(this.#times[topic] + 1, this.#now());
  }
}

/** What a commit changes. */
export const changedByCommit = (committed: readonly Committed[]): ShardTopic[] =>
  committed.some(({ runs }) => runs.length > 0) ? ["events", "runs"] : ["events"];

/** What reports change. */
export const changedByReports = (reports: readonly Report[]): ShardTopic[] => [
  "runs",
  ...(reports.some(({ items }) => items !== undefined) ? (["items"] as const) : []),
  ...(reports.some(({ status }) => status === "dead") ? (["dead_letters"] as const) : []),
];

/** Where shards say when they changed. */
export interface WatchedShards {
  getByName(name: string): { changed(): Promise<ChangeTimes> };
}

/** The times of some shards, by their numbers. @throws FailureError where one does not answer */
export const readShardChanges = (shards: WatchedShards, numbers: readonly number[]): Promise<ChangeTimes[]> =>
  settled(numbers.map((number) => shards.getByName(shardName(number)).changed()));

/** Marks of D1's small tables: a mark that is another than before means that its topic has changed. */
export async function readSmallChanges(
  db: D1Database,
): Promise<Record<Exclude<Topic, ShardTopic>, string | number | null>> {
  const row = await db.prepare(SMALL_CHANGES).first<Record<Exclude<Topic, ShardTopic>, string | number>>();
  return row ?? { rejections: null, replays: null, pipelines: null };
}

const SMALL_CHANGES = `
  SELECT
    (SELECT max(at) FROM rejections) AS rejections,
    (SELECT count(*) || ' ' || coalesce(max(moved_at), 0) FROM replays WHERE status IN ('active', 'paused'))
      || ' ' || coalesce((SELECT max(created_at) FROM replays), 0) AS replays,
    (SELECT count(*) || ' ' || coalesce(max(at), 0) FROM paused)
      || ' ' || coalesce((SELECT max(rowid) FROM deployments), 0) AS pipelines`;
