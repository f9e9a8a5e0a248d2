// THE SPINE. Every event, whoever told it, goes through here:
//   1. match     which pipelines want it; the object is looked at only if the outcome hangs on it
//   2. record    events, reasons and runs, in one transaction
//   3. dispatch  each run to its pipeline
//   4. settle    what became of the runs that were tried at once
// Each step may be cut off and done again: the next delivery of the same batch goes on where it stopped.

import { decide } from "./decide.ts";
import { dispatch } from "./dispatch/dispatch.ts";
import type { Pipelines } from "./dispatch/pipelines.ts";
import type { Surroundings } from "./env.ts";
import { lookups } from "./receive/identity.ts";
import type { Connections } from "./shapes/connection.ts";
import type { Event } from "./shapes/event.ts";
import type { Job } from "./shapes/job.ts";
import { openSource } from "./source/open.ts";
import { type Decided, markQueued, overdue, type PendingRun, record, takeReports } from "./store/ledger.ts";

export interface RouteDeps {
  env: Surroundings;
  pipelines: Pipelines;
  connections: Connections;
  now(): number;
}

/** Routes a batch. Returns the ids of events that must be delivered again, with why. */
export async function route(batch: Event[], deps: RouteDeps): Promise<Map<string, string>> {
  const again = new Map<string, string>();
  const decided: Decided[] = [];
  await Promise.all(
    distinct(batch).map(async (event) => {
      const source = openSource(event.connection, deps.connections, deps.env);
      const outcome = await decide(event, deps.pipelines.of(event.connection), source);
      if (outcome.ok)
        decided.push({ event, lookups: lookups(event), outcome: outcome.value, cause: "matched" });
      else again.set(event.id, outcome.failure.detail);
    }),
  );
  const pending = await record(deps.env.ledger(), decided, deps.now(), deps.pipelines.deployment);
  await handOver(pending, new Map(decided.map(({ event }) => [event.id, event])), deps);
  return again;
}

/** Runs younger than this may still be on their way. */
const OVERDUE_MS = 60_000;
const SWEEP_LIMIT = 500;

/** Dispatches what was committed and never left: its Worker was killed, or a queue would not take it. */
export async function sweep(deps: RouteDeps): Promise<void> {
  const due = await overdue(deps.env.ledger(), deps.now() - OVERDUE_MS, SWEEP_LIMIT);
  await handOver(
    due.map(({ run }) => run),
    new Map(due.map(({ event }) => [event.id, event])),
    deps,
  );
}

/** Dispatches committed runs and settles what is known of them. */
export async function handOver(
  pending: PendingRun[],
  events: ReadonlyMap<string, Event>,
  deps: RouteDeps,
): Promise<void> {
  const jobs = pending.flatMap((run): Job[] => {
    const event = events.get(run.event_id);
    return event
      ? [{ run_id: run.run_id, alias: run.alias, event, cause: run.cause, attempts_before: run.attempt }]
      : [];
  });
  const { queued, reports, stuck } = await dispatch(jobs, deps.pipelines, deps.env);
  for (const { run_id, error } of stuck) console.warn(JSON.stringify({ log: "run.stuck", run_id, error }));
  await Promise.all([
    markQueued(deps.env.ledger(), queued, deps.now()),
    takeReports(deps.env.ledger(), reports),
  ]);
}

/** One of each event of a batch: the transaction compares with what is stored, not with its own rows. */
function distinct(batch: Event[]): Event[] {
  const known = new Set<string>();
  return batch.filter((event) => {
    const seen = known.has(event.id) || lookups(event).some((identity) => known.has(identity));
    for (const name of [event.id, ...event.identities]) known.add(name);
    return !seen;
  });
}
