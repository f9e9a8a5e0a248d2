// What the tests of the log have in common: events of a small world, in which senders report each other's events and
// everything comes twice, and a plain model of what the log is to answer.
import fc from "fast-check";
import { expect } from "vitest";
import { identify, lookups } from "../../src/receive/identity.ts";
import type { Event } from "../../src/shapes/event.ts";
import { minuteOfId, objectHex, placeOf, runId } from "../../src/shapes/event-id.ts";
import type {
  EventLog,
  EventOutcome,
  LogEntry,
  LogPlace,
  LogRange,
  ObjectsRange,
  RunOnRecord,
} from "../../src/store/log/contract.ts";

export const MINUTE = 60_000;
export const DAY = 86_400_000;
/** The first minute of a day. */
export const START = Date.parse("2026-11-02T00:00:00.000Z");

type Appended = Pick<LogEntry, "event" | "outcome">;

/** What an event of the small world is drawn from. */
export interface EventSpec {
  connection: string;
  bucket: string;
  key: string;
  type: Event["type"];
  sender: Event["sender"];
  /** ms after START. */
  at: number;
  /** ms from its time to its arrival. */
  late: number;
  etag?: string | undefined;
  sequencer?: string | undefined;
  version_id?: string | undefined;
  alias?: string | undefined;
}

export function eventOf(spec: EventSpec): Appended {
  const { connection, bucket, key, type, sender, at, late, etag, sequencer, version_id, alias } = spec;
  const facts = {
    ...{ connection, bucket, key, type, operation: "Put", time: new Date(START + at).toISOString() },
    ...{ received_at: new Date(START + at + late).toISOString() },
    ...(etag !== undefined && { etag }),
    ...(sequencer !== undefined && { sequencer }),
    ...(version_id !== undefined && { version_id }),
  };
  const outcome: EventOutcome = {
    matched: alias === undefined ? [] : [alias],
    refused: [],
    refused_count: 1,
  };
  // An invocation has no name but its id.
  const names = sender === "invoke" ? { ...identify(facts), identities: [] } : identify(facts);
  return { event: { ...facts, ...names, sender, hops: 0 }, outcome };
}

export function runOf(event: Event, alias: string, progress: number): RunOnRecord {
  const { id: event_id, connection, bucket, key } = event;
  // By the id alone: two records of an event may differ in their time, and a run is the same by either.
  const created_at = minuteOfId(event_id) * MINUTE;
  return {
    ...{ id: runId(event_id, alias), event_id, alias, cause: "matched", connection, bucket, key },
    ...{ status: progress % 10 === 5 ? "succeeded" : "failed", progress, attempt: Math.floor(progress / 10) },
    ...{ version: "v", commit: null, etag: null, items: 1, reason: null, failure: null, log: [] },
    ...{ embeddings: null, replay_id: null, created_at, started_at: null, ended_at: null },
    history: [{ at: created_at, status: "queued", attempt: progress, cause: null }],
  };
}

/** Few objects and moments, so that much falls together; `minutes` are those in which events may be. */
export const eventSpecs = (minutes: number[]): fc.Arbitrary<EventSpec> =>
  fc.record({
    connection: fc.constantFrom("c1", "c2"),
    bucket: fc.constantFrom("b1", "b2"),
    key: fc.oneof({ weight: 8, arbitrary: fc.constantFrom("a", "b", "c/ä", "d") }, fc.constant("")),
    type: fc.oneof(
      { weight: 6, arbitrary: fc.constant("created" as const) },
      fc.constantFrom("removed", "accessed"),
    ),
    sender: fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom("s3", "eventbridge") },
      fc.constantFrom("replay", "invoke"),
    ),
    at: fc
      .tuple(fc.constantFrom(...minutes), fc.constantFrom(0, 1, 30_000, 59_999))
      .map(([minute, ms]) => minute * MINUTE + ms),
    late: fc.constantFrom(0, 100, 200, 70_000),
    etag: fc.option(fc.constantFrom("e1", "e2"), { nil: undefined }),
    sequencer: fc.option(fc.constantFrom("01", "02"), { nil: undefined }),
    version_id: fc.option(fc.constantFrom("v1", "v2"), { nil: undefined }),
    alias: fc.option(fc.constantFrom("p", "q"), { nil: undefined }),
  });

