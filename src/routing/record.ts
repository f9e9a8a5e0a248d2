// Puts events on record: those of objects to their shards, which know whether they are new and what they run, and all of
// them with their reasons to the log, as one object for each minute. Used by every door: queues, invocations, replays.
import type { Pipelines } from "../dispatch/pipelines.ts";
import type { Env } from "../env.ts";
import type { Connections } from "../shapes/connection.ts";
import { type Failure, FailureError } from "../shapes/failure.ts";
import type { DueRun } from "../shapes/run-message.ts";
import { type Holds, readHolds } from "../store/erasure/tombstones.ts";
import type { CommitEvent } from "../store/ledger/contract.ts";
import { recordDeployment } from "../store/ledger/deployments.ts";
import { recordRefused } from "../store/ledger/rejections.ts";
import { confirmShards } from "../store/ledger/shard-count.ts";
import type { EventOutcome, LogEntry } from "../store/log/contract.ts";
import { openStores } from "../store/stores.ts";

/** An event with what was decided about it, ready to be recorded. */
export interface DecidedEvent extends Omit<CommitEvent, "matched"> {
  outcome: EventOutcome;
}

interface RecordDeps {
  env: Env;
  connections: Connections;
  pipelines: Pipelines;
  now(): number;
}

/** What became of a batch. */
export interface Recorded {
  /** Runs that are to be dispatched now: new ones, and those of an earlier delivery of which nothing was heard. */
  due: DueRun[];
  /** Events whose shard did not take them, by their ids: they are to come again. */
  failed: Map<string, Failure>;
}

/**
 * Records events. An event that is known by any of its identities adds nothing. The shards come first: cut off before the
 * log is written, the next delivery writes it.
 */
export async function recordAll(all: DecidedEvent[], deps: RecordDeps): Promise<Recorded> {
  const failed: Recorded["failed"] = new Map();
  if (all.length === 0) return { due: [], failed };
  const stores = openStores(deps);
  const { ledger, shards, log } = stores;
  await confirmShards(stores, deps.now());
  const { deployment } = deps.pipelines;
  const [holds] = await Promise.all([
    readHolds(
      ledger,
      all.map(({ event }) => event),
      deps.env,
    ),
    recordDeployment(ledger, deployment, deps.now()),
  ]);
  const decided = await refuseErased(all, holds, deps);
  const options = {
    now: deps.now(),
    paused: holds.paused.map(({ alias }) => alias),
    binding: deps.pipelines.all.flatMap(({ alias, config }) =>
      config.dispatch === "binding" ? [alias] : [],
    ),
  };
  const committed = await shards.commit(decided.map(commitOf), options);
  const due: DueRun[] = [];
  const own: LogLine[] = [];
  for (const [at, { event, outcome }] of decided.entries()) {
    const { id, runs = [], failure } = committed[at] ?? {};
    if (failure) failed.set(event.id, failure);
    else if (id === event.id) own.push({ event, outcome: { ...outcome, deployment: deployment.id } });
    due.push(...runs.map((run) => ({ run, event })));
  }
  await log.append(own);
  return { due, failed };
}

/** Leaves out events of objects that were erased after them. They are counted as refused, and nothing of them is kept. */
async function refuseErased(
  decided: DecidedEvent[],
  holds: Holds,
  deps: RecordDeps,
): Promise<DecidedEvent[]> {
  const late = decided.filter(({ event }) => holds.isErased(event));
  if (late.length === 0) return decided;
  const at = deps.now();
  await recordRefused(
    deps.env.ledger(),
    late.map(({ event: { connection, sender } }) => ({ connection, scheme: sender, failure: ERASED, at })),
  );
  return decided.filter((one) => !late.includes(one));
}

/** Why an event is refused whose object was erased after it. */
export const ERASED: Failure = {
  kind: "erased",
  detail: "The object was erased after the time of this event.",
  next: "Upload it again: what is of later is taken.",
};

type LogLine = Pick<LogEntry, "event" | "outcome">;

/** As {@link recordAll}, for those who cannot have a part of it come again. @throws FailureError of a shard */
export async function recordWhole(decided: DecidedEvent[], deps: RecordDeps): Promise<DueRun[]> {
  const { due, failed } = await recordAll(decided, deps);
  const [failure] = failed.values();
  if (failure) throw new FailureError(failure);
  return due;
}

const commitOf = ({ event, lookups, outcome, cause, replay }: DecidedEvent): CommitEvent => ({
  ...{ event, lookups, matched: outcome.matched, cause },
  ...(replay !== undefined && { replay }),
});
