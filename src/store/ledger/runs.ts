// States of runs: handed over, reported on, cancelled, overdue. Each function is one round trip but the sweep's.
// `progress` orders reports; `due_at` is when the sweep looks after a run that has not ended.
import type { D1Database } from "@cloudflare/workers-types";
import type { Event } from "../../shapes/event.ts";
import type { Report, RunStatus } from "../../shapes/run.ts";
import { PROBE_MS } from "./pauses.ts";
import type { PendingRun } from "./rows.ts";
import { field, fields } from "./sql.ts";

/** Time after which a committed run that has not left is dispatched again, ms. */
export const PENDING_MS = 60_000;
/**
 * Time after which a run that waits in its queue is sent again, ms: its message may be lost. A second copy has no second
 * effect; as the queue may just be long, each time is as late again as the run is old.
 */
const QUEUED_MS = 3_600_000;
/** Progress of a run that a person has ended: no report moves it any more. */
const ENDED_PROGRESS = 1_000_000_000;

export const RANK: Record<RunStatus, number> = {
  pending: 0,
  queued: 1,
  running: 2,
  failed: 3,
  succeeded: 4,
  skipped: 4,
  dead: 4,
  cancelled: 4,
};
const progressOf = (report: Report) => report.attempt * 10 + RANK[report.status];

/** Marks runs as handed over. Runs that a report has already moved on stay where they are. */
export async function markQueued(db: D1Database, runIds: string[], now: number): Promise<void> {
  if (runIds.length === 0) return;
  await db.prepare(SQL.queued).bind(JSON.stringify(runIds), now, QUEUED_MS).run();
}

/** Ends runs, of those that have not ended yet, and returns how many. */
export async function cancelRuns(
  db: D1Database,
  runIds: string[],
  reason: string,
  now: number,
): Promise<number> {
  if (runIds.length === 0) return 0;
  const { meta } = await db
    .prepare(SQL.cancel)
    .bind(JSON.stringify(runIds), reason, now, ENDED_PROGRESS)
    .run();
  return meta.changes;
}

/**
 * Takes in reports of pipeline Workers. Late and repeated reports change nothing. A dead run gets its letter here,
 * unless `letters` is false (an invocation's caller hears of it); a pipeline whose store is full is paused.
 */
export async function takeReports(
  db: D1Database,
  reports: Report[],
  now: number,
  { letters = true }: { letters?: boolean } = {},
): Promise<void> {
  if (reports.length === 0) return;
  const furthest = new Map<string, Report>();
  for (const report of reports) {
    const furthestYet = furthest.get(report.run_id);
    if (!furthestYet || progressOf(furthestYet) < progressOf(report)) furthest.set(report.run_id, report);
  }
  const rows = JSON.stringify(
    [...furthest.values()].map((report) => ({
      ...report,
      progress: progressOf(report),
      failure: report.failure && JSON.stringify(report.failure),
      log: report.log?.length ? JSON.stringify(report.log) : undefined,
      embedded: report.embeddings?.asked,
      embedded_known: report.embeddings?.known,
      models: report.models && JSON.stringify(report.models),
    })),
  );
  const statements = [SQL.report, SQL.holds, SQL.untrack].map((sql) => db.prepare(sql).bind(rows));
  const furthestReports = [...furthest.values()];
  if (letters && furthestReports.some(({ status }) => status === "dead"))
    statements.push(db.prepare(SQL.letters).bind(rows, now));
  if (furthestReports.some(({ failure }) => failure?.kind === "store_full"))
    statements.push(db.prepare(SQL.full).bind(rows, now, now + PROBE_MS));
  await db.batch(statements);
}

/**
 * Claims runs that nothing has been heard of for too long, of pipelines that are not paused, and returns
 * them to be dispatched again: what never left, what a queue lost, what a Worker took with it.
 */
export async function claimOverdue(
  db: D1Database,
  now: number,
  limit: number,
): Promise<{ run: PendingRun; event: Event }[]> {
  const claimed = await db
    .prepare(SQL.claim)
    .bind(now, now + PENDING_MS, limit)
    .all<PendingRun>();
  return eventsOf(db, claimed.results);
}

/** Runs with their events, as they must be to be dispatched. */
export async function eventsOf(
  db: D1Database,
  runs: PendingRun[],
): Promise<{ run: PendingRun; event: Event }[]> {
  if (runs.length === 0) return [];
  const ids = JSON.stringify(runs.map((run) => run.event_id));
  const { results } = await db.prepare(SQL.envelopes).bind(ids).all<{ id: string; envelope: string }>();
  const events = new Map(results.map(({ id, envelope }) => [id, JSON.parse(envelope) as Event]));
  return runs.flatMap((run) => {
    const event = events.get(run.event_id);
    return event ? [{ run, event }] : [];
  });
}

