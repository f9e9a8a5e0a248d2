// Walks the objects of a connection's events, each once, by its newest event: in the order of their hashes, stretch after
// stretch, all sources side by side, so that no more is held than one stretch has. A cursor is the last hash.
import type { R2Bucket } from "@cloudflare/workers-types";
import type { LogEntry, ObjectsPage, ObjectsRange } from "./contract.ts";
import { eventsOf } from "./days-index.ts";
import { walkHistory } from "./history.ts";
import { comparePlaces, type EventLine, entryOf, isRunLine, minuteOfLine, type PlacedLine } from "./lines.ts";
import { mergeLines } from "./merge.ts";
import { type ObjectSource, SourceReader, segmentsOf } from "./sources.ts";
import { minutesOf } from "./walk.ts";

/** Lines that a stretch is to have, about: by the page's limit, but not fewer or more than these. */
const MIN_LINES = 200;
const MAX_LINES = 4_000;
const LINES_PER_OBJECT = 4;
/** Lines from which those of an object are thinned out, and the minutes of each that are kept. */
const THIN_LINES = 12_000;
const KEPT_MINUTES = 4;
/** Reads after which a page ends, and those that go side by side. */
const PAGE_READS = 600;
const PARALLEL_READS = 12;
/** Hashes are measured by their first 12 digits. */
const DIGITS = 12;
const MAX_HASH = 2 ** (4 * DIGITS) - 1;
const LAST_HASH = "~";
const ENTRIES_OF_OLDER = 50;

/** A page of at most `limit` objects after a cursor. */
export async function walkObjectPage(
  bucket: R2Bucket,
  range: ObjectsRange,
  after: string | undefined,
  limit: number,
): Promise<ObjectsPage> {
  const reader = new SourceReader(bucket);
  const sources = await reader.list(
    minutesOf({ order: "oldest first", ...range }, undefined),
    range.connection,
  );
  const total = sources.reduce((sum, source) => sum + linesOf(source), 0);
  const lines = Math.min(MAX_LINES, Math.max(MIN_LINES, limit * LINES_PER_OBJECT));
  let width = Math.max(1, MAX_HASH * Math.min(1, lines / Math.max(1, total)));
  const found: { hash: string; entry: LogEntry }[] = [];
  for (let low = after ?? ""; ; ) {
    const high = hashAfter(low, width);
    const stretch = await readStretch(reader, sources, range, low, high);
    found.push(...newestOf(stretch, range));
    const isLast = high === LAST_HASH;
    if (isLast || found.length >= limit || reader.reads >= PAGE_READS) {
      const page = found.slice(0, limit);
      const entries = await withoutStale(
        bucket,
        reader,
        range,
        page.map(({ entry }) => entry),
      );
      if (found.length <= limit && isLast) return { entries };
      return { entries, next: found.length > limit ? (page.at(-1)?.hash ?? low) : high };
    }
    if (stretch.length < lines / 2) width = Math.min(MAX_HASH, width * 2);
    if (stretch.length > lines * 2) width = Math.max(1, width / 2);
    low = high;
  }
}

const linesOf = (source: ObjectSource): number =>
  "period" in source
    ? eventsOf(source.period)
    : "fresh" in source
      ? source.fresh.events
      : source.loose.events;

/** The end of a stretch that begins after a hash, as a text that is behind all of its hashes. */
function hashAfter(hash: string, width: number): string {
  const from = Number.parseInt(hash.slice(0, DIGITS).padEnd(DIGITS, "0"), 16);
  const to = Math.floor(from + width);
  return to >= MAX_HASH ? LAST_HASH : `${to.toString(16).padStart(DIGITS, "0")}~`;
}

