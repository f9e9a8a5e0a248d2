// What tests of the ledger's shards are given: events, commits of them, reports of their runs.
import { identify, lookups } from "../../../src/receive/identity.ts";
import type { Event } from "../../../src/shapes/event.ts";
import { runId } from "../../../src/shapes/event-id.ts";
import type { Job } from "../../../src/shapes/job.ts";
import type { Report } from "../../../src/shapes/run.ts";
import type { CommitEvent, CommitOptions } from "../../../src/store/ledger/contract.ts";

export const NOW = Date.parse("2026-11-23T10:00:00Z");
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export function eventOf(key: string, more: Partial<Event> = {}): Event {
  const facts = {
    connection: "c",
    bucket: "b",
    key,
    type: "created",
    operation: "Put",
    time: new Date(NOW - MINUTE).toISOString(),
    etag: "e",
    ...more,
  } as const;
  const received_at = new Date(NOW).toISOString();
  return { ...facts, ...identify(facts), sender: "s3", hops: 0, received_at, ...more };
}

export const commitOf = (event: Event, ...matched: string[]): CommitEvent => ({
  event,
  lookups: lookups(event),
  matched,
  cause: "matched",
});

export const at = (now: number, more: Partial<CommitOptions> = {}): CommitOptions => ({
  now,
  paused: [],
  binding: [],
  ...more,
});

export const reportOf = (
  run_id: string,
  attempt: number,
  status: Report["status"],
  more: Partial<Report> = {},
): Report => ({ run_id, attempt, status, version: "v", commit: "c", started_at: NOW, ...more });

export const jobOf = (event: Event, alias: string): Job => ({
  ...{ run_id: runId(event.id, alias), alias, event, cause: "matched", attempts_before: 0 },
});
