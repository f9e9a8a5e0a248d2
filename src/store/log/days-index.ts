// The index of what has been folded by object: the hours and days that there are, how much they hold, the fold that is
// under way, and what is left to delete. It is replaced on its etag alone, so what two of them do at once counts once.
import type { R2Bucket } from "@cloudflare/workers-types";
import { connectionOfLine, isRunLine, MINUTE_MS, type PlacedLine, runsOfLine } from "./lines.ts";
import { INDEX, partKey } from "./names.ts";

/** How much there is of a connection. `chars` is the length of its lines, `bytes` its share of what they take in R2. */
export interface HeldCounts {
  events: number;
  runs: number;
  chars: number;
  bytes: number;
  oldest: number;
  newest: number;
}

/** Lines of an hour or a day, or late ones of it, by object, in 2^bits parts by the first bits of their hashes. */
export interface LogPeriod {
  name: string;
  /** First minute, and number of minutes. */
  first: number;
  minutes: number;
  bits: number;
  folded_at: number;
  held: Record<string, HeldCounts>;
  /** How often parts were written anew, by their numbers; absent for the others. */
  revisions?: Record<number, number>;
}

/** A period that is being written: part after part, from sources that stay until it is whole. */
export interface FoldJob extends LogPeriod {
  fresh: string[];
  periods: string[];
  /** The next part to write. */
  lane: number;
}

export interface DaysIndex {
  /** Number of the next period: no name is used twice. */
  serial: number;
  periods: LogPeriod[];
  job?: FoldJob;
  /** Objects whose lines are elsewhere by now. */
  garbage: string[];
}

/** The index as it was read, with the etag on which it may be replaced. */
export interface ReadIndex {
  index: DaysIndex;
  etag: string | undefined;
}

export async function readIndex(bucket: R2Bucket): Promise<ReadIndex> {
  const object = await bucket.get(INDEX);
  if (!object) return { index: { serial: 1, periods: [], garbage: [] }, etag: undefined };
  return { index: await object.json<DaysIndex>(), etag: object.etag };
}

/** Replaces the index, unless somebody else has since it was read. Returns the new etag. */
export async function replaceIndex(
  bucket: R2Bucket,
  { index, etag }: ReadIndex,
): Promise<string | undefined> {
  const onlyIf = etag === undefined ? { etagDoesNotMatch: "*" } : { etagMatches: etag };
  const object = await bucket.put(INDEX, JSON.stringify(index), { onlyIf });
  return object?.etag;
}

/** The key of a part of a period. */
export const partOf = ({ name, revisions }: Pick<LogPeriod, "name" | "revisions">, lane: number) =>
  partKey(name, lane, revisions?.[lane]);

/** Keys of all parts of a period. */
export const partsOf = (period: Pick<LogPeriod, "name" | "bits" | "revisions">) =>
  Array.from({ length: 2 ** period.bits }, (_, lane) => partOf(period, lane));

/** The index without the fold that is under way: what it has written is garbage. */
export const withoutJob = ({ job, ...index }: DaysIndex): DaysIndex => ({
  ...index,
  garbage: [...index.garbage, ...(job ? partsOf(job) : [])],
});

/** Events of a period, of all connections. */
export const eventsOf = ({ held }: Pick<LogPeriod, "held">) =>
  Object.values(held).reduce((sum, { events }) => sum + events, 0);

/** Adds lines to what is held, by connection; `bytes` is what they take all together. */
export function addHeld(held: Record<string, HeldCounts>, lines: PlacedLine[], bytes: number): void {
  const lengths = lines.map(({ line }) => JSON.stringify(line).length);
  const all = lengths.reduce((sum, length) => sum + length, 0);
  for (const [index, { at, line }] of lines.entries()) {
    const name = connectionOfLine(line);
    const known = held[name] ?? { events: 0, runs: 0, chars: 0, bytes: 0, oldest: at, newest: at };
    const chars = lengths[index] ?? 0;
    held[name] = {
      events: known.events + (isRunLine(line) ? 0 : 1),
      runs: known.runs + runsOfLine(line).length,
      chars: known.chars + chars,
      bytes: known.bytes + (bytes * chars) / Math.max(1, all),
      oldest: Math.min(known.oldest, at),
      newest: Math.max(known.newest, at),
    };
  }
}

/** The day and number of a period. */
export const periodName = (first: number, serial: number) =>
  `${new Date(first * MINUTE_MS).toISOString().slice(0, 10)}-${serial}`;
