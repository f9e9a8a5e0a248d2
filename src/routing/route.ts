// THE SPINE. Every event, whichever sender reported it, goes through route():
//   1. decideAll     which pipelines each event runs; an object is looked at only if the outcome hangs on it
//   2. recordAll     events that run something to their shards, then the whole batch with its reasons to the log
//   3. dispatchRuns  each run to its pipeline, which reports to the run's shard by itself
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
import type { DueRun, PendingRun } from "../shapes/run-message.ts";
import { openSource } from "../source/open.ts";
import { openStores } from "../store/stores.ts";
import { decide } from "./decide.ts";
import { type DecidedEvent, recordAll } from "./record.ts";

export interface RouteDeps {
  env: Env;
  pipelines: Pipelines;
  connections: Connections;
  now(): number;
}

/** Routes a batch. Returns the ids of events that must be delivered again, with why. */
export async function route(batch: Event[], deps: RouteDeps): Promise<Map<string, string>> {
  const { decided, undecided } = await decideAll(distinct(batch), deps);
  const { due, failed } = await recordAll(decided, deps);
  logEvents(decided.filter(({ event }) => !failed.has(event.id)));
  await dispatchRuns(due, deps);
  for (const [id, { detail }] of failed) undecided.set(id, detail);
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

/** Events that a line names at most: a line holds 256 KB, and a key may be long. */
const MAX_NAMED_EVENTS = 50;

/** Lines for a batch, with what came of each event: lines are what logs are paid by. */
function logEvents(decided: DecidedEvent[]): void {
  for (let at = 0; at < decided.length; at += MAX_NAMED_EVENTS) {
    const events = decided.slice(at, at + MAX_NAMED_EVENTS).map(({ event, outcome }) => {
      const { id: event_id, connection, sender, type, bucket, key } = event;
      const { matched, refused_count: refused } = outcome;
      return { event_id, connection, sender, type, bucket, key, matched, refused };
    });
    logInfo("events", { events });
  }
}

const jobOf = ({ run_id, alias, cause, attempt, forgiven }: PendingRun, event: Event): Job => {
  return { run_id, alias, event, cause, attempts_before: attempt, ...(forgiven > 0 && { forgiven }) };
};

/**
 * Dispatches runs, each with its event. What cannot be handed over is due again at once: its shard's alarm brings it. A
 * run that comes twice has no second effect.
 */
export async function dispatchRuns(due: DueRun[], deps: RouteDeps): Promise<void> {
  if (due.length === 0) return;
  const { shards } = openStores(deps);
  const jobs = due.map(({ run, event }) => jobOf(run, event));
  const isDeployed = ({ alias }: Job) => deps.pipelines.get(alias) !== undefined;
  const orphaned = jobs.filter((job) => !isDeployed(job)).map(({ run_id }) => run_id);
  const addressed = await Promise.all(jobs.filter(isDeployed).map((job) => withPayloadUrl(job, deps)));
  const [stuck] = await Promise.all([
    dispatch(addressed, deps.pipelines, deps.env),
    orphaned.length > 0 && shards.cancel(orphaned, "its pipeline is not deployed any more", deps.now()),
  ]);
  if (stuck.length === 0) return;
  for (const { run_id, error } of stuck) logWarning("run.stuck", { run_id, error });
  await shards.unsent(
    stuck.map(({ run_id }) => run_id),
    deps.now(),
  );
}

/** One of each event of a batch: shards compare with what they hold, not with the batch's own events. */
function distinct(batch: Event[]): Event[] {
  const names = new Set<string>();
  return batch.filter((event) => {
    const seen = names.has(event.id) || lookups(event).some((identity) => names.has(identity));
    for (const name of [event.id, ...event.identities]) names.add(name);
    return !seen;
  });
}
