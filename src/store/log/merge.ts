// Merges lines: whatever was written twice, or is known by two names, becomes one. Merging is idempotent and does not
// hang on order, so any of its results may be merged again with anything. Pure; everything that reads the log ends here.
import { lookups } from "../../receive/identity.ts";
import type { RunOnRecord } from "./contract.ts";
import {
  compareObjects,
  type EventLine,
  isRunLine,
  type LogLine,
  minuteOfLine,
  type PlacedLine,
  placeLine,
} from "./lines.ts";

/**
 * Merges lines and sorts them by object and time: one for each event (its earliest record, with the names of the
 * others), with its runs, each as it is furthest known; and one for each run whose event is not among them.
 */
export function mergeLines(lines: PlacedLine[]): PlacedLine[] {
  const groups = Map.groupBy(lines, ({ hash, line }) => `${hash}${minuteOfLine(line)}`);
  return [...groups.values()].flatMap(mergeMinute).sort(compareObjects);
}

/** Merges the lines of one object and one minute. */
function mergeMinute(placed: PlacedLine[]): PlacedLine[] {
  const [only] = placed;
  if (placed.length === 1 && only && (isRunLine(only.line) || (only.line.runs ?? []).length === 0))
    return [only];
  const runs = new Map<string, RunOnRecord>();
  const events: EventLine[] = [];
  for (const { line } of placed) {
    for (const run of isRunLine(line) ? [line.run] : (line.runs ?? [])) keepRun(runs, run);
    if (!isRunLine(line)) events.push(line);
  }
  const survivors = events.length > 1 ? mergeEvents(events) : events;
  return attachRuns(survivors, [...runs.values()]).map(placeLine);
}

/** Keeps the further of two records of a run. */
function keepRun(runs: Map<string, RunOnRecord>, run: RunOnRecord): void {
  const known = runs.get(run.id);
  if (known === undefined || isFurther(run, known)) runs.set(run.id, run);
}

const isFurther = (run: RunOnRecord, known: RunOnRecord) =>
  run.progress > known.progress ||
  (run.progress === known.progress && JSON.stringify(run) > JSON.stringify(known));

/** An event's line with the names by which it is the same as another. */
interface NamedLine {
  line: EventLine;
  ids: string[];
  identities: string[];
  lookups: string[];
}

const nameLine = (line: EventLine): NamedLine => ({
  line,
  ids: [line.event.id, ...(line.also?.ids ?? [])],
  identities: [...line.event.identities, ...(line.also?.identities ?? [])],
  lookups: [...lookups(line.event), ...(line.also?.lookups ?? [])],
});

/** Merges events that are one by their ids, or by an identity under which one would be looked up and another is known. */
function mergeEvents(events: EventLine[]): EventLine[] {
  const named = [...new Map(events.map((line) => [textOfEvent(line), line])).values()].map(nameLine);
  const leaders = named.map((_, at) => at);
  const lead = (at: number): number => {
    let leader = at;
    while (leaders[leader] !== undefined && leaders[leader] !== leader) leader = leaders[leader] as number;
    return leader;
  };
  const joinAll = (places: number[]) => {
    for (const at of places) leaders[lead(at)] = lead(places[0] ?? at);
  };
  for (const places of placesOf(named, "ids").values()) joinAll(places);
  const known = placesOf(named, "identities");
  for (const [name, places] of placesOf(named, "lookups")) {
    const holders = known.get(name);
    if (holders) joinAll([...places, ...holders]);
  }
  const groups = Map.groupBy(named, (_, at) => lead(at));
  return [...groups.values()].map(mergeSame);
}

/** The places of those that have a name, by the name. */
function placesOf(named: NamedLine[], kind: "ids" | "identities" | "lookups"): Map<string, number[]> {
  const places = new Map<string, number[]>();
  for (const [at, one] of named.entries()) {
    for (const name of one[kind]) {
      const there = places.get(name);
      if (there) there.push(at);
      else places.set(name, [at]);
    }
  }
  return places;
}

const textOfEvent = ({ event, outcome, also }: EventLine) => JSON.stringify([event, outcome, also]);

/** One line of records of the same event. */
function mergeSame(named: NamedLine[]): EventLine {
  const [first, ...others] = named.sort((a, b) => (isEarlier(a.line, b.line) ? -1 : 1));
  if (!first) throw new Error("a group of lines is never empty");
  const { event, outcome, also } = first.line;
  if (others.length === 0) return { event, outcome, ...(also && { also }) };
  const own = { ids: [event.id], identities: event.identities, lookups: lookups(event) };
  const rest = (of: keyof typeof own) =>
    [...new Set(named.flatMap((one) => one[of]))].filter((name) => !own[of].includes(name)).sort();
  const names = { ids: rest("ids"), identities: rest("identities"), lookups: rest("lookups") };
  const isPlain = names.ids.length + names.identities.length + names.lookups.length === 0;
  return { event, outcome, ...(!isPlain && { also: names }) };
}

function isEarlier(a: EventLine, b: EventLine): boolean {
  const [at, other] = [Date.parse(a.event.received_at), Date.parse(b.event.received_at)];
  if (at !== other) return at < other;
  if (a.event.id !== b.event.id) return a.event.id < b.event.id;
  return JSON.stringify([a.event, a.outcome]) < JSON.stringify([b.event, b.outcome]);
}

/** Gives each event its runs, newest first; runs of other events stay by themselves. */
function attachRuns(events: EventLine[], runs: RunOnRecord[]): LogLine[] {
  if (runs.length === 0) return events.map(({ runs: _, ...line }) => line);
  const owners = new Map(
    events.flatMap((line) => [line.event.id, ...(line.also?.ids ?? [])].map((id) => [id, line])),
  );
  const byOwner = Map.groupBy(runs, ({ event_id }) => owners.get(event_id));
  const lone = (byOwner.get(undefined) ?? []).map((run) => ({ run }));
  const whole = events.map((line) => {
    const { runs: _, ...rest } = line;
    const own = byOwner.get(line);
    if (!own) return rest;
    const newest = (a: RunOnRecord, b: RunOnRecord) => b.created_at - a.created_at || (a.id < b.id ? 1 : -1);
    return { ...rest, runs: own.sort(newest) };
  });
  return [...whole, ...lone];
}
