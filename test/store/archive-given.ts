// A ledger with events of long ago, and the cron that archives them: for tests of the archive, over real D1 and R2.

import { retain } from "../../src/cron/retention.ts";
import type { EventStores } from "../../src/env.ts";
import { getRun, listEvents, listRuns } from "../../src/query/ledger.ts";
import { identify, lookups } from "../../src/receive/identity.ts";
import type { Connections } from "../../src/shapes/connection.ts";
import type { Event } from "../../src/shapes/event.ts";
import type { Retention } from "../../src/shapes/retention.ts";
import type { Report, RunStatus } from "../../src/shapes/run.ts";
import { type DeadJob, recordDead } from "../../src/store/ledger/dead-letters.ts";
import { type DecidedEvent, record, runId } from "../../src/store/ledger/events.ts";
import { takeReports } from "../../src/store/ledger/runs.ts";
import type { Stores } from "../support/stores.ts";

export const DAY = 86_400_000;
export const NOW = Date.parse("2026-11-25T00:00:00Z");
/** Long enough ago to be archived by default, and not to expire. */
export const OLD = NOW - 40 * DAY;

let told = 0;

/** An event that arrived at a time, ms. */
export function eventAt(at: number, key: string, more: Partial<Event> = {}): Event {
  const time = new Date(at).toISOString();
  const what = {
    ...({ connection: "c", bucket: "b", key, type: "created", operation: "Put" } as const),
    ...{ time, etag: `e${told++}`, ...more },
  };
  return { ...what, ...identify(what), sender: "s3", hops: 0, size: 7, received_at: time, ...more };
}

export const decided = (event: Event, matched: string[] = [], replay?: string): DecidedEvent => ({
  event,
  lookups: lookups(event),
  outcome: { matched, refused: [], refused_count: 0 },
  cause: replay === undefined ? "matched" : "replayed",
  ...(replay !== undefined && { replay }),
});

/** Brings runs to their states, as their pipelines would. */
export async function bring(
  { ledger }: EventStores,
  all: [Event, alias: string, status: RunStatus][],
): Promise<void> {
  const reports = all.flatMap(([event, alias, status]): Report[] => {
    if (status === "pending" || status === "dead") return [];
    const at = Date.parse(event.received_at);
    const due = status === "failed" || status === "running" ? { due_at: at } : {};
    const did = {
      attempt: 1,
      started_at: at,
      ended_at: at + 5,
      items: 1,
      etag: "e",
      log: ["a line"],
      ...due,
    };
    return [{ run_id: runId(event.id, alias), status, version: "v", commit: "c", ...did }];
  });
  const dead = all.flatMap(([event, alias, status]): DeadJob[] => {
    if (status !== "dead") return [];
    const run_id = runId(event.id, alias);
    const job = { run_id, alias, event, cause: "matched" as const, attempts_before: 0 };
    return [{ job, failure: { kind: "timeout", detail: "slow" }, attempts: 1 }];
  });
  await takeReports(ledger, reports, Date.now());
  await recordDead(ledger, dead, NOW);
}

/** Events with their runs, each in its state: `[event, { alias: status }]`. */
export async function hear(books: EventStores, all: [Event, Record<string, RunStatus>][]): Promise<void> {
  await record(
    books.ledger,
    all.map(([event, runs]) => decided(event, Object.keys(runs))),
    OLD,
  );
  await bring(
    books,
    all.flatMap(([event, runs]) =>
      Object.entries(runs).map(([alias, status]): [Event, string, RunStatus] => [event, alias, status]),
    ),
  );
}

export const connections = (retention: Record<string, Partial<Retention>> = {}): Connections => ({
  connections: Object.fromEntries(
    Object.entries(retention).map(([id, days]) => [
      id,
      { kind: "r2", buckets: ["b-1"], events: [], retention: { hot_days: 30, archive_days: 365, ...days } },
    ]),
  ),
});

/** The cron's part, at a time. */
export const keep = (books: EventStores, now = NOW, known = connections()) =>
  retain({ env: { eventStores: () => books }, connections: known, now: () => now });

/** All that people can see of a connection's events, whether or not they are archived. */
export async function seen(books: EventStores, connection = "c") {
  const events = [];
  for (let cursor: string | undefined; ; ) {
    const page = await listEvents(books, { connection }, { limit: 50, cursor });
    events.push(...page.data);
    cursor = page.next;
    if (cursor === undefined) break;
  }
  return Promise.all(
    events.map(async ({ archived: _, ...event }) => {
      const { data } = await listRuns(books, { event_id: event.id }, { limit: 50 });
      return { event, runs: await Promise.all(data.map(({ id }) => getRun(books, id))) };
    }),
  );
}

/** Rows of a table of the ledger. */
export const count = async ({ ledger }: EventStores, table: string): Promise<number> =>
  (await ledger.prepare(`SELECT count(*) AS n FROM ${table}`).first<{ n: number }>())?.n ?? 0;

export const objects = async ({ archive }: EventStores): Promise<string[]> =>
  (await archive.list({ limit: 1000 })).objects.map(({ key }) => key);

/** As after the migrations. */
export async function wipe({ ledger, archive }: Pick<Stores, "ledger" | "archive">): Promise<void> {
  await ledger.batch(TABLES.map((name) => ledger.prepare(`DELETE FROM ${name}`)));
  const keys = await objects({ ledger, archive });
  if (keys.length > 0) await archive.delete(keys);
}

const TABLES = [
  ...["events", "event_identities", "runs", "run_history", "tracked", "dead_letters", "replays"],
  ...["segments", "archived", "archive_passes", "replay_counts", "expiries", "rejections", "idempotency"],
];
