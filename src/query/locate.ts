// Where is my file: finds objects by a key, by the beginning of one, or by an id of anything that came of them, and says of
// each how far it has come (located.ts). By look-ups alone: the shards' objects by key, the log by object, ids by what they
// name, and the log's last minutes, so that what has just come is found whatever became of it.
import type { Pipelines } from "../dispatch/pipelines.ts";
import type { Env } from "../env.ts";
import type { Connections } from "../shapes/connection.ts";
import { isEventId, partsOfRun, runId, shortParts } from "../shapes/event-id.ts";
import { openCollection } from "../store/collections/open.ts";
import type { TrackedObject } from "../store/ledger/contract.ts";
import { getReplay } from "../store/ledger/replays.ts";
import type { LogEntry, LogPlace } from "../store/log/contract.ts";
import { findByAnyId } from "../store/moving/old-ids.ts";
import { type EventStores, openStores } from "../store/stores.ts";
import { describeLocated, type LocatedObject } from "./located.ts";

export interface LocateDeps {
  env: Env;
  connections: Connections;
  pipelines: Pipelines;
  now(): number;
}

/** What the words turned out to be. */
export interface Found {
  kind: "key" | "prefix" | "event" | "run" | "item" | "replay" | "nothing";
  /** The id, where it is one. */
  id: string | null;
  /** Of an item. */
  collection: string | null;
}

type ObjectName = Pick<TrackedObject, "connection" | "bucket" | "key">;
interface Candidate extends ObjectName {
  /** The event to speak of; absent: the object's newest, which is still to be found. */
  entry?: LogEntry;
  tracked: TrackedObject[];
}

/** Objects of which the newest event is looked up: each costs reads of the log. */
const MAX_DETAILED = 5;
/** How far back what has just come is looked through, ms, and how much of it. */
const RECENT_MS = 15 * 60_000;
const RECENT_EVENTS = 200;
/** Events of one key that are read at first: those of other buckets are among them. */
const HISTORY_EVENTS = 20;
const MINUTE_MS = 60_000;
/** Pages of a minute's events that are looked through for a short id. */
const MAX_SHORT_PAGES = 20;

/** Answers `GET /v1/locate`. */
export async function locate(
  q: string,
  limit: number,
  deps: LocateDeps,
): Promise<{ found: Found; data: LocatedObject[]; more: boolean }> {
  const stores = openStores(deps);
  const { found, candidates } = (await byId(q, stores, deps)) ?? (await byKey(q, limit, stores, deps.now()));
  const shown = candidates.slice(0, limit);
  const data = await Promise.all(
    shown.map(async ({ entry, tracked, ...name }, at) => {
      const known = entry ?? (at < MAX_DETAILED ? await newestOf(name, stores) : undefined);
      return describeLocated(name, known, tracked, stores, deps);
    }),
  );
  return { found, data, more: candidates.length > limit };
}

/** What an id leads to; undefined for what is no id, or one of nothing. */
async function byId(
  q: string,
  stores: EventStores,
  deps: LocateDeps,
): Promise<{ found: Found; candidates: Candidate[] } | undefined> {
  const short = shortParts(q);
  if (short) return byShortId(short, stores);
  const eventId = isEventId(q) ? q : partsOfRun(q)?.event_id;
  if (eventId !== undefined) {
    const entry = await findByAnyId(stores.ledger, eventId, (id) => stores.log.find(id));
    if (!entry) return undefined;
    const kind = isEventId(q) ? "event" : "run";
    return { found: { kind, id: q, collection: null }, candidates: [await candidateOf(entry, stores)] };
  }
  if (q.startsWith("rpl_") && (await getReplay(stores.ledger, q)))
    return { found: { kind: "replay", id: q, collection: null }, candidates: [] };
  return /^itm_[0-9a-f]{32}_\d+$/.test(q) ? byItem(q, stores, deps) : undefined;
}

