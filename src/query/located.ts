// How far an object has come: its newest event, what each pipeline made of it, and all of that as one line of time.
import type { Pipelines } from "../dispatch/pipelines.ts";
import type { PipelineConfig } from "../shapes/config.ts";
import { INDEX_LATE, type RunStatus } from "../shapes/run.ts";
import { searchSettingsSchema } from "../shapes/search.ts";
import type { TrackedObject } from "../store/ledger/contract.ts";
import { versionThen } from "../store/ledger/deployments.ts";
import type { LogEntry, RunOnRecord } from "../store/log/contract.ts";
import type { EventStores } from "../store/stores.ts";
import { iso, recorded, runOf, runsOfEntry } from "./ledger.ts";
import { judge } from "./why.ts";

/** Pipelines of which it is said what they made of the event, at most: those that ran first. */
const MAX_PIPELINES = 20;

/** States of an object, the most pressing first. */
export const LOCATED_STATES = [
  "dead",
  "failed",
  "running",
  "waiting",
  "stored",
  "removed",
  "skipped",
  "cancelled",
  "refused",
  "unknown",
] as const;
export type LocatedState = (typeof LOCATED_STATES)[number];

const STATE_OF: Record<RunStatus, LocatedState> = {
  pending: "waiting",
  queued: "waiting",
  running: "running",
  failed: "failed",
  succeeded: "stored",
  dead: "dead",
  skipped: "skipped",
  cancelled: "cancelled",
};

interface Step {
  at: string;
  step: string;
  text: string;
}

export type LocatedObject = Awaited<ReturnType<typeof describeLocated>>;
type PipelineStep = Awaited<ReturnType<typeof describePipeline>>;

type ObjectName = Pick<TrackedObject, "connection" | "bucket" | "key">;

/** Without an event, only what is stored is said. */
export async function describeLocated(
  { connection, bucket, key }: ObjectName,
  entry: LogEntry | undefined,
  tracked: readonly TrackedObject[],
  stores: EventStores,
  { pipelines }: { pipelines: Pipelines },
) {
  const runs = entry ? await runsOfEntry(stores, entry) : [];
  const steps = entry ? await describePipelines(entry, runs, stores, pipelines) : [];
  const stored = tracked.map(({ alias, items, version, run_id, stored_at }) => ({
    ...{ alias, items, version, run_id },
    stale: version !== null && version !== pipelines.get(alias)?.version,
    stored_at: iso(stored_at),
  }));
  const state = stateOf(entry, steps, stored);
  return {
    ...{ connection, bucket, key, state },
    says: sentenceOf(state, steps, stored),
    event: entry ? eventOf(entry) : null,
    pipelines: steps,
    stored,
    timeline: entry ? timelineOf(entry, runs, steps, tracked) : [],
  };
}

function eventOf({ event, outcome }: LogEntry) {
  const { id, sender, type, operation, time, received_at, size, etag } = event;
  return {
    ...{ id, sender, type, operation, time, received_at, size: size ?? null, etag: etag ?? null },
    matched: outcome.matched,
    refused_count: outcome.refused_count,
  };
}

/** Those that ran, then those that refused. */
async function describePipelines(
  entry: LogEntry,
  runs: readonly RunOnRecord[],
  { ledger }: EventStores,
  pipelines: Pipelines,
) {
  const { event, outcome } = entry;
  const areFiltersRead = event.sender !== "invoke" && event.sender !== "replay";
  const readers = pipelines.all.filter(({ config }) => config.source.connection_id === event.connection);
  const aliases = new Set([
    ...outcome.matched,
    ...runs.map(({ alias }) => alias),
    ...outcome.refused.map(({ alias }) => alias),
    ...(areFiltersRead ? readers.map(({ alias }) => alias) : []),
  ]);
  const isNow = outcome.deployment === pipelines.deployment.id;
  return Promise.all(
    [...aliases].slice(0, MAX_PIPELINES).map(async (alias) => {
      const then = isNow ? pipelines.get(alias) : await versionThen(ledger, outcome.deployment, alias);
      const run = runs.find((one) => one.alias === alias);
      return describePipeline(alias, entry, run, then?.config, pipelines.get(alias)?.config);
    }),
  );
}

function describePipeline(
  alias: string,
  entry: LogEntry,
  run: RunOnRecord | undefined,
  then: PipelineConfig | undefined,
  now: PipelineConfig | undefined,
) {
  const { verdict, reason, clauses } = judge(recorded(entry), alias, then);
  return {
    alias,
    matched: entry.outcome.matched.includes(alias),
    verdict,
    // What was noted when the event was decided comes before what the filter says of it today.
    reason: entry.outcome.refused.find((one) => one.alias === alias)?.reason ?? reason,
    clauses,
    run: run ? runOf(run) : null,
    findable_at: run && isSearched(run, now) ? iso(findableAt(run)) : null,
  };
}

