// What SQLite says of a statement's cost: the tables that it reads from end to end, asked of the database itself. The
// stand-ins for D1 and for a shard ask it of every statement that a test runs; statements.test.ts of every one that
// stands in the source.
import type { DatabaseSync } from "node:sqlite";
import { OLD_TABLES } from "../../src/store/moving/state.ts";

/** Tables that may be read whole, since what is in them does not grow with the bucket or its events. */
const SMALL_TABLES: Record<string, string> = {
  paused: "a row for each pipeline that is paused",
  deaths: "a row for each pipeline that fails and minute of the last hour",
  ledger_shards: "a row for each number of shards there ever was",
  shard: "one row",
  moving: "one row",
  tallies: "a row for each pipeline and status",
  replay_counts: "a row for each replay and status",
  ended: "a row for each pipeline and status",
  successes: "a row for each pipeline and hour of thirty days",
  packs: "what a shard keeps until the log has it",
  letters: "dead letters, counted by pipeline",
  sqlite_master: "a row for each table",
  spaces: "a row for each model's space of a collection",
  pipeline_versions: "a row for each version that a pipeline has had",
  erasures: "a row for each erasure, of which those that are under way are read",
  tombstones: "a row for each erasure, of which those by prefix are read",
};

/** What is open, or has ended and is not packed yet: a healthy run pays for no index (src/store/ledger/shard/tables.ts). */
const OPEN_RUNS = /^runs_\d+$/;

/** Walks of a batch that the statement was given, and of what it has put together itself. */
const GIVEN = /VIRTUAL TABLE|^SCAN (\(|CONSTANT|[a-z]+-subquery)/;

/** Whether a table has any row: one is read. */
const ONE_ROW = /EXISTS \(SELECT 1 FROM \w+\)/g;

/** Steps of a statement's plan that read a whole table which grows with the bucket. */
export function wideScans(database: DatabaseSync, sql: string): string[] {
  const within = new Set(
    [...sql.matchAll(/\b(\w+)(?: \([\w, ]+\))? AS (?:MATERIALIZED )?\(/g)].map(([, name]) => name),
  );
  for (const [, name, alias] of sql.matchAll(/\b(\w+) AS (\w+)/g)) if (within.has(name)) within.add(alias);
  return database
    .prepare(`EXPLAIN QUERY PLAN ${sql.replaceAll(ONE_ROW, "1")}`)
    .all()
    .map(({ detail }) => String(detail))
    .filter((detail) => detail.startsWith("SCAN ") && !GIVEN.test(detail))
    .filter((detail) => {
      const table = detail.split(" ")[1] ?? "";
      return !(table in SMALL_TABLES) && !OPEN_RUNS.test(table) && !within.has(table);
    });
}

/** @throws Error for a statement that reads a whole table which grows */
export function refuseWideScans(database: DatabaseSync, sql: string): void {
  if (!/^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b/.test(sql)) return;
  // The ledger of before is read once, by its move.
  const scans = wideScans(database, sql).filter((detail) => !OLD_TABLES.includes(detail.split(" ")[1] ?? ""));
  if (scans.length > 0) throw new Error(`${scans.join("; ")}: ${sql}`);
}
