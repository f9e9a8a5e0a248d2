// What has ended in each quarter of an hour, for the last days: as the other counters it is written a pack at a time, and
// what is not packed yet is added whenever somebody asks. Only kinds and numbers are kept, nothing of an object.
import { addCounts, classOf } from "../../../shapes/latency.ts";
import { addMeasures, type RunMeasures } from "../../../shapes/measures.ts";
import type { RunStatus } from "../../../shapes/run.ts";
import type { QuarterCounts, ShardActivity } from "../contract.ts";
import { OPEN, type ProducedDelta } from "./held-runs.ts";
import type { ShardTables } from "./tables.ts";

export const QUARTER_MS = 900_000;
/** Days for which quarters are kept. */
const QUARTER_DAYS = 8;
/** Rows that are not packed yet and are looked at: of more, the newest letters are left out. */
const MAX_UNPACKED = 20_000;

/** A run that has ended, as it is counted. */
export interface EndedRun {
  alias: string;
  status: RunStatus;
  closed_at: number;
  /** Kind of its failure. */
  kind: string | null;
  /** From its event to when its items were stored, ms. */
  latency: number | null;
  measures: RunMeasures | null;
}

/** Counts of runs by quarter and pipeline. */
function countQuarters(runs: readonly EndedRun[]): QuarterCounts[] {
  const counts = new Map<string, QuarterCounts>();
  for (const { alias, status, closed_at, kind, latency, measures } of runs) {
    const quarter = Math.floor(closed_at / QUARTER_MS);
    const name = `${quarter} ${alias}`;
    const count = counts.get(name) ?? {
      ...{ quarter, alias, ended: {}, failures: {}, latencies: {}, measured: 0, measures: {} },
    };
    counts.set(name, {
      ...{ quarter, alias, ended: addCounts(count.ended, { [status]: 1 }) },
      failures: status === "dead" ? addCounts(count.failures, { [kind ?? "internal"]: 1 }) : count.failures,
      latencies: latency === null ? count.latencies : addCounts(count.latencies, { [classOf(latency)]: 1 }),
      measured: count.measured + (measures ? 1 : 0),
      measures: measures ? addMeasures(count.measures, measures) : count.measures,
    } as QuarterCounts);
  }
  return [...counts.values()];
}

type StoredQuarter = { quarter: number; alias: string; sums: string };

const quarterOf = ({ quarter, alias, sums }: StoredQuarter): QuarterCounts => ({
  ...{ quarter, alias },
  ...(JSON.parse(sums) as Omit<QuarterCounts, "quarter" | "alias">),
});

/** Both counts of one quarter and pipeline. */
export const addQuarters = (a: QuarterCounts, b: QuarterCounts): QuarterCounts => ({
  ...{ quarter: a.quarter, alias: a.alias, ended: addCounts(a.ended, b.ended) },
  failures: addCounts(a.failures, b.failures) as Record<string, number>,
  latencies: addCounts(a.latencies, b.latencies) as Record<string, number>,
  measured: a.measured + b.measured,
  measures: addMeasures(a.measures, b.measures),
});

/** Adds packed runs to their quarters: a row for each. Within the transaction that deletes their rows. */
export function countActivity(tables: ShardTables, packed: readonly EndedRun[]): void {
  for (const count of countQuarters(packed)) {
    const row = tables.database.first<StoredQuarter>(
      "SELECT quarter, alias, sums FROM quarters WHERE quarter = ? AND alias = ?",
      count.quarter,
      count.alias,
    );
    const { quarter, alias, ...sums } = row ? addQuarters(quarterOf(row), count) : count;
    tables.database.all(
      "INSERT OR REPLACE INTO quarters (quarter, alias, sums) VALUES (?, ?, ?)",
      ...[quarter, alias, JSON.stringify(sums)],
    );
  }
}

/** What has ended since a time, by quarters of which the first may have begun before. */
export function readActivity(tables: ShardTables, since: number): ShardActivity {
  const first = Math.floor(since / QUARTER_MS);
  const kept = tables.database
    .all<StoredQuarter>("SELECT quarter, alias, sums FROM quarters WHERE quarter >= ?", first)
    .map(quarterOf);
  return {
    quarters: [...kept, ...countQuarters(unpackedEndings(tables, first * QUARTER_MS))],
    stored: readStored(tables),
  };
}

/** As SQL: a run of a sender's event that stored items. */
const HAS_LATENCY = `status = 'succeeded' AND detail ->> '$.items' > 0
  AND detail ->> '$.cause' IN ('matched', 'tracked') AND detail ->> '$.stored_at' IS NOT NULL`;

function unpackedEndings(tables: ShardTables, since: number): EndedRun[] {
  return [tables.runs, "letters"].flatMap((table) =>
    tables.database
      .all<
        Omit<EndedRun, "latency" | "measures"> & { time: string | null; at: number; measures: string | null }
      >(
        `SELECT alias, status, closed_at, coalesce(detail ->> '$.letter.failure.kind', detail ->> '$.failure.kind') AS kind,
           CASE WHEN ${HAS_LATENCY} THEN event ->> '$.time' END AS time, detail ->> '$.stored_at' AS at,
           detail -> '$.measures' AS measures
         FROM ${table} WHERE status NOT IN ${OPEN} AND closed_at >= ? ORDER BY closed_at LIMIT ${MAX_UNPACKED}`,
        since,
      )
      .map(({ time, at, measures, ...run }) => ({
        ...run,
        latency: time === null ? null : latencyOf(time, at),
        measures: measures === null ? null : (JSON.parse(measures) as RunMeasures),
      })),
  );
}

/** Clocks differ: what was stored before it happened took no time. */
export const latencyOf = (time: string, storedAt: number): number => Math.max(0, storedAt - Date.parse(time));

/** Objects and items by pipeline, of all versions. */
function readStored(tables: ShardTables): ShardActivity["stored"] {
  const sums = new Map<string, ShardActivity["stored"][number]>();
  for (const alias of tables.trackedAliases) {
    const row = tables.database.first<{ objects: number; items: number }>(
      "SELECT coalesce(sum(objects), 0) AS objects, coalesce(sum(items), 0) AS items FROM produced WHERE alias = ?",
      alias,
    );
    if (row) sums.set(alias, { alias, ...row });
  }
  for (const table of [tables.runs, "letters"]) {
    const rows = tables.database.all<{ alias: string; produced: string }>(
      `SELECT alias, detail -> '$.produced' AS produced FROM ${table} WHERE detail -> '$.produced' IS NOT NULL`,
    );
    for (const { alias, produced } of rows)
      for (const { objects, items } of JSON.parse(produced) as ProducedDelta[]) {
        const sum = sums.get(alias) ?? { alias, objects: 0, items: 0 };
        sums.set(alias, { alias, objects: sum.objects + objects, items: sum.items + items });
      }
  }
  return [...sums.values()].filter(({ objects, items }) => objects !== 0 || items !== 0);
}

/** Drops quarters that nobody asks for any more. */
export function dropActivity(tables: ShardTables, now: number): void {
  const first = Math.floor((now - QUARTER_DAYS * 86_400_000) / QUARTER_MS);
  tables.database.all("DELETE FROM quarters WHERE quarter < ?", first);
}
