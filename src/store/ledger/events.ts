// The ledger: events and runs in D1. Each function is one round trip, whatever the size of its batch:
// rows travel as one JSON parameter through json_each, so D1's 100-parameter cap does not matter.
// Later states of runs are in runs.ts. Free of policy: routing/ decides what is recorded.
import { Buffer } from "node:buffer";
import type { D1Database } from "@cloudflare/workers-types";
import type { Event } from "../../shapes/event.ts";
import { runId } from "../../shapes/event-id.ts";
import type { JobCause } from "../../shapes/job.ts";
import { chunks } from "../chunks.ts";
import type { EventOutcome } from "../log/contract.ts";
import type { PendingRun } from "./contract.ts";
import type { Deployment } from "./deployments.ts";
import { PENDING_MS } from "./runs.ts";
import { field, fields } from "./sql.ts";

export { runId } from "../../shapes/event-id.ts";
export type { EventOutcome, LookedUp } from "../log/contract.ts";

/** An event with what was decided about it, ready to be recorded. */
export interface DecidedEvent {
  event: Event;
  /** Identities by which another sender's record of the same event would be found (`receive/identity`). */
  lookups: string[];
  outcome: EventOutcome;
  cause: Extract<JobCause, "matched" | "invoked" | "replayed">;
  /** The replay that its runs belong to. */
  replay?: string;
}

/**
 * Commits events, their identities, and their runs in one transaction, and returns every run of these
 * events that has not been dispatched: the new ones, and those of an earlier delivery that was cut off
 * between commit and dispatch. An event already known by any identity adds nothing. The deployment that
 * decided them goes on record in the same transaction, once.
 */
export async function record(
  db: D1Database,
  decided: DecidedEvent[],
  now: number,
  deployment?: Deployment,
): Promise<PendingRun[]> {
  if (decided.length === 0) return [];
  const rows = decided.map((decision) => rowOf(decision, deployment));
  // What one parameter cannot hold is several: one transaction and one round trip all the same.
  const parts = [...chunks(rows, ({ event }) => Buffer.byteLength(event))];
  const opening = deployment?.statements(db, now) ?? [];
  const results = await db.batch<PendingRun>([
    ...opening,
    ...parts.flatMap((part) => {
      const events = `[${part.map(({ event }) => event).join()}]`;
      const runs = JSON.stringify(part.flatMap((row) => row.runs));
      return [
        db.prepare(SQL.events).bind(events),
        db.prepare(SQL.identities).bind(events),
        db.prepare(SQL.matchedRuns).bind(runs, now),
        db.prepare(SQL.trackedRuns).bind(events, now),
        db.prepare(SQL.track).bind(events),
        db.prepare(SQL.pending).bind(events),
      ];
    }),
  ]);
  deployment?.committed();
  const perPart = (results.length - opening.length) / parts.length;
  return parts.flatMap((_, at) => results[opening.length + (at + 1) * perPart - 1]?.results ?? []);
}

/** An event as JSON for `json_each`, and its runs. */
function rowOf({ event, lookups, outcome, cause, replay }: DecidedEvent, deployment: Deployment | undefined) {
  const row = {
    ...pick(event),
    envelope: JSON.stringify(event),
    outcome: JSON.stringify(deployment ? { ...outcome, deployment: deployment.id } : outcome),
    identities: event.identities,
    lookups,
  };
  const runs = outcome.matched.map((alias) => ({
    id: runId(event.id, alias),
    event: event.id,
    alias,
    cause,
    replay,
  }));
  return { event: JSON.stringify(row), runs };
}

const pick = ({ id, connection, sender, type, bucket, key, time, received_at }: Event) => {
  return { id, connection, sender, type, bucket, key, time, received_at };
};

// CROSS JOIN keeps the order as written: the batch's few rows first, then each by its index. Left to itself,
// SQLite begins with all pending runs, and a batch costs as much as the backlog.
const RUN_COLUMNS =
  "(id, event_id, alias, cause, connection, bucket, key, status, created_at, due_at, replay_id)";

const SQL = {
  events: `
    INSERT INTO events (id, connection, sender, type, bucket, key, time, received_at, envelope, outcome)
    SELECT ${fields("id", "connection", "sender", "type", "bucket", "key", "time", "received_at", "envelope", "outcome")}
    FROM json_each(?1) AS j
    WHERE NOT EXISTS (
      SELECT 1 FROM json_each(j.value, '$.lookups') AS l CROSS JOIN event_identities AS i ON i.identity = l.value)
      AND NOT EXISTS (SELECT 1 FROM archived AS a WHERE a.id = unhex(substr(${field("id")}, 5)))
    ON CONFLICT (id) DO NOTHING`,
  identities: `
    INSERT INTO event_identities (identity, event_id, day)
    SELECT i.value, ${field("id")}, unixepoch(${field("received_at")}) / 86400
    FROM json_each(?1) AS j, json_each(j.value, '$.identities') AS i
    WHERE EXISTS (SELECT 1 FROM events WHERE id = ${field("id")})
    ON CONFLICT (identity) DO NOTHING`,
  matchedRuns: `
    INSERT INTO runs ${RUN_COLUMNS}
    SELECT ${fields("id", "event", "alias", "cause")}, e.connection, e.bucket, e.key, 'pending', ?2,
      ?2 + ${PENDING_MS}, ${field("replay")}
    FROM json_each(?1) AS j CROSS JOIN events AS e ON e.id = ${field("event")}
    WHERE true ON CONFLICT (id) DO NOTHING`,
  trackedRuns: `
    INSERT INTO runs ${RUN_COLUMNS}
    SELECT 'run_' || substr(e.id, 5) || '_' || t.alias, e.id, t.alias, 'tracked', e.connection, e.bucket, e.key,
      'pending', ?2, ?2 + ${PENDING_MS}, NULL
    FROM json_each(?1) AS j
    CROSS JOIN events AS e ON e.id = ${field("id")} AND e.key != ''
    CROSS JOIN tracked AS t ON t.connection = e.connection AND t.bucket = e.bucket AND t.key = e.key
    WHERE e.sender NOT IN ('invoke', 'replay') AND e.type != 'accessed' ON CONFLICT (id) DO NOTHING`,
  track: `
    INSERT INTO tracked (connection, bucket, key, alias, run_id)
    SELECT r.connection, r.bucket, r.key, r.alias, r.id
    FROM json_each(?1) AS j CROSS JOIN runs AS r ON r.event_id = ${field("id")}
    WHERE r.status = 'pending' AND r.key != ''
    ON CONFLICT (connection, bucket, key, alias) DO UPDATE SET run_id = excluded.run_id`,
  pending: `
    SELECT r.id AS run_id, r.event_id, r.alias, r.cause, r.attempt, r.forgiven
    FROM json_each(?1) AS j CROSS JOIN runs AS r ON r.event_id = ${field("id")}
    WHERE r.status = 'pending' AND r.alias NOT IN (SELECT alias FROM paused) ORDER BY r.created_at, r.id`,
};
