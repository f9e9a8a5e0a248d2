// What a shard's runs have used: sums of their measures, of pipelines ever and by the day, and of replays. As the other
// counters they are written a pack at a time, and rows that are not packed yet are added whenever somebody asks.
import {
  addMeasures,
  addRuns,
  type MeasuredRuns,
  noRuns,
  type RunMeasures,
  withRun,
} from "../../../shapes/measures.ts";
import type { Report } from "../../../shapes/run.ts";
import type { Spending } from "../contract.ts";
import type { HeldRun, RunDetail } from "./held-runs.ts";
import type { PackedRun } from "./packs.ts";
import type { ShardTables } from "./tables.ts";

const DAY_MS = 86_400_000;
/** Days for which what handlers used is kept by the day: plans look back for fewer. */
export const MEASURED_DAYS = 60;

/** Adds what an attempt has used to its run, once, however often its report comes. Returns whether it did. */
export function spend(run: HeldRun, { measures, started_at }: Report): boolean {
  const { detail } = run;
  if (!measures || (detail.measured_at ?? -1) >= started_at) return false;
  detail.measured_at = started_at;
  detail.measures = addMeasures(detail.measures ?? {}, measures);
  return true;
}

interface StoredSum {
  name: string;
  runs: number;
  sums: string;
  squares: string;
}
type Scope = "pipeline" | "handled" | "replay";

const measuredOf = ({ runs, sums, squares }: StoredSum): MeasuredRuns => ({
  ...{ runs, sums: JSON.parse(sums) as RunMeasures, squares: JSON.parse(squares) as RunMeasures },
});

/** Adds packed runs to the sums: a row for each that changes. Within the transaction that deletes their rows. */
export function countSpending(tables: ShardTables, packed: PackedRun[]): void {
  const added = new Map<string, { scope: Scope; name: string; day: number; sum: MeasuredRuns }>();
  const add = (scope: Scope, name: string, day: number, measures: RunMeasures) => {
    const key = JSON.stringify([scope, name, day]);
    const sum = withRun(added.get(key)?.sum ?? noRuns(), measures);
    added.set(key, { scope, name, day, sum });
  };
  for (const { run, closed_at } of packed) {
    if (!run.measures) continue;
    add("pipeline", run.alias, 0, run.measures);
    if (isHandled(run)) add("handled", run.alias, Math.floor(closed_at / DAY_MS), run.measures);
    if (run.replay_id !== null) add("replay", run.replay_id, 0, run.measures);
  }
  for (const { scope, name, day, sum } of added.values()) {
    const [row] = stored(tables, "scope = ? AND name = ? AND day = ?", scope, name, day);
    const total = row ? addRuns(measuredOf(row), sum) : sum;
    tables.database.all(
      `INSERT INTO spending (scope, name, day, runs, sums, squares) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (scope, name, day) DO UPDATE
         SET runs = excluded.runs, sums = excluded.sums, squares = excluded.squares`,
      ...[scope, name, day, total.runs, JSON.stringify(total.sums), JSON.stringify(total.squares)],
    );
  }
}

/** A run whose handler returned: one that found nothing to do gives a reason. */
const isHandled = ({ status, reason }: { status: string; reason?: string | null }) =>
  status === "succeeded" && reason == null;

const stored = (tables: ShardTables, condition: string, ...bindings: unknown[]) =>
  tables.database.all<StoredSum>(
    `SELECT name, runs, sums, squares FROM spending WHERE ${condition}`,
    ...bindings,
  );

/** Runs that are not packed yet and have used something. */
const unpacked = (tables: ShardTables, condition: string, ...bindings: unknown[]) =>
  [tables.runs, "letters"].flatMap((table) =>
    tables.database
      .all<{ alias: string; status: string; detail: string }>(
        `SELECT alias, status, detail FROM ${table} WHERE ${condition} AND detail ->> '$.measures' IS NOT NULL`,
        ...bindings,
      )
      .map(({ alias, status, detail: text }) => {
        const detail = JSON.parse(text) as RunDetail;
        return { alias, status, reason: detail.reason ?? null, measures: detail.measures ?? {} };
      }),
  );

/** What the runs of each pipeline have used, ever. */
export function listSpending(tables: ShardTables): Spending[] {
  const sums = new Map(
    stored(tables, "scope = 'pipeline' AND day = 0").map((row) => [row.name, measuredOf(row)]),
  );
  for (const { alias, measures } of unpacked(tables, "true"))
    sums.set(alias, withRun(sums.get(alias) ?? noRuns(), measures));
  return [...sums].map(([alias, { runs, sums: measures }]) => ({ alias, runs, measures }));
}

/** What runs have used whose handler returned, from the day of a time on. */
export function sumHandled(tables: ShardTables, alias: string, since: number): MeasuredRuns {
  const days = stored(
    tables,
    "scope = 'handled' AND name = ? AND day >= ?",
    alias,
    Math.floor(since / DAY_MS),
  ).map(measuredOf);
  const held = unpacked(tables, "alias = ? AND closed_at >= ?", alias, since).filter(isHandled);
  return held.reduce((sum, { measures }) => withRun(sum, measures), days.reduce(addRuns, noRuns()));
}

/** What the runs of a replay have used. */
export function sumReplay(tables: ShardTables, replayId: string): { runs: number; measures: RunMeasures } {
  const packed = stored(tables, "scope = 'replay' AND name = ? AND day = 0", replayId).map(measuredOf);
  const { runs, sums } = unpacked(tables, "replay_id = ?", replayId).reduce(
    (sum, { measures }) => withRun(sum, measures),
    packed.reduce(addRuns, noRuns()),
  );
  return { runs, measures: sums };
}

export function dropSpending(tables: ShardTables, now: number): void {
  const day = Math.floor(now / DAY_MS) - MEASURED_DAYS;
  tables.database.all("DELETE FROM spending WHERE scope = 'handled' AND day < ?", day);
}