const OPEN = "status IN ('pending', 'queued', 'running', 'failed')";

const SQL = {
  queued: `
    UPDATE runs SET status = 'queued', queued_at = ?2, due_at = ?2 + max(?3, ?2 - created_at)
    WHERE status = 'pending' AND id IN (SELECT value FROM json_each(?1))`,
  cancel: `
    UPDATE runs SET status = 'cancelled', reason = ?2, ended_at = ?3, due_at = NULL, progress = ?4
    WHERE ${OPEN} AND id IN (SELECT value FROM json_each(?1))`,
  report: `
    UPDATE runs SET
      status = ${field("status")}, progress = ${field("progress")}, attempt = ${field("attempt")},
      version = ${field("version")}, commit_id = ${field("commit")},
      etag = coalesce(${field("etag")}, etag), items = coalesce(${field("items")}, items),
      reason = ${field("reason")}, failure = ${field("failure")}, log = coalesce(${field("log")}, log),
      embedded = coalesce(${field("embedded")}, embedded),
      embedded_known = coalesce(${field("embedded_known")}, embedded_known),
      started_at = ${field("started_at")}, ended_at = ${field("ended_at")}, due_at = ${field("due_at")}
    FROM json_each(?1) AS j
    WHERE runs.id = ${field("run_id")} AND runs.progress < ${field("progress")}`,
  // What the object's items were made by, unless a report of a later run came first.
  holds: `
    INSERT INTO tracked (connection, bucket, key, alias, run_id, stored_at, items, etag, size, version, commit_id, models)
    SELECT t.connection, t.bucket, t.key, t.alias, t.run_id,
      coalesce(${field("stored_at")}, ${field("ended_at")}),
      ${fields("items", "etag", "size", "version", "commit", "models")}
    FROM json_each(?1) AS j
    CROSS JOIN runs AS r ON r.id = ${field("run_id")}
    CROSS JOIN tracked AS t
      ON t.connection = r.connection AND t.bucket = r.bucket AND t.key = r.key AND t.alias = r.alias
    WHERE ${field("status")} = 'succeeded' AND ${field("items")} > 0
    ON CONFLICT (connection, bucket, key, alias) DO UPDATE SET
      stored_at = excluded.stored_at, items = excluded.items, etag = excluded.etag, size = excluded.size,
      version = excluded.version, commit_id = excluded.commit_id, models = excluded.models
    WHERE coalesce(tracked.stored_at, 0) <= excluded.stored_at`,
  // An object that no longer has items is no longer tracked, unless a later run took it over.
  untrack: `
    DELETE FROM tracked WHERE (connection, bucket, key, alias) IN (
      SELECT r.connection, r.bucket, r.key, r.alias
      FROM json_each(?1) AS j CROSS JOIN runs AS r ON r.id = ${field("run_id")}
      WHERE ${field("items")} = 0 AND ${field("status")} IN ('succeeded', 'skipped'))
    AND run_id IN (SELECT ${field("run_id")} FROM json_each(?1) AS j)`,
  letters: `
    INSERT INTO dead_letters (run_id, alias, job, failure, attempts, at)
    SELECT r.id, r.alias,
      json_object('run_id', r.id, 'alias', r.alias, 'cause', r.cause, 'attempts_before', 0, 'event', json(e.envelope)),
      r.failure, r.attempt, ?2
    FROM json_each(?1) AS j
    CROSS JOIN runs AS r ON r.id = ${field("run_id")}
    CROSS JOIN events AS e ON e.id = r.event_id
    WHERE ${field("status")} = 'dead' AND r.status = 'dead' AND r.progress = ${field("progress")}
    ON CONFLICT (run_id) DO NOTHING`,
  full: `
    INSERT INTO paused (alias, reason, at, probe_at)
    SELECT r.alias, 'its store is full: ' || (${field("failure")} ->> '$.detail'), ?2, ?3
    FROM json_each(?1) AS j CROSS JOIN runs AS r ON r.id = ${field("run_id")}
    WHERE ${field("failure")} ->> '$.kind' = 'store_full'
    ON CONFLICT (alias) DO NOTHING`,
  claim: `
    UPDATE runs SET status = 'pending', due_at = ?2,
      reason = CASE WHEN status = 'pending' THEN reason ELSE 'nothing was heard of it: ' || status || ' and overdue' END
    WHERE id IN (
      SELECT id FROM runs WHERE due_at < ?1 AND alias NOT IN (SELECT alias FROM paused) ORDER BY due_at, id LIMIT ?3)
    RETURNING id AS run_id, event_id, alias, cause, attempt, forgiven`,
  envelopes: "SELECT id, envelope FROM events WHERE id IN (SELECT value FROM json_each(?1))",
};
