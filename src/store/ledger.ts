// The ledger: events and runs in D1. Each function is one round trip, whatever the size of its batch:
// rows travel as one JSON parameter through json_each, so D1's 100-parameter cap does not matter.
// Free of policy: what to record is decided by `route.ts`, what a report means by `shapes/run.ts`.
import type { D1Database } from "@cloudflare/workers-types";
import type { Event } from "../shapes/event.ts";
import type { Failure } from "../shapes/failure.ts";
import type { Cause, Job } from "../shapes/job.ts";
import type { Report, RunStatus } from "../shapes/run.ts";
import type { Deployment } from "./deployments.ts";

/** Why an event's pipelines were or were not run, as known when it arrived. */
export interface Outcome {
  matched: string[];
  refused: { alias: string; reason: string }[];
  /** How many pipelines of the connection refused it, of which `refused` lists the first few. */
  refused_count: number;
  /** What the look-up at the object found, where the outcome hung on one. */
  object?: LookedUp;
  /** Why that look-up found nothing: the object was gone, the store refused. */
  unseen?: string;
  /** By which registry this was decided (`deployments.ts`); filled in when it is recorded. */
  deployment?: string;
}

/** The object as it was seen when its event was decided. Left out: not looked up. `null`: it has none. */
export interface LookedUp {
  size?: number;
  etag?: string;
  content_type?: string | null;
  metadata?: Record<string, string>;
  tags?: Record<string, string>;
}

/** An event with what was decided about it, ready to be recorded. */
export interface Decided {
  event: Event;
  /** Identities by which another sender's record of the same event would be found (`receive/identity`). */
  lookups: string[];
  outcome: Outcome;
  cause: Extract<Cause, "matched" | "invoked" | "replayed">;
}

/** A committed run that has not left yet. */
export interface PendingRun {
  run_id: string;
  event_id: string;
  alias: string;
  cause: Cause;
  attempt: number;
}

/** The run of one event for one pipeline: readable, and the same however often it is derived. */
export const runId = (eventId: string, alias: string) => `run_${eventId.replace(/^evt_/, "")}_${alias}`;

/**
 * Commits events, their identities, and their runs in one transaction, and returns every run of these
 * events that has not been dispatched: the new ones, and those of an earlier delivery that was cut off
 * between commit and dispatch. An event already known by any identity adds nothing. The deployment that
 * decided them goes on record in the same transaction, once.
 */
export async function record(
  db: D1Database,
  decided: Decided[],
  now: number,
  deployment?: Deployment,
): Promise<PendingRun[]> {
  if (decided.length === 0) return [];
  const events = JSON.stringify(
    decided.map(({ event, lookups, outcome }) => ({
      ...pick(event),
      envelope: JSON.stringify(event),
      outcome: JSON.stringify(deployment ? { ...outcome, deployment: deployment.id } : outcome),
      identities: event.identities,
      lookups,
    })),
  );
  const runs = JSON.stringify(
    decided.flatMap(({ event, outcome, cause }) =>
      outcome.matched.map((alias) => ({ id: runId(event.id, alias), event: event.id, alias, cause })),
    ),
  );
  const results = await db.batch<PendingRun>([
    ...(deployment?.statements(db, now) ?? []),
    db.prepare(SQL.events).bind(events),
    db.prepare(SQL.identities).bind(events),
    db.prepare(SQL.matchedRuns).bind(runs, now),
    db.prepare(SQL.trackedRuns).bind(events, now),
    db.prepare(SQL.track).bind(events),
    db.prepare(SQL.pending).bind(events),
  ]);
  deployment?.committed();
  return results.at(-1)?.results ?? [];
}

const pick = ({ id, connection, sender, type, bucket, key, time, received_at }: Event) => {
  return { id, connection, sender, type, bucket, key, time, received_at };
};

/** Runs that were committed before `before` and never left, with their events: the sweep's work. */
export async function overdue(
  db: D1Database,
  before: number,
  limit: number,
): Promise<{ run: PendingRun; event: Event }[]> {
  const { results } = await db
    .prepare(SQL.overdue)
    .bind(before, limit)
    .all<PendingRun & { envelope: string }>();
  return results.map(({ envelope, ...run }) => ({ run, event: JSON.parse(envelope) as Event }));
}

/** Marks runs as handed over. Runs that a report has already moved on stay where they are. */
export async function markQueued(db: D1Database, runIds: string[], now: number): Promise<void> {
  if (runIds.length === 0) return;
  await db.prepare(SQL.queued).bind(JSON.stringify(runIds), now).run();
}

