// THE SPINE. Every event, whichever sender reported it, goes through route():
//   1. decideAll     which pipelines each event runs; an object is looked at only if the outcome hangs on it
//   2. record        events, reasons and runs, in one transaction
//   3. dispatchJobs  each run to its pipeline; what became of those that were tried at once goes to the ledger
// Each step may be cut off and done again: the next delivery of the same batch goes on where it stopped.

import { withPayloadUrl } from "../dispatch/addressed.ts";
import { dispatch } from "../dispatch/dispatch.ts";
import type { Pipelines } from "../dispatch/pipelines.ts";
import type { Env } from "../env.ts";
import { lookups } from "../receive/identity.ts";
import type { Connections } from "../shapes/connection.ts";
import type { Event } from "../shapes/event.ts";
import type { Job } from "../shapes/job.ts";
import { logInfo, logWarning } from "../shapes/log.ts";
import { openSource } from "../source/open.ts";
import { type DecidedEvent, record } from "../store/ledger/events.ts";
import type { PendingRun } from "../store/ledger/rows.ts";
import { cancelRuns, claimOverdue, markQueued, takeReports } from "../store/ledger/runs.ts";
import { decide } from "./decide.ts";

export interface RouteDeps {
  env: Env;
  pipelines: Pipelines;
  connections: Connections;
  now(): number;
}

/** Routes a batch. Returns the ids of events that must be delivered again, with why. */
export async function route(batch: Event[], deps: RouteDeps): Promise<Map<string, string>> {
  const { decided, undecided } = await decideAll(distinct(batch), deps);
  const pending = await record(deps.env.ledger(), decided, deps.now(), deps.pipelines.deployment);
  for (const decision of decided) logEvent(decision);
  await dispatchJobs(jobsOf(pending, decided), deps);
  return undecided;
}

/** Decides about each event; `undecided` names those whose object's store did not answer, with its answer. */
async function decideAll(events: Event[], deps: RouteDeps) {
  const decided: DecidedEvent[] = [];
  const undecided = new Map<string, string>();
  await Promise.all(
    events.map(async (event) => {
      const source = openSource(event.connection, deps.connections, deps.env);
      const outcome = await decide(event, deps.pipelines.of(event.connection), source);
      if (outcome.ok)
        decided.push({ event, lookups: lookups(event), outcome: outcome.value, cause: "matched" });
      else undecided.set(event.id, outcome.failure.detail);
    }),
  );
  return { decided, undecided };
}

function jobsOf(pending: PendingRun[], decided: DecidedEvent[]): Job[] {
  const events = new Map(decided.map(({ event }) => [event.id, event]));
  return pending.flatMap((run) => {
    const event = events.get(run.event_id);
    return event ? [jobOf(run, event)] : [];
  });
}

/** One line for each event, whatever came of it. */
function logEvent({ event, outcome }: DecidedEvent): void {
  const { id: event_id, connection, sender, type, bucket, key } = event;
  const { matched, refused_count: refused } = outcome;
  logInfo("event", { event_id, connection, sender, type, bucket, key, matched, refused });
}

/** Runs looked after in one page of a sweep, and pages in one sweep. */
const SWEEP_PAGE = 500;
const SWEEP_PAGES = 20;

/**
 * Dispatches again what was committed and has not been heard of for too long: it never left, a queue lost
 * it, or a Worker took it with it. A run that comes through after all has no second effect.
 */
export async function sweep(deps: RouteDeps): Promise<void> {
  for (let page = 0; page < SWEEP_PAGES; page++) {
    const due = await claimOverdue(deps.env.ledger(), deps.now(), SWEEP_PAGE);
    await handOverAll(due, deps);
    if (due.length < SWEEP_PAGE) return;
  }
}

/** Dispatches runs that come each with its event. */
export const handOverAll = (due: { run: PendingRun; event: Event }[], deps: RouteDeps) =>
  dispatchJobs(
    due.map(({ run, event }) => jobOf(run, event)),
    deps,
  );

const jobOf = ({ run_id, alias, cause, attempt, forgiven }: PendingRun, event: Event): Job => {
  return { run_id, alias, event, cause, attempts_before: attempt, ...(forgiven > 0 && { forgiven }) };
};

/** Dispatches jobs and settles what is known of their runs, as soon as it is. */
async function dispatchJobs(jobs: Job[], deps: RouteDeps): Promise<void> {
  const ledger = deps.env.ledger();
  const isDeployed = ({ alias }: Job) => deps.pipelines.get(alias) !== undefined;
  const orphaned = jobs.filter((job) => !isDeployed(job)).map(({ run_id }) => run_id);
  await Promise.all([
    dispatch(
      await Promise.all(jobs.filter(isDeployed).map((job) => withPayloadUrl(job, deps))),
      deps.pipelines,
      deps.env,
      async ({ queued, reports, stuck }) => {
        for (const { run_id, error } of stuck) logWarning("run.stuck", { run_id, error });
        const now = deps.now();
        await Promise.all([markQueued(ledger, queued, now), takeReports(ledger, reports, now)]);
      },
    ),
    cancelRuns(ledger, orphaned, "its pipeline is not deployed any more", deps.now()),
  ]);
}

/** One of each event of a batch: the transaction compares with what is stored, not with its own rows. */
function distinct(batch: Event[]): Event[] {
  const names = new Set<string>();
  return batch.filter((event) => {
    const seen = names.has(event.id) || lookups(event).some((identity) => names.has(identity));
    for (const name of [event.id, ...event.identities]) names.add(name);
    return !seen;
  });
}
