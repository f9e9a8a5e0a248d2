// Identities: names under which different senders report the same event, so that it is one event however often and by
// whomever it is reported. Pure; `store/` keeps the identities of recorded events and looks new events up by them.
import type { Event } from "../shapes/event.ts";
import { eventId } from "../shapes/event-id.ts";
import { sha256Hex } from "../shapes/hash.ts";

type EventFacts = Pick<Event, "connection" | "bucket" | "key" | "type" | "operation" | "time"> & {
  etag?: string | undefined;
  version_id?: string | undefined;
  sequencer?: string | undefined;
  /** The time of the event where there is none. */
  received_at?: string | undefined;
};

/** Tags of time identities: each lists which stronger identities (sequencer, version) its event has. */
const TIME_TAGS = ["time", "time+seq", "time+ver", "time+seq+ver"] as const;

/**
 * The event's id, which names its strongest identity and its place, and the identities it offers, strongest first.
 *
 * - `seq`: the sequencer, where the sender has AWS's.
 * - `ver`: the version id, for objects created and removed.
 * - `time`: the moment (to the millisecond) and the etag. Its tag names what stronger identities the
 *   event has, because two events that both have a sequencer (or both a version) and differ in it are
 *   two writes, even within one millisecond.
 */
export function identify(facts: EventFacts): Pick<Event, "id" | "identities"> {
  const nameOf = openNamer(facts);
  const identities = strongIdentities(facts, nameOf);
  identities.push(timeIdentity(facts, timeTag(facts), nameOf));
  return {
    id: eventId({ ...facts, received_at: facts.received_at ?? facts.time }, identities[0] ?? ""),
    identities,
  };
}

/**
 * The identities to look an event up by: it is known already if a recorded event has any of them. These are not quite
 * its own identities: by time, only events are looked up that share no stronger kind of identity with it.
 */
export function lookups(facts: EventFacts): string[] {
  const tags = TIME_TAGS.filter(
    (tag) =>
      !(tag.includes("+seq") && sequencerOf(facts) !== undefined) &&
      !(tag.includes("+ver") && versionOf(facts) !== undefined),
  );
  const nameOf = openNamer(facts);
  return [...strongIdentities(facts, nameOf), ...tags.map((tag) => timeIdentity(facts, tag, nameOf))];
}

function strongIdentities(facts: EventFacts, nameOf: Namer): string[] {
  const names: string[] = [];
  const sequencer = sequencerOf(facts);
  const version = versionOf(facts);
  if (sequencer !== undefined) names.push(nameOf("seq", sequencer));
  if (version !== undefined) names.push(nameOf("ver", version));
  return names;
}

/** A moment always has the same length, so what follows it cannot be taken for a part of it. */
const timeIdentity = (facts: EventFacts, tag: string, nameOf: Namer) =>
  nameOf(tag, `${moment(facts.time)} ${facts.etag ?? "-"}`);

/** The time to the millisecond, in UTC; a text that `toISOString` wrote is taken as it is. */
const moment = (time: string) =>
  time.length === 24 && time.endsWith("Z") ? time : new Date(time).toISOString();

const timeTag = (facts: EventFacts) =>
  `time${sequencerOf(facts) === undefined ? "" : "+seq"}${versionOf(facts) === undefined ? "" : "+ver"}`;

/** Sequencers compare right-padded with zeros, so trailing zeros say nothing. No regex: `0+$` is quadratic. */
function sequencerOf({ sequencer }: EventFacts): string | undefined {
  let end = sequencer?.length ?? 0;
  while (end > 0 && sequencer?.[end - 1] === "0") end--;
  return sequencer?.slice(0, end).toLowerCase() || undefined;
}

/** A version names one creation and one removal; other events repeat it. Unversioned buckets say "null". */
const versionOf = (facts: EventFacts) =>
  (facts.type === "created" || facts.type === "removed") && facts.version_id !== "null"
    ? facts.version_id || undefined
    : undefined;

/**
 * The kind of change, as part of every identity: a delete marker bears the version id that a later delete of the marker
 * repeats, and events of type `other` or `accessed` at one moment differ in nothing but their operation.
 */
function changeOf(facts: EventFacts): string {
  if (facts.type === "other" || facts.type === "accessed") return `${facts.type} ${facts.operation}`;
  if (facts.type === "removed" && /marker|archive/i.test(facts.operation)) return "removed, kept below";
  return facts.type;
}

type Namer = (tag: string, value: string) => string;

/** Prepares what all identities of one event have in common: hashing is the dearest step of an event. */
function openNamer(facts: EventFacts): Namer {
  const common = JSON.stringify([facts.connection, facts.bucket, facts.key, changeOf(facts)]);
  return (tag, value) => sha256Hex(`${tag} ${common} ${value}`).slice(0, 32);
}
