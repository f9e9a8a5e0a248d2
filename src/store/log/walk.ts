// Walks events by time, minute by minute: each minute's objects are read and merged, in order, until the page is full or
// has read enough. Minutes with little in them are read side by side.
import type { R2Bucket } from "@cloudflare/workers-types";
import type { LogPage, LogPlace, LogRange } from "./contract.ts";
import { type LogFile, mayHoldConnection, readBlocks, readFooter, readLoose, readSegment } from "./files.ts";
import { type EventLine, entryOf, MINUTE_MS, type PlacedLine } from "./lines.ts";
import { type MinuteFiles, type MinuteRange, minutesDown, minutesUp } from "./minutes.ts";
import { minuteOfMs } from "./names.ts";
import { LinePool, orderOf, pageOf } from "./pool.ts";

/** Objects that a page reads at most, but for the minute that it is in; and minutes that are read side by side. */
const PAGE_READS = 256;
const SIDE_BY_SIDE = 24;
const PARALLEL_READS = 6;
/** Segments up to this size are read whole, bytes: others by the blocks that the page needs. */
const SMALL_BYTES = 400_000;
const MAX_MINUTE = 0xfffffff;

/** What a minute adds to a page. */
interface MinuteLines {
  lines: PlacedLine[];
  /** Whether these are all that the minute has after the page's place. */
  isAll: boolean;
}

/** A page of at most `limit` events after a place, by time. */
export async function walkTime(
  bucket: R2Bucket,
  range: LogRange,
  after: LogPlace | undefined,
  limit: number,
): Promise<LogPage> {
  const minutes = range.order === "oldest first" ? minutesUp : minutesDown;
  const lines: PlacedLine[] = [];
  let reads = 0;
  for await (const batch of batchMinutes(
    minutes(bucket, minutesOf(range, after)),
    range,
    () => limit - lines.length,
  )) {
    reads += batch.reads;
    const read = await Promise.all(batch.minutes.map((one) => readMinute(bucket, one, range, after, limit)));
    for (const [at, { lines: more, isAll }] of read.entries()) {
      lines.push(...more);
      const last = lines[Math.min(lines.length, limit) - 1];
      // A page that is full has a next one, which may turn out to be empty.
      if (lines.length >= limit || !isAll)
        return pageWith(lines.slice(0, limit), last && { at: last.at, id: last.id });
      const minute = batch.minutes[at]?.minute ?? 0;
      if (reads >= PAGE_READS && at === read.length - 1) return pageWith(lines, endOf(minute, range));
    }
  }
  return pageWith(lines, undefined);
}

const pageWith = (lines: PlacedLine[], next: LogPlace | undefined): LogPage => ({
  entries: lines.map(({ line }) => entryOf(line as EventLine)),
  ...(next && { next }),
});

/** The place behind all events of a minute. */
const endOf = (minute: number, { order }: LogRange): LogPlace =>
  order === "oldest first" ? { at: (minute + 1) * MINUTE_MS, id: "" } : { at: minute * MINUTE_MS, id: "" };

/** The minutes in which a page's events may be. */
export function minutesOf(
  { order, since, until }: Pick<LogRange, "order" | "since" | "until">,
  after: LogPlace | undefined,
): MinuteRange {
  const first = since === undefined ? 0 : minuteOfMs(since);
  const last = until === undefined ? MAX_MINUTE : Math.ceil(until / MINUTE_MS) - 1;
  if (after === undefined) return { first, last };
  const place = minuteOfMs(after.at);
  return order === "oldest first"
    ? { first: Math.max(first, place), last }
    : { first, last: Math.min(last, place) };
}

interface MinuteBatch {
  minutes: MinuteFiles[];
  reads: number;
}

/** Minutes that may be read side by side: as many as it takes to fill a page, so far as their metadata says. */
async function* batchMinutes(
  minutes: AsyncGenerator<MinuteFiles>,
  { connection }: LogRange,
  missing: () => number,
): AsyncGenerator<MinuteBatch> {
  let batch: MinuteBatch = { minutes: [], reads: 0 };
  let events = 0;
  for await (const { minute, ...files } of minutes) {
    const isMeant = (file: LogFile) => mayHoldConnection(file, connection);
    const [loose, segments] = [files.loose.filter(isMeant), files.segments.filter(isMeant)];
    const all = [...loose, ...segments];
    if (all.length === 0) continue;
    batch.minutes.push({ minute, loose, segments });
    batch.reads += all.length;
    events += all.reduce((sum, file) => sum + file.events, 0);
    if (events < missing() && batch.minutes.length < SIDE_BY_SIDE) continue;
    yield batch;
    [batch, events] = [{ minutes: [], reads: 0 }, 0];
  }
  if (batch.minutes.length > 0) yield batch;
}

/** Lines of a minute that a page may have, in its order. */
async function readMinute(
  bucket: R2Bucket,
  { loose, segments }: MinuteFiles,
  range: LogRange,
  after: LogPlace | undefined,
  limit: number,
): Promise<MinuteLines> {
  const [only] = segments;
  if (only && segments.length === 1 && loose.length === 0 && only.size > SMALL_BYTES)
    return readSlices(bucket, only, range, after, limit);
  const pool = new LinePool(range, after, limit);
  const reads = [
    ...loose.map(
      ({ key }) =>
        () =>
          readLoose(bucket, key),
    ),
    ...segments.map((file) => () => readSegment(bucket, file)),
  ];
  for (let at = 0; at < reads.length; at += PARALLEL_READS) {
    const read = await Promise.all(reads.slice(at, at + PARALLEL_READS).map((one) => one()));
    for (const lines of read) pool.add(lines);
  }
  return pool.take();
}

/** Lines of a large segment that is all of its minute, and so is merged: slice after slice, until the page is full. */
async function readSlices(
  bucket: R2Bucket,
  { key }: LogFile,
  range: LogRange,
  after: LogPlace | undefined,
  limit: number,
): Promise<MinuteLines> {
  const isInPage = pageOf(range, after);
  const isUp = range.order === "oldest first";
  const low = Math.max(range.since ?? 0, isUp ? (after?.at ?? 0) : 0);
  const high = Math.min(
    range.until ?? Number.MAX_SAFE_INTEGER,
    isUp ? Number.MAX_SAFE_INTEGER : (after?.at ?? Number.MAX_SAFE_INTEGER),
  );
  const blocks = (await readFooter(bucket, key)).blocks.filter(({ from, to }) => to >= low && from <= high);
  // Blocks of one slice have about the same moments; those of another are all later, or all earlier.
  blocks.sort((a, b) => (isUp ? a.from - b.from : b.to - a.to));
  let lines: PlacedLine[] = [];
  for (let at = 0; at < blocks.length; ) {
    const some = blocks.slice(at, at + SIDE_BY_SIDE);
    at += some.length;
    lines = [...lines, ...(await readBlocks(bucket, key, some)).filter(isInPage)].sort(orderOf(range));
    const rest = blocks[at];
    // What is not before all that is unread is not yet certain to be next.
    const certain = rest ? lines.filter((line) => (isUp ? line.at < rest.from : line.at > rest.to)) : lines;
    if (certain.length >= limit) return { lines: certain, isAll: rest === undefined };
  }
  return { lines, isAll: true };
}