/** Lines of all sources whose hashes lie in a stretch: after `low`, up to `high`. */
async function readStretch(
  reader: SourceReader,
  sources: ObjectSource[],
  range: ObjectsRange,
  low: string,
  high: string,
): Promise<PlacedLine[]> {
  const isMeant = ({ hash, line }: PlacedLine) =>
    hash > low && hash <= high && (isRunLine(line) ? line.run : line.event).connection === range.connection;
  const reads = sources.map((source) => async () => {
    if ("loose" in source) return (await reader.loose(source.loose.key)).filter(isMeant);
    const read = segmentsOf(source, low, high).map(async (key) => {
      const { blocks } = await reader.footer(key);
      const near = blocks.filter(({ hashes: [first, last] }) => first <= high && last > low);
      return near.length === 0 ? [] : reader.blocks(key, near);
    });
    return (await Promise.all(read)).flat().filter(isMeant);
  });
  let lines: PlacedLine[] = [];
  for (let at = 0; at < reads.length; at += PARALLEL_READS) {
    for (const more of await Promise.all(reads.slice(at, at + PARALLEL_READS).map((read) => read())))
      for (const line of more) lines.push(line);
    if (lines.length > THIN_LINES) lines = thinObjects(lines, range);
  }
  return mergeLines(lines);
}

/** Leaves of each object the newest minutes in which it has events that count. */
function thinObjects(lines: PlacedLine[], range: ObjectsRange): PlacedLine[] {
  return [...Map.groupBy(mergeLines(lines), ({ hash }) => hash).values()].flatMap((all) => {
    const best = all.filter((line) => isMeantBy(line, range)).sort((a, b) => compareNewest(b, a));
    const minutes = new Set(best.map(({ line }) => minuteOfLine(line)).slice(0, KEPT_MINUTES));
    return all.filter(({ line }) => minutes.has(minuteOfLine(line)));
  });
}

/** Whether a line is an event of an object that the walk is about. */
function isMeantBy({ at, line }: PlacedLine, { until, without }: ObjectsRange): boolean {
  if (isRunLine(line) || line.event.key === "" || line.event.sender === without) return false;
  return (until === undefined || at < until) && !(without === "invoke" && line.event.type === "accessed");
}

const isReplay = ({ line }: PlacedLine) => !isRunLine(line) && line.event.sender === "replay";

const compareNewest = (a: PlacedLine, b: PlacedLine) => {
  const [own, other] = [isReplay(a) ? 0 : 1, isReplay(b) ? 0 : 1];
  return own - other || comparePlaces(a, b);
};

/** The newest event of each object in merged lines, where it lies in the range. */
function newestOf(lines: PlacedLine[], range: ObjectsRange): { hash: string; entry: LogEntry }[] {
  const newest = new Map<string, PlacedLine>();
  for (const placed of lines) {
    if (!isMeantBy(placed, range)) continue;
    const known = newest.get(placed.hash);
    if (!known || compareNewest(placed, known) > 0) newest.set(placed.hash, placed);
  }
  return [...newest]
    .filter(([, { at }]) => range.since === undefined || at >= range.since)
    .map(([hash, { line }]) => ({ hash, entry: entryOf(line as EventLine) }));
}

/**
 * Leaves out objects that are there by a replay's event alone, and have others from before the range: those count for
 * more, and are not in it.
 */
async function withoutStale(
  bucket: R2Bucket,
  reader: SourceReader,
  range: ObjectsRange,
  entries: LogEntry[],
): Promise<LogEntry[]> {
  const { since } = range;
  if (since === undefined) return entries;
  const kept: LogEntry[] = [];
  for (const entry of entries) {
    if (entry.event.sender !== "replay" || !(await hasOlder(bucket, reader, entry, { ...range, since })))
      kept.push(entry);
  }
  return kept;
}

async function hasOlder(
  bucket: R2Bucket,
  reader: SourceReader,
  { event }: LogEntry,
  { connection, since, without }: ObjectsRange & { since: number },
): Promise<boolean> {
  const older = { order: "newest first", connection, key: event.key, until: since } as const;
  for (let after: { at: number; id: string } | undefined; ; ) {
    const page = await walkHistory(bucket, older, after, ENTRIES_OF_OLDER, reader);
    const isOther = ({ event: { bucket: of, sender, type } }: LogEntry) =>
      of === event.bucket &&
      sender !== "replay" &&
      !(without === "invoke" && (sender === "invoke" || type === "accessed"));
    if (page.entries.some(isOther)) return true;
    if (!page.next) return false;
    after = page.next;
  }
}