const isSearched = ({ status, items }: RunOnRecord, config: PipelineConfig | undefined) =>
  status === "succeeded" &&
  (items ?? 0) > 0 &&
  config !== undefined &&
  searchSettingsSchema.parse(config.destination.search ?? {}).enabled;

/** When the index had what the run stored: the run waits for it. Null where it was late. */
function findableAt({ steps, ended_at }: RunOnRecord): number | null {
  const indexed = steps?.findLast(({ name }) => name === "indexed");
  if (indexed?.detail === INDEX_LATE) return null;
  return indexed ? indexed.at + indexed.ms : ended_at;
}

function stateOf(
  entry: LogEntry | undefined,
  steps: readonly PipelineStep[],
  stored: readonly { items: number | null }[],
): LocatedState {
  const states = new Set<LocatedState>();
  for (const { run } of steps) if (run) states.add(stateOfRun(run));
  if (stored.some(({ items }) => items !== null && items > 0)) states.add("stored");
  if (entry && steps.every(({ run }) => run === null)) {
    states.add(entry.event.type === "removed" ? "removed" : "refused");
  }
  return LOCATED_STATES.find((state) => states.has(state)) ?? "unknown";
}

const stateOfRun = ({ status, items }: { status: RunStatus; items: number | null }): LocatedState =>
  status === "succeeded" && items === 0 ? "removed" : STATE_OF[status];

function sentenceOf(
  state: LocatedState,
  steps: readonly PipelineStep[],
  stored: readonly { alias: string; items: number | null; stale: boolean }[],
): string {
  const there = steps.filter(({ run }) => run && stateOfRun(run) === state);
  const names = there.map(({ alias }) => alias).join(", ");
  const [first] = there;
  const why = first?.run?.failure?.detail ?? first?.run?.reason ?? "";
  switch (state) {
    case "dead":
      return `${names} gave up on it: ${why}`;
    case "failed":
      return `${names} failed and will try again: ${why}`;
    case "running":
      return `${names} is working on it.`;
    case "waiting":
      return `It waits for ${names}.`;
    case "stored": {
      const held = stored.filter(({ items }) => (items ?? 0) > 0);
      const says = held.map(
        ({ alias, items, stale }) => `${items} by ${alias}${stale ? ", of an earlier version" : ""}`,
      );
      return says.length === 0 ? `${names} is done with it.` : `Its items are stored: ${says.join("; ")}.`;
    }
    case "removed":
      return "It is gone, and no items of it are kept.";
    case "skipped":
    case "cancelled":
      return `${names} ${state === "skipped" ? "had nothing to do" : "was cancelled"}: ${why}`;
    case "refused": {
      const [one] = steps;
      return one ? `No pipeline wanted it. ${one.alias}: ${one.reason}` : "No pipeline reads its connection.";
    }
    case "unknown":
      return "Nothing is stored of it.";
  }
}

function timelineOf(
  { event, outcome }: LogEntry,
  runs: readonly RunOnRecord[],
  steps: readonly PipelineStep[],
  tracked: readonly TrackedObject[],
) {
  const matched = outcome.matched.join(", ") || "nobody";
  const timeline: Step[] = [
    { at: event.time, step: "happened", text: `${event.operation}, by the clock of ${event.sender}` },
    { at: event.received_at, step: "received", text: `from ${event.sender} by ${event.connection}` },
    {
      at:
        runs.length > 0
          ? (iso(Math.min(...runs.map(({ created_at }) => created_at))) ?? "")
          : event.received_at,
      step: "decided",
      text: `wanted by ${matched}${outcome.refused_count > 0 ? `, refused by ${outcome.refused_count}` : ""}${outcome.object ? ", after a look at the object" : ""}`,
    },
  ];
  for (const { alias, history } of runs)
    for (const { at, status, cause } of history)
      timeline.push({ at: iso(at) ?? "", step: status, text: `${alias}${cause ? `: ${cause}` : ""}` });
  for (const { alias, run_id, stored_at, items } of tracked)
    if (stored_at !== null && runs.some(({ id }) => id === run_id))
      timeline.push({ at: iso(stored_at) ?? "", step: "stored", text: `${items} items of ${alias}` });
  for (const { alias, findable_at } of steps)
    if (findable_at !== null) timeline.push({ at: findable_at, step: "findable", text: `items of ${alias}` });
  // What is of one moment stays in order.
  return timeline
    .map((step) => ({ ...step, at: new Date(step.at).toISOString() }))
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}
