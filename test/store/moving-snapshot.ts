// What is known of events, runs, letters, objects and counts, in one shape: as the tables of before have it, and as the
// shards and the log do. The same before a move and after it.
import type { D1Database, R2Bucket } from "@cloudflare/workers-types";
import type { Event } from "../../src/shapes/event.ts";
import { hexOfId, runId } from "../../src/shapes/event-id.ts";
import { readLoose } from "../../src/store/log/files.ts";
import { isRunLine } from "../../src/store/log/lines.ts";
import { mergeLines } from "../../src/store/log/merge.ts";
import type { EventStores } from "../../src/store/stores.ts";
import { currentIdOf, REPLAY } from "./moving-given.ts";

export interface Snapshot {
  /** Each event with its outcome. */
  events: string[];
  /** Each run as it is listed: state, attempt, times, history. */
  runs: string[];
  /** Runs that have ended and have no letter, as they are beside their events. */
  logged: string[];
  letters: string[];
  tracked: string[];
  ended: Record<string, [runs: number, seconds: number]>;
  open: Record<string, number>;
  progress: Record<string, number>;
  produced: string[];
}

const text = (...values: unknown[]) => JSON.stringify(values);
const MANY = 1_000_000;
const FINAL = ["succeeded", "skipped", "cancelled"];

interface OldRow {
  [name: string]: string | number | null;
}

/** `given` are all events, those in the archive among them. */
export async function snapshotOld(
  db: D1Database,
  given: { event: Event; archived: boolean; status?: string }[],
): Promise<Snapshot> {
  const all = async (sql: string) => (await db.prepare(sql).all<OldRow>()).results;
  const ids = new Map(given.map(({ event }) => [event.id, currentIdOf(event)]));
  const idOf = (id: unknown) => ids.get(String(id)) ?? "";
  const states = Map.groupBy(
    await all("SELECT run_id, at, status, attempt, cause FROM run_history ORDER BY run_id, at, rowid"),
    ({ run_id }) => run_id,
  );
  const historyOf = (id: unknown) => (states.get(id as string) ?? []).map(({ run_id: _, ...state }) => state);
  const rows = await all("SELECT * FROM runs");
  const run = (row: OldRow) =>
    text(
      ...[runId(idOf(row.event_id), String(row.alias)), row.status, row.progress, row.attempt, row.replay_id],
      ...[row.created_at, row.ended_at, row.items, row.failure && JSON.parse(String(row.failure))],
      historyOf(row.id),
    );
  const outcomes = new Map((await all("SELECT id, outcome FROM events")).map((row) => [row.id, row.outcome]));
  const archivedOutcome = (status?: string) =>
    JSON.stringify({ matched: status ? ["aa"] : [], refused: [], refused_count: 0 });
  const outcomeOf = ({ event, archived, status }: (typeof given)[number]) =>
    archived ? archivedOutcome(status) : outcomes.get(event.id);
  const letters = await all("SELECT * FROM dead_letters");
  const eventOfRun = new Map(rows.map((row) => [row.id, row.event_id]));
  const progress = await all(
    `SELECT status, sum(runs) AS runs FROM (
       SELECT status, count(*) AS runs FROM runs WHERE replay_id = '${REPLAY}' GROUP BY status
       UNION ALL SELECT status, runs FROM replay_counts WHERE replay_id = '${REPLAY}') GROUP BY status`,
  );
  const archivedRuns = given.filter(({ archived, status }) => archived && status);
  return {
    events: given
      .map((one) => text(currentIdOf(one.event), { ...one.event, id: 0 }, JSON.parse(String(outcomeOf(one)))))
      .sort(),
    runs: rows.map(run).sort(),
    logged: [
      ...rows
        .filter((row) => FINAL.includes(String(row.status)))
        .map((row) =>
          text(runId(idOf(row.event_id), String(row.alias)), row.status, row.items, historyOf(row.id).length),
        ),
      ...archivedRuns.map(({ event, status }) => text(runId(currentIdOf(event), "aa"), status, 2, 1)),
    ].sort(),
    letters: letters
      .map((row) =>
        text(
          runId(idOf(eventOfRun.get(row.run_id)), String(row.alias)),
          ...[row.attempts, row.at, JSON.parse(String(row.failure))],
        ),
      )
      .sort(),
    tracked: (await all("SELECT * FROM tracked WHERE items > 0"))
      .map((row) => text(row.key, row.alias, row.run_id, row.items, row.version, row.stored_at))
      .sort(),
    ended: Object.fromEntries(
      (await all("SELECT status, runs, seconds FROM tallies")).map(({ status, runs, seconds }) => [
        status,
        [Number(runs), Math.round(Number(seconds) * 10)],
      ]),
    ),
    open: Object.fromEntries(
      (
        await all(
          `SELECT status, count(*) AS runs FROM runs
           WHERE status IN ('pending', 'queued', 'running', 'failed') GROUP BY status`,
        )
      ).map(({ status, runs }) => [status, Number(runs)]),
    ),
    progress: Object.fromEntries(progress.map(({ status, runs }) => [status, Number(runs)])),
    produced: (
      await all(
        `SELECT version, commit_id, count(*) AS objects, sum(items) AS items FROM tracked
         WHERE items > 0 GROUP BY version, commit_id`,
      )
    ).map((row) => text(row.version, row.commit_id, row.objects, row.items)),
  };
}

