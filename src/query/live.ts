// What changes, as it changes: every second an isolate asks the shards and D1 when something last did, once for all who
// listen in it, and says which kinds of things are no longer as they were. Nothing is read of what changed.
import type { Env } from "../env.ts";
import { type Connections, shardCountOf } from "../shapes/connection.ts";
import {
  readShardChanges,
  readSmallChanges,
  TOPICS,
  type Topic,
  type WatchedShards,
} from "../store/ledger/changes.ts";

interface LiveDeps {
  env: Env;
  connections: Pick<Connections, "ledger">;
  now(): number;
}

export interface LiveMessage {
  event: "changed" | "beat";
  /** When it was found, ms. */
  at: number;
  what: Topic[];
}

interface LiveOptions {
  /** For how long to watch, ms. */
  lastsMs: number;
  /** Whether something may have changed since the listener last heard: then everything counts as changed at first. */
  resumes: boolean;
  /** Waits between two looks. */
  sleep(ms: number): Promise<unknown>;
}

/** Time between two looks, ms. */
const LOOK_MS = 1_000;
/** Age up to which a look of another listener's is as good, ms. */
const FRESH_MS = 900;
/** Shards that are asked in one look: of more, each has its turn. */
const SHARDS_PER_LOOK = 8;
const BEAT_MS = 10_000;
/** Looks that may fail, one after the other, before the watch ends: whoever listens then knows that it does. */
const MAX_FAILED = 3;

/** A mark that changes with its topic, by topic and place. */
type Marks = ReadonlyMap<string, string | number | null>;

/** The last look of this isolate, of whoever listens. */
let last: { marks: Marks; at: number; turn: number } | undefined;

/** The marks as of now: those of a look that is fresh, or of one more. Requests share what was read, and no I/O. */
async function look({ env, connections, now }: LiveDeps): Promise<Marks> {
  if (last && now() - last.at < FRESH_MS) return last.marks;
  const count = shardCountOf(connections);
  const { turn, marks: before } = last ?? { turn: 0, marks: new Map<string, never>() };
  const numbers = Array.from({ length: Math.min(count, SHARDS_PER_LOOK) }, (_, at) => (turn + at) % count);
  // Taken at once, so that of listeners that look at the same time the others take what is known.
  if (last) last = { ...last, at: now(), turn: (turn + numbers.length) % count };
  const shards = env.durableObjects("LEDGER_SHARDS") as unknown as WatchedShards;
  const [times, small] = await Promise.all([
    readShardChanges(shards, numbers),
    readSmallChanges(env.ledger()),
  ]);
  const marks = new Map<string, string | number | null>(before);
  for (const [at, number] of numbers.entries())
    for (const [topic, time] of Object.entries(times[at] ?? {})) marks.set(`${topic} ${number}`, time);
  for (const [topic, mark] of Object.entries(small)) marks.set(`${topic} d1`, mark);
  last = { marks, at: now(), turn: (turn + numbers.length) % count };
  return marks;
}

/** Topics of which a mark is another than it was. */
function changedBetween(before: Marks, after: Marks): Set<Topic> {
  const changed = [...after].filter(([name, mark]) => before.has(name) && before.get(name) !== mark);
  return new Set(changed.map(([name]) => name.split(" ")[0] as Topic));
}

/**
 * Watches for changes. An event is said twice, a second apart: its shard knows it before the log, which lists it, does.
 *
 * @throws FailureError where a shard or D1 does not answer at first
 */
export async function* watchChanges(deps: LiveDeps, options: LiveOptions): AsyncGenerator<LiveMessage> {
  const ends = deps.now() + options.lastsMs;
  let marks = await look(deps);
  let saidAt = deps.now();
  yield options.resumes
    ? { event: "changed", at: saidAt, what: [...TOPICS] }
    : { event: "beat", at: saidAt, what: [] };
  let again = false;
  for (let failed = 0; deps.now() < ends && failed < MAX_FAILED; ) {
    await options.sleep(LOOK_MS);
    const seen = await look(deps).catch(() => undefined);
    failed = seen ? 0 : failed + 1;
    const changed = seen ? changedBetween(marks, seen) : new Set<Topic>();
    marks = seen ?? marks;
    const hasEvents = changed.has("events");
    if (again) changed.add("events");
    again = hasEvents;
    const at = deps.now();
    if (changed.size > 0) yield { event: "changed", at, what: TOPICS.filter((topic) => changed.has(topic)) };
    else if (at - saidAt >= BEAT_MS) yield { event: "beat", at, what: [] };
    else continue;
    saidAt = at;
  }
}
