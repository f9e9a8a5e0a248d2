// A shard's exact counts: counters of what is packed, and of endings that a run has left again, with the rows that are
// not packed yet added whenever somebody asks. Counters are written a pack at a time, never for a run.
import type { RunStatus } from "../../../shapes/run.ts";
import type { ShardCounts } from "../contract.ts";
import { countActivity } from "./activity.ts";
import { type HeldRun, OPEN } from "./held-runs.ts";
import { type PackedRun, successesInPacks } from "./packs.ts";
import { countSpending } from "./spending.ts";
import type { ShardTables } from "./tables.ts";

export const HOUR_MS = 3_600_000;

type TimedRun = { started_at?: number | null | undefined; ended_at?: number | null | undefined };

export const msOf = ({ started_at, ended_at }: TimedRun): number | undefined =>
  started_at == null || ended_at == null ? undefined : Math.max(0, ended_at - started_at);

/** Counts an ending that the run's row will no longer say. */
export function countEnding(tables: ShardTables, { alias, status, detail, closed_at }: HeldRun): void {
  addEnded(tables, alias, status, 1, (msOf(detail) ?? 0) / 1000);
  const kind = detail.letter?.failure.kind ?? detail.failure?.kind ?? null;
  // What it has used, and how long it took, is counted with its last ending.
  countActivity(tables, [{ alias, status, closed_at: closed_at ?? 0, kind, latency: null, measures: null }]);
}

/** Adds to the number of runs that have ended so. */
export function addEnded(
  tables: ShardTables,
  alias: string,
  status: string,
  runs: number,
  seconds: number,
): void {
  tables.database.all(
    `INSERT INTO ended (alias, status, runs, seconds) VALUES (?, ?, ?, ?)
     ON CONFLICT (alias, status) DO UPDATE SET runs = runs + excluded.runs, seconds = seconds + excluded.seconds`,
    alias,
    status,
    runs,
    seconds,
  );
}

/** Adds packed runs to the counters: a row for each that changes. Within the transaction that deletes their rows. */
export function countPacked(tables: ShardTables, packed: PackedRun[]): void {
  for (const same of Map.groupBy(packed, ({ run }) => JSON.stringify([run.alias, run.status])).values()) {
    const [{ run } = {}] = same;
    if (!run) continue;
    const seconds = same.reduce((sum, { run }) => sum + (msOf(run) ?? 0) / 1000, 0);
    addEnded(tables, run.alias, run.status, same.length, seconds);
  }
  countSuccesses(tables, packed);
  countSpending(tables, packed);
  countActivity(
    tables,
    packed.map(({ run, closed_at, latency }) => ({
      ...{ alias: run.alias, status: run.status, closed_at, latency },
      ...{ kind: run.failure?.kind ?? null, measures: run.measures ?? null },
    })),
  );
  const ofReplays = packed.filter(({ run }) => run.replay_id !== null);
  for (const same of Map.groupBy(ofReplays, ({ run }) =>
    JSON.stringify([run.replay_id, run.status]),
  ).values())
    tables.database.all(
      `INSERT INTO replays (replay_id, status, runs) VALUES (?, ?, ?)
       ON CONFLICT (replay_id, status) DO UPDATE SET runs = runs + excluded.runs`,
      same[0]?.run.replay_id,
      same[0]?.run.status,
      same.length,
    );
  const deltas = packed.flatMap(({ run, produced }) =>
    produced.map((delta) => ({ alias: run.alias, ...delta })),
  );
  for (const same of Map.groupBy(
    deltas,
    ({ alias, version, commit }) => `${alias} ${version} ${commit}`,
  ).values())
    tables.database.all(
      `INSERT INTO produced (alias, version, commit_id, objects, items) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (alias, version, commit_id) DO UPDATE SET
         objects = objects + excluded.objects, items = items + excluded.items`,
      same[0]?.alias,
      same[0]?.version,
      same[0]?.commit ?? "",
      same.reduce((sum, { objects }) => sum + objects, 0),
      same.reduce((sum, { items }) => sum + items, 0),
    );
}

