// Commits events to a shard: their identities, and a run for each pipeline that wants them or has items of their object.
import type { Event } from "../../../shapes/event.ts";
import type { RunStatus } from "../../../shapes/run.ts";
import type { CommitEvent, CommitOptions, Committed } from "../contract.ts";
import { eventOf, type HeldRun, insertRun, OPEN, pendingOf, runsOfEvent } from "./held-runs.ts";
import { findKnown, rememberEvent } from "./identities.ts";
import { objectOf } from "./places.ts";
import type { ShardTables } from "./tables.ts";
import { trackedAliasesOf } from "./tracked.ts";

/** Time after which nothing heard of a run that a pipeline was called for means that it is sent again, ms. */
export const CALLED_WAIT_MS = 60_000;
/**
 * The same for a run that waits in its pipeline's queue: its message may be lost. A second copy has no second effect; as
 * the queue may just be long, each time is as late again as the run is old.
 */
export const QUEUED_WAIT_MS = 3_600_000;

/** Within a transaction. Returns what became of each event, in order. */
export function commitEvents(
  tables: ShardTables,
  events: CommitEvent[],
  options: CommitOptions,
): Committed[] {
  return events.map((commit) => {
    const { event } = commit;
    const known = findKnown(tables, event, commit.lookups);
    if (known !== undefined)
      return { id: known, runs: known === event.id ? unheardOf(tables, event, options) : [] };
    const object = objectOf(event);
    const tracked = mayBeTracked(event) ? aliasesOfObject(tables, event, object) : [];
    const aliases = new Set([...commit.matched, ...tracked]);
    if (aliases.size === 0) return { id: event.id, runs: [] };
    rememberEvent(tables, event, options.now);
    const runs = [...aliases].map((alias) => newRun(commit, alias, object, options));
    for (const run of runs) insertRun(tables, run);
    return { id: event.id, runs: runs.filter(({ status }) => status === "queued").map(pendingOf) };
  });
}

/** An invocation and a replay name their pipelines; a read changes nothing. */
const mayBeTracked = ({ sender, type, key }: Event) =>
  key !== "" && type !== "accessed" && sender !== "invoke" && sender !== "replay";

/** Pipelines that have items of an object, or may come to have some. */
function aliasesOfObject(tables: ShardTables, event: Event, object: string): string[] {
  const open = ["runs", "letters"].flatMap((place) =>
    tables.database.all<{ alias: string }>(
      place === "runs"
        ? `SELECT DISTINCT alias FROM ${tables.runs} WHERE object = unhex(?) AND status IN ${OPEN}`
        : "SELECT DISTINCT alias FROM letters WHERE object = unhex(?)",
      object,
    ),
  );
  return [...trackedAliasesOf(tables, event), ...open.map(({ alias }) => alias)];
}

function newRun(
  commit: CommitEvent,
  alias: string,
  object: string,
  { now, paused, binding }: CommitOptions,
): HeldRun {
  const { event, replay } = commit;
  const cause = commit.matched.includes(alias) ? commit.cause : "tracked";
  const wait_ms = binding.includes(alias) && cause !== "replayed" ? CALLED_WAIT_MS : QUEUED_WAIT_MS;
  const waits = paused.includes(alias);
  const status: RunStatus = waits ? "pending" : "queued";
  return {
    ...{ place: "runs", object, event_id: event.id, alias, status, progress: 0 },
    // One that waits is due as soon as its pipeline is resumed.
    due_at: waits ? 0 : now + wait_ms,
    ...{ created_at: now, closed_at: null, replay_id: (cause !== "tracked" && replay) || null },
    detail: {
      ...{ cause, wait_ms, attempt: 0, forgiven: 0 },
      history: [{ at: now, status, attempt: 0, cause }],
    },
    event: JSON.stringify(event),
  };
}

/**
 * Runs of an event that was delivered again because its first delivery was cut off: those of which nothing was heard.
 * Another report of the same event has another time of arrival: its runs have left, or the alarm sends them.
 */
function unheardOf(tables: ShardTables, event: Event, { paused }: CommitOptions) {
  return runsOfEvent(tables, event.id)
    .filter(({ status, progress, alias }) => status === "queued" && progress === 0 && !paused.includes(alias))
    .filter((run) => eventOf(run).received_at === event.received_at)
    .map(pendingOf);
}