/** What the log has been given, and what it is to answer: everything at once, by plain comparison of all with all. */
export class LogModel {
  readonly events: Appended[] = [];
  readonly runs: RunOnRecord[] = [];

  #known: { size: number; entries: LogEntry[] } = { size: 0, entries: [] };

  entries(): LogEntry[] {
    const size = this.events.length + this.runs.length;
    if (this.#known.size !== size) this.#known = { size, entries: this.#compute() };
    return this.#known.entries;
  }

  #compute(): LogEntry[] {
    const groups: Appended[][] = [];
    for (const one of this.events) {
      const same = groups.filter((group) => group.some((other) => isSame(one.event, other.event)));
      for (const group of same) groups.splice(groups.indexOf(group), 1);
      groups.push([...same.flat(), one]);
    }
    return groups.map((group) => {
      const [first] = group.sort((a, b) => order(sortKey(a), sortKey(b)));
      const ids = new Set(group.map(({ event }) => event.id));
      const furthest = new Map<string, RunOnRecord>();
      for (const run of this.runs.filter(({ event_id }) => ids.has(event_id))) {
        const known = furthest.get(run.id);
        if (!known || run.progress > known.progress) furthest.set(run.id, run);
      }
      const runs = [...furthest.values()].sort((a, b) => b.created_at - a.created_at || order(b.id, a.id));
      return { ...(first as Appended), runs };
    });
  }

  find(id: string): LogEntry | null {
    return this.entries().find((entry) => isKnownAs(entry.event, id, this.events)) ?? null;
  }

  walk({ order: direction, connection, key, since, until }: LogRange): LogEntry[] {
    const sign = direction === "oldest first" ? 1 : -1;
    return this.entries()
      .filter(({ event }) => connection === undefined || event.connection === connection)
      .filter(({ event }) => key === undefined || event.key === key)
      .filter(
        ({ event }) => placeOf(event) >= (since ?? 0) && placeOf(event) < (until ?? Number.MAX_SAFE_INTEGER),
      )
      .sort((a, b) => sign * comparePlace(a, b));
  }

  objects({ connection, since, until, without }: ObjectsRange): LogEntry[] {
    const events = this.walk({ order: "oldest first", connection, until }).filter(
      ({ event: { key, sender, type } }) =>
        key !== "" && sender !== without && !(without === "invoke" && type === "accessed"),
    );
    const rank = (entry: LogEntry) => (entry.event.sender === "replay" ? 0 : 1);
    const byObject = Map.groupBy(events, ({ event }) => objectHex(event));
    return [...byObject]
      .sort(([a], [b]) => order(a, b))
      .map(([, all]) => all.sort((a, b) => rank(b) - rank(a) || comparePlace(b, a))[0] as LogEntry)
      .filter(({ event }) => placeOf(event) >= (since ?? 0));
  }
}

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const comparePlace = (a: LogEntry, b: LogEntry) =>
  placeOf(a.event) - placeOf(b.event) || order(a.event.id, b.event.id);
const sortKey = (one: Appended) =>
  JSON.stringify([Date.parse(one.event.received_at), one.event.id, [one.event, one.outcome]]);

/** One event: by the id, or by a name under which either would be looked up, in one minute. */
function isSame(a: Event, b: Event): boolean {
  if (a.id === b.id) return true;
  if (a.key === "" || minuteOfId(a.id) !== minuteOfId(b.id)) return false;
  return (
    lookups(a).some((name) => b.identities.includes(name)) ||
    lookups(b).some((name) => a.identities.includes(name))
  );
}