const RANK: Record<RunStatus, number> = {
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

/** Takes in what pipeline Workers report. Late and repeated reports change nothing. */
export async function takeReports(db: D1Database, reports: Report[]): Promise<void> {
  if (reports.length === 0) return;
  const furthest = new Map<string, Report>();
  for (const report of reports) {
    const known = furthest.get(report.run_id);
    if (!known || progressOf(known) < progressOf(report)) furthest.set(report.run_id, report);
  }
  const rows = JSON.stringify(
    [...furthest.values()].map((report) => ({
      ...report,
      progress: progressOf(report),
      failure: report.failure && JSON.stringify(report.failure),
      log: report.log?.length ? JSON.stringify(report.log) : undefined,
    })),
  );
  await db.batch(REPORT_STATEMENTS.map((sql) => db.prepare(sql).bind(rows)));
}

/** A job that will not be tried again, with why. `failure` is absent when the platform gave up on it. */
export interface DeadJob {
  job: Job;
  failure?: Failure;
  attempts: number;
}

/** Records dead letters and ends their runs, in one transaction. A second copy changes nothing. */
export async function recordDead(db: D1Database, dead: DeadJob[], now: number): Promise<void> {
  if (dead.length === 0) return;
  const rows = JSON.stringify(
    dead.map(({ job, failure, attempts }) => ({
      run_id: job.run_id,
      alias: job.alias,
      job: JSON.stringify(job),
      failure: failure && JSON.stringify(failure),
      attempts,
    })),
  );
  await db.batch([db.prepare(SQL.deadRuns).bind(rows, now), db.prepare(SQL.deadLetters).bind(rows, now)]);
}

const field = (name: string) => `j.value ->> '$.${name}'`;
const fields = (...names: string[]) => names.map(field).join(", ");

const RUN_COLUMNS = "(id, event_id, alias, cause, connection, bucket, key, status, created_at)";

const SQL = {
  events: `
    INSERT INTO events (id, connection, sender, type, bucket, key, time, received_at, envelope, outcome)
    SELECT ${fields("id", "connection", "sender", "type", "bucket", "key", "time", "received_at", "envelope", "outcome")}
    FROM json_each(?1) AS j
    WHERE NOT EXISTS (
      SELECT 1 FROM json_each(j.value, '$.lookups') AS l JOIN event_identities AS i ON i.identity = l.value)
    ON CONFLICT (id) DO NOTHING`,
  identities: `
    INSERT INTO event_identities (identity, event_id)
    SELECT i.value, ${field("id")} FROM json_each(?1) AS j, json_each(j.value, '$.identities') AS i
    WHERE EXISTS (SELECT 1 FROM events WHERE id = ${field("id")})
    ON CONFLICT (identity) DO NOTHING`,
  matchedRuns: `
    INSERT INTO runs ${RUN_COLUMNS}
    SELECT ${fields("id", "event", "alias", "cause")}, e.connection, e.bucket, e.key, 'pending', ?2
    FROM json_each(?1) AS j JOIN events AS e ON e.id = ${field("event")}
    WHERE true ON CONFLICT (id) DO NOTHING`,
  trackedRuns: `
    INSERT INTO runs ${RUN_COLUMNS}
    SELECT 'run_' || substr(e.id, 5) || '_' || t.alias, e.id, t.alias, 'tracked', e.connection, e.bucket, e.key, 'pending', ?2
    FROM json_each(?1) AS j
    JOIN events AS e ON e.id = ${field("id")} AND e.key != ''
    JOIN tracked AS t ON t.connection = e.connection AND t.bucket = e.bucket AND t.key = e.key
    WHERE e.sender NOT IN ('invoke', 'replay') ON CONFLICT (id) DO NOTHING`,
  track: `
    INSERT INTO tracked (connection, bucket, key, alias, run_id)
    SELECT r.connection, r.bucket, r.key, r.alias, r.id
    FROM json_each(?1) AS j JOIN runs AS r ON r.event_id = ${field("id")}
    WHERE r.status = 'pending' AND r.key != ''
    ON CONFLICT (connection, bucket, key, alias) DO UPDATE SET run_id = excluded.run_id`,
  pending: `
    SELECT r.id AS run_id, r.event_id, r.alias, r.cause, r.attempt
    FROM json_each(?1) AS j JOIN runs AS r ON r.event_id = ${field("id")}
    WHERE r.status = 'pending' ORDER BY r.created_at, r.id`,
  overdue: `
    SELECT r.id AS run_id, r.event_id, r.alias, r.cause, r.attempt, e.envelope
    FROM runs AS r JOIN events AS e ON e.id = r.event_id
    WHERE r.status = 'pending' AND r.created_at < ?1 ORDER BY r.created_at, r.id LIMIT ?2`,
  queued: `
    UPDATE runs SET status = 'queued', queued_at = ?2
    WHERE status = 'pending' AND id IN (SELECT value FROM json_each(?1))`,
  deadRuns: `
    UPDATE runs SET status = 'dead', ended_at = ?2, progress = max(progress, (j.value ->> '$.attempts') * 10 + ${RANK.dead}),
      failure = coalesce(j.value ->> '$.failure', failure)
    FROM json_each(?1) AS j
    WHERE runs.id = ${field("run_id")} AND runs.status NOT IN ('succeeded', 'skipped', 'cancelled')`,
  deadLetters: `
    INSERT INTO dead_letters (run_id, alias, job, failure, attempts, at)
    SELECT ${fields("run_id", "alias", "job")},
      coalesce(${field("failure")}, r.failure, '{"kind":"internal","detail":"the platform gave up on the job: its Worker ended without a report"}'),
      ${field("attempts")}, ?2
    FROM json_each(?1) AS j LEFT JOIN runs AS r ON r.id = ${field("run_id")}
    WHERE r.status IS NULL OR r.status = 'dead'
    ON CONFLICT (run_id) DO NOTHING`,
};

const REPORT_STATEMENTS = [
  `UPDATE runs SET
     status = ${field("status")}, progress = ${field("progress")}, attempt = ${field("attempt")},
     version = ${field("version")}, commit_id = ${field("commit")},
     etag = coalesce(${field("etag")}, etag), items = coalesce(${field("items")}, items),
     reason = ${field("reason")}, failure = ${field("failure")}, log = coalesce(${field("log")}, log),
     started_at = ${field("started_at")}, ended_at = ${field("ended_at")}
   FROM json_each(?1) AS j
   WHERE runs.id = ${field("run_id")} AND runs.progress < ${field("progress")}`,
  // An object that no longer has items is no longer tracked, unless a later run took it over.
  `DELETE FROM tracked WHERE run_id IN (
     SELECT ${field("run_id")} FROM json_each(?1) AS j
     WHERE ${field("items")} = 0 AND ${field("status")} IN ('succeeded', 'skipped'))`,
];
