// Dead letters as people read them: newest first, counted by cause, or one with its history.
import type { D1Database } from "@cloudflare/workers-types";
import type { Failure } from "../shapes/failure.ts";
import type { Job } from "../shapes/job.ts";
import type { HistoryRow } from "../store/ledger/rows.ts";
import { iso, type ListQuery, page } from "./ledger.ts";

interface DeadRow {
  run_id: string;
  alias: string;
  job: string;
  failure: string;
  attempts: number;
  at: number;
}
/** A letter with its payload: the event as the pipeline was given it. */
function deadOf({ job, failure, at, ...row }: DeadRow) {
  const { event: whole, cause } = JSON.parse(job) as Job;
  const { identities: _, ...event } = whole;
  const { id, connection, bucket, key } = event;
  return {
    ...row,
    failure: JSON.parse(failure) as Failure,
    event_id: id,
    object: { connection, bucket, key },
    cause,
    event,
    at: iso(at),
  };
}

export const listDeadLetters = (db: D1Database, filters: { alias?: string | undefined }, query: ListQuery) =>
  page<DeadRow, ReturnType<typeof deadOf>>(
    db,
    "dead_letters",
    ["at", "run_id"],
    { alias: filters.alias },
    query,
    deadOf,
  );

/** A letter with every state that its run has been in. */
export async function getDeadLetter(db: D1Database, run_id: string) {
  const [letter, history] = await db.batch<DeadRow & HistoryRow>([
    db.prepare("SELECT * FROM dead_letters WHERE run_id = ?1").bind(run_id),
    db
      .prepare("SELECT at, status, attempt, cause FROM run_history WHERE run_id = ?1 ORDER BY at, rowid")
      .bind(run_id),
  ]);
  const row = letter?.results[0];
  if (!row) return null;
  const states = (history?.results ?? []).map(({ at, status, attempt, cause }) => {
    return { at: iso(at), status, attempt, cause };
  });
  return { ...deadOf(row), history: states };
}

interface CauseRow {
  alias: string;
  kind: string;
  detail: string;
  count: number;
  newest: number;
  run_id: string;
}

/** Letters counted by pipeline and cause, most first. A cause that names its own object counts as the same at each. */
export async function listCauses(db: D1Database, alias?: string) {
  const { results } = await db
    .prepare(CAUSES)
    .bind(alias ?? null)
    .all<CauseRow>();
  return results.map(({ newest, ...row }) => ({ ...row, newest: iso(newest) }));
}

// Beside max(), SQLite gives the other columns of the row that has it: the newest letter of each cause.
const CAUSES = `
  SELECT alias, failure ->> '$.kind' AS kind, run_id, count(*) AS count, max(at) AS newest,
    CASE WHEN job ->> '$.event.key' = '' THEN failure ->> '$.detail'
      ELSE replace(failure ->> '$.detail', job ->> '$.event.key', '<key>') END AS detail
  FROM dead_letters WHERE ?1 IS NULL OR alias = ?1
  GROUP BY alias, kind, detail ORDER BY count DESC, newest DESC LIMIT 200`;