/** What a short id leads to: the one event of its minute that ends so. */
async function byShortId(
  { minute, rest, alias }: { minute: number; rest: string; alias?: string },
  stores: EventStores,
): Promise<{ found: Found; candidates: Candidate[] } | undefined> {
  const range = {
    order: "newest first",
    since: minute * MINUTE_MS,
    until: (minute + 1) * MINUTE_MS,
  } as const;
  const ending: LogEntry[] = [];
  let after: LogPlace | undefined;
  for (let pages = 0; pages < MAX_SHORT_PAGES; pages++) {
    const { entries, next } = await stores.log.walk(range, after, RECENT_EVENTS);
    ending.push(...entries.filter(({ event }) => event.id.endsWith(rest)));
    if (next === undefined) break;
    after = next;
  }
  const [entry, other] = ending;
  if (!entry || other) return undefined;
  const found: Found =
    alias === undefined
      ? { kind: "event", id: entry.event.id, collection: null }
      : { kind: "run", id: runId(entry.event.id, alias), collection: null };
  return { found, candidates: [await candidateOf(entry, stores)] };
}

const candidateOf = async (entry: LogEntry, { shards }: EventStores): Promise<Candidate> => {
  const { connection, bucket, key } = entry.event;
  const tracked = key === "" ? [] : await shards.ofKey(key).under(key, HISTORY_EVENTS);
  return {
    ...{ connection, bucket, key, entry },
    tracked: tracked.filter((one) => isSame(one, { connection, bucket, key })),
  };
};

/** The object of an item, whichever collection has it. */
async function byItem(id: string, stores: EventStores, { pipelines, connections, env }: LocateDeps) {
  const destinations = new Map(
    pipelines.all.map(({ config: { destination } }) => [destination.collection, destination]),
  );
  const looks = [...destinations].map(async ([collection, destination]) => {
    const item = await openCollection(destination, connections, env).get(id);
    return item ? [{ collection, item }] : [];
  });
  const [held] = (await Promise.all(looks)).flat();
  if (!held) return undefined;
  const entry = await stores.log.find(held.item.lineage.event_id);
  const { connection, bucket, key } = held.item.set;
  const found: Found = { kind: "item", id, collection: held.collection };
  const candidate = entry
    ? await candidateOf(entry, stores)
    : { connection, bucket, key, tracked: await stores.shards.ofKey(key).under(key, HISTORY_EVENTS) };
  return { found, candidates: [candidate] };
}

/** Objects of this key, then those whose keys begin so. */
async function byKey(q: string, limit: number, { shards, log }: EventStores, now: number) {
  const [tracked, history, recent] = await Promise.all([
    shards.under(q, limit + 1),
    log.walk({ order: "newest first", key: q }, undefined, HISTORY_EVENTS),
    log.walk({ order: "newest first", since: now - RECENT_MS }, undefined, RECENT_EVENTS),
  ]);
  const candidates = new Map<string, Candidate>();
  const take = (name: ObjectName): Candidate => {
    const { connection, bucket, key } = name;
    const id = JSON.stringify([connection, bucket, key]);
    const known = candidates.get(id) ?? { connection, bucket, key, tracked: [] };
    candidates.set(id, known);
    return known;
  };
  for (const entry of [...history.entries, ...recent.entries])
    if (entry.event.key.startsWith(q)) take(entry.event).entry ??= entry;
  for (const one of tracked) take(one).tracked.push(one);
  const sorted = [...candidates.values()].sort(
    (a, b) => Number(b.key === q) - Number(a.key === q) || order(a, b),
  );
  const kind = sorted.length === 0 ? "nothing" : sorted.some(({ key }) => key === q) ? "key" : "prefix";
  return { found: { kind, id: null, collection: null } satisfies Found, candidates: sorted };
}

const order = (a: ObjectName, b: ObjectName) =>
  a.key === b.key ? (a.bucket < b.bucket ? -1 : 1) : a.key < b.key ? -1 : 1;

const isSame = (a: ObjectName, b: ObjectName) =>
  a.key === b.key && a.bucket === b.bucket && a.connection === b.connection;

/** The newest event of an object; of many events of its key in other buckets, among the newest only. */
async function newestOf(name: ObjectName, { log }: EventStores): Promise<LogEntry | undefined> {
  const { connection, key } = name;
  const page = await log.walk({ order: "newest first", connection, key }, undefined, HISTORY_EVENTS);
  return page.entries.find(({ event }) => isSame(event, name));
}