/** Whether the event is what an id has become: itself, or what is the same by way of others. */
function isKnownAs(event: Event, id: string, all: Appended[]): boolean {
  const known = new Set([event.id]);
  for (let size = 0; size < known.size; ) {
    size = known.size;
    for (const one of all)
      if (all.some((other) => known.has(other.event.id) && isSame(one.event, other.event)))
        known.add(one.event.id);
  }
  return known.has(id);
}

/** All pages of a walk. */
export async function walkAll(log: EventLog, range: LogRange, limit: number): Promise<LogEntry[]> {
  const all: LogEntry[] = [];
  let after: LogPlace | undefined;
  for (let pages = 0; pages < 10_000; pages++) {
    const { entries, next } = await log.walk(range, after, limit);
    if (entries.length > limit) throw new Error(`a page of ${entries.length}, where ${limit} is the limit`);
    all.push(...entries);
    if (!next) return all;
    after = next;
  }
  throw new Error("the walk does not end");
}

/** All pages of a walk over objects. */
export async function walkAllObjects(log: EventLog, range: ObjectsRange, limit: number): Promise<LogEntry[]> {
  const all: LogEntry[] = [];
  let after: string | undefined;
  for (let pages = 0; pages < 10_000; pages++) {
    const { entries, next } = await log.walkObjects(range, after, limit);
    if (entries.length > limit) throw new Error(`a page of ${entries.length}, where ${limit} is the limit`);
    all.push(...entries);
    if (next === undefined) return all;
    after = next;
  }
  throw new Error("the walk does not end");
}

/** A batch of events, and runs of them, written in either order, once or twice. */
export const batchSpecs = (minutes: number[]) =>
  fc.record({
    specs: fc.array(eventSpecs(minutes), { minLength: 1, maxLength: 6 }),
    runs: fc.array(fc.tuple(fc.nat(5), fc.constantFrom("p", "q"), fc.constantFrom(11, 13, 15, 25)), {
      maxLength: 3,
    }),
    twice: fc.boolean(),
    runsFirst: fc.boolean(),
  });

export type BatchSpec = ReturnType<typeof batchSpecs> extends fc.Arbitrary<infer T> ? T : never;

/** Writes a batch to the log and to its model. `attempt` makes a step happen, and may try it several times. */
export async function writeBatch(
  log: EventLog,
  model: LogModel,
  batch: BatchSpec,
  attempt: (step: () => Promise<void>) => Promise<void> = (step) => step(),
): Promise<void> {
  const events = batch.specs.map(eventOf);
  const runs = batch.runs.flatMap(([at, alias, progress]): RunOnRecord[] => {
    const one = events[at];
    return one ? [runOf(one.event, alias, progress)] : [];
  });
  const steps = [() => log.append(events), () => log.appendRuns(runs)];
  for (const step of batch.runsFirst ? steps.reverse() : steps) {
    await attempt(step);
    if (batch.twice) await attempt(step);
  }
  model.events.push(...events);
  model.runs.push(...runs);
}

/** Fails where the log does not answer as its model does, whichever way it is asked and in whatever pages. */
export async function expectSame(log: EventLog, model: LogModel, limits = [1, 3, 100]): Promise<void> {
  const middle = { since: START + MINUTE, until: START + 70 * MINUTE + 30_000 };
  for (const limit of limits) {
    for (const order of ["newest first", "oldest first"] as const) {
      for (const range of [
        { order },
        { order, connection: "c1", ...middle },
        { order, connection: "c2", key: "a" },
        { order, key: "c/ä", ...middle },
      ])
        expect(await walkAll(log, range, limit), JSON.stringify([range, limit])).toEqual(model.walk(range));
    }
    for (const without of ["replay", "invoke"] as const) {
      for (const range of [
        { connection: "c1", without },
        { connection: "c2", without, ...middle },
      ])
        expect(await walkAllObjects(log, range, limit), JSON.stringify([range, limit])).toEqual(
          model.objects(range),
        );
    }
  }
  for (const id of new Set(model.events.map(({ event }) => event.id)))
    expect(await log.find(id), id).toEqual(model.find(id));
}