/** Counts runs that succeeded by the hour of their end. */
export function countSuccesses(tables: ShardTables, packed: PackedRun[]): void {
  const succeeded = packed
    .filter(({ run }) => run.status === "succeeded")
    .map(({ run, closed_at }) => ({
      alias: run.alias,
      hour: Math.floor(closed_at / HOUR_MS),
      ms: msOf(run),
    }));
  for (const same of Map.groupBy(succeeded, ({ alias, hour }) => `${hour} ${alias}`).values())
    tables.database.all(
      `INSERT INTO successes (alias, hour, runs, timed, ms) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (alias, hour) DO UPDATE SET
         runs = runs + excluded.runs, timed = timed + excluded.timed, ms = ms + excluded.ms`,
      same[0]?.alias,
      same[0]?.hour,
      same.length,
      same.filter(({ ms }) => ms !== undefined).length,
      same.reduce((sum, { ms }) => sum + (ms ?? 0), 0),
    );
}

type StatusCount = { alias: string; status: RunStatus; runs: number };

/** Exact counts at this moment. */
export function countRuns(tables: ShardTables): Omit<ShardCounts, "bytes" | "limit_bytes" | "rows_written"> {
  const { database, runs } = tables;
  const ended = new Map<string, ShardCounts["ended"][number]>();
  const rows = [
    ...database.all<ShardCounts["ended"][number]>("SELECT alias, status, runs, seconds FROM ended"),
    ...[runs, "letters"].flatMap((table) =>
      database.all<ShardCounts["ended"][number]>(
        `SELECT alias, status, count(*) AS runs,
           coalesce(sum(max(0, detail ->> '$.ended_at' - detail ->> '$.started_at')), 0) / 1000.0 AS seconds
         FROM ${table} WHERE status NOT IN ${OPEN} GROUP BY alias, status`,
      ),
    ),
  ];
  for (const row of rows) {
    const name = `${row.status} ${row.alias}`;
    const sum = ended.get(name);
    if (!sum) ended.set(name, { ...row });
    else {
      sum.runs += row.runs;
      sum.seconds += row.seconds;
    }
  }
  return {
    ended: [...ended.values()],
    open: database.all(
      `SELECT alias, status, count(*) AS runs, min(created_at) AS oldest FROM ${runs}
       WHERE status IN ${OPEN} GROUP BY alias, status`,
    ),
    letters: database.all("SELECT alias, count(*) AS letters FROM letters GROUP BY alias"),
  };
}

/** Number of a pipeline's runs that succeeded since a time, by the shard's clock, and their mean duration, ms. */
export function countSuccess(
  tables: ShardTables,
  alias: string,
  since: number,
): { runs: number; ms: number | null } {
  const firstHour = Math.floor(since / HOUR_MS);
  const held = tables.database.all<TimedRun>(
    `SELECT detail ->> '$.started_at' AS started_at, detail ->> '$.ended_at' AS ended_at FROM ${tables.runs}
     WHERE alias = ? AND status = 'succeeded' AND closed_at >= ?`,
    alias,
    since,
  );
  // Of the hour that has begun before, what the packs say.
  const single = [...held, ...successesInPacks(tables, alias, since, (firstHour + 1) * HOUR_MS)].map(msOf);
  const hours = tables.database.first<{ runs: number; timed: number; ms: number }>(
    `SELECT coalesce(sum(runs), 0) AS runs, coalesce(sum(timed), 0) AS timed, coalesce(sum(ms), 0) AS ms
     FROM successes WHERE alias = ? AND hour > ?`,
    alias,
    firstHour,
  ) ?? { runs: 0, timed: 0, ms: 0 };
  const timed = single.filter((ms) => ms !== undefined);
  const count = hours.timed + timed.length;
  const ms = hours.ms + timed.reduce((sum, one) => sum + one, 0);
  return { runs: hours.runs + single.length, ms: count === 0 ? null : ms / count };
}

/** Runs of a replay by status. */
export function countReplay(tables: ShardTables, replayId: string): Record<string, number> {
  const rows = [
    ...tables.database.all<StatusCount>("SELECT status, runs FROM replays WHERE replay_id = ?", replayId),
    ...[tables.runs, "letters"].flatMap((table) =>
      tables.database.all<StatusCount>(
        `SELECT status, count(*) AS runs FROM ${table} WHERE replay_id = ? GROUP BY status`,
        replayId,
      ),
    ),
  ];
  const progress: Record<string, number> = {};
  for (const { status, runs } of rows) progress[status] = (progress[status] ?? 0) + runs;
  return progress;
}
