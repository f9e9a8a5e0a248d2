// Figures of a plan from the ledger: how many of its objects have items now, and how long a pipeline's runs have taken.
import type { D1Database } from "@cloudflare/workers-types";
import { field } from "../store/ledger/sql.ts";

/** Number of a pipeline's newest runs from which the mean is taken, over those that succeeded. */
export const PAST_RUNS = 1000;

interface ObjectName {
  connection: string;
  bucket: string;
  key: string;
}

/** How many of the objects have items of the pipeline, and how many items. */
export async function heldItems(
  db: D1Database,
  alias: string,
  objects: ObjectName[],
): Promise<{ objects: number; items: number }> {
  const rows = objects.map(({ connection, bucket, key }) => ({ connection, bucket, key }));
  const held = await db
    .prepare(SQL.held)
    .bind(JSON.stringify(rows), alias)
    .first<{ objects: number; items: number }>();
  return held ?? { objects: 0, items: 0 };
}

/** Mean wall time of the attempts that succeeded, waiting for compute included; null where none has. */
export async function pastRuns(db: D1Database, alias: string): Promise<{ runs: number; ms: number } | null> {
  const past = await db.prepare(SQL.past).bind(alias).first<{ runs: number; ms: number | null }>();
  return past?.ms == null ? null : { runs: past.runs, ms: past.ms };
}

/** Number of a pipeline's objects that have items. */
export async function heldObjects(db: D1Database, alias: string): Promise<number> {
  const row = await db.prepare(SQL.heldObjects).bind(alias).first<{ objects: number }>();
  return row?.objects ?? 0;
}

const SQL = {
  heldObjects: "SELECT count(*) AS objects FROM tracked WHERE alias = ?1 AND items > 0",
  held: `
    SELECT count(*) AS objects, coalesce(sum(t.items), 0) AS items
    FROM json_each(?1) AS j
    CROSS JOIN tracked AS t ON t.connection = ${field("connection")} AND t.bucket = ${field("bucket")}
      AND t.key = ${field("key")} AND t.alias = ?2
    WHERE t.items > 0`,
  past: `
    SELECT count(*) AS runs, avg(ended_at - started_at) AS ms
    FROM (SELECT status, started_at, ended_at FROM runs WHERE alias = ?1 ORDER BY created_at DESC, id DESC LIMIT ${PAST_RUNS})
    WHERE status = 'succeeded' AND started_at IS NOT NULL AND ended_at IS NOT NULL`,
};