export async function snapshotNew({ shards }: EventStores, archive: R2Bucket): Promise<Snapshot> {
  const lines = (await readLog(archive)).map(({ line }) => line);
  const events = lines.flatMap((line) => (isRunLine(line) ? [] : [line]));
  const runs = await shards.runs({ limit: MANY });
  const { ended, open } = await shards.counts();
  return {
    events: events.map(({ event, outcome }) => text(event.id, { ...event, id: 0 }, outcome)).sort(),
    runs: runs
      .map((run) =>
        text(
          ...[run.id, run.status, run.progress, run.attempt, run.replay_id],
          ...[run.created_at, run.ended_at, run.items, run.failure, run.history],
        ),
      )
      .sort(),
    logged: lines
      .flatMap((line) => (isRunLine(line) ? [line.run] : (line.runs ?? [])))
      .map(({ id, status, items, history }) => text(id, status, items, history.length))
      .sort(),
    letters: (await shards.letters({ limit: MANY }))
      .map(({ run_id, attempts, at, failure }) => text(run_id, attempts, at, failure))
      .sort(),
    tracked: (await shards.tracked({ alias: "aa", limit: MANY }))
      .map(({ key, alias, run_id, items, version, stored_at }) =>
        text(key, alias, run_id, items, version, stored_at),
      )
      .sort(),
    // A shard alone may have fewer than none: the counts of all that ended are in the first.
    ended: Object.fromEntries(
      ended.map(({ status, runs, seconds }) => [status, [runs, Math.round(seconds * 10)]]),
    ),
    open: Object.fromEntries(open.map(({ status, runs }) => [status, runs])),
    progress: await shards.progress(REPLAY),
    produced: (await shards.produced("aa")).map(({ version, commit, objects, items }) =>
      text(version, commit, objects, items),
    ),
  };
}

async function readLog(archive: R2Bucket) {
  const lines: Awaited<ReturnType<typeof readLoose>> = [];
  for (let cursor: string | undefined; ; ) {
    const page = await archive.list({ prefix: "log-new/", ...(cursor !== undefined && { cursor }) });
    for (let at = 0; at < page.objects.length; at += 20) {
      const some = page.objects.slice(at, at + 20);
      for (const read of await Promise.all(some.map(({ key }) => readLoose(archive, key))))
        lines.push(...read);
    }
    if (!page.truncated) return mergeLines(lines);
    cursor = page.cursor;
  }
}

export const oldRunIdOf = ({ id }: Event) => `run_${hexOfId(id)}_aa`;
