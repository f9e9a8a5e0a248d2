// Folds by object: fresh segments into hours, hours into days, late ones into their days, and a day anew where the time of
// one of its connections is over. A fold is put on record in the index, its parts are written one by one, from sources
// that stay until the index names the whole in their place. It may be cut off anywhere and go on in the next pass.
import type { R2Bucket } from "@cloudflare/workers-types";
import type { IsOver } from "./compact.ts";
import {
  addHeld,
  type DaysIndex,
  eventsOf,
  type FoldJob,
  type LogPeriod,
  partsOf,
  periodName,
} from "./days-index.ts";
import { type LogFile, readBlocks, readFooter } from "./files.ts";
import { connectionOfLine, MINUTE_MS, minuteOfLine, type PlacedLine } from "./lines.ts";
import { mergeLines } from "./merge.ts";
import { MINUTES_OF_DAY, MINUTES_OF_HOUR, partKey } from "./names.ts";
import { encodeSegment, type SegmentFooter } from "./segment.ts";
import type { UpkeepBudget } from "./upkeep-budget.ts";

/** An hour, and a day, rest so long before they are folded, ms. */
const HOUR_REST_MS = 600_000;
const DAY_REST_MS = 7_200_000;
/** What is late for its hour waits until it is this old, and for its day until there is so much, or it is so old. */
const LATE_HOUR_MS = 7_200_000;
const LATE_REST_MS = 1_800_000;
const LATE_PERIODS = 8;
const LATE_DAY_MS = 3 * 86_400_000;
/** Fresh segments of one fold at most; as many are folded before the hour is over. */
const MAX_FRESH = 200;
/** Hours up to so many events are folded again with what is late for them. */
const SMALL_EVENTS = 20_000;
/** Events of a part on average, at most: parts have up to twice as many. */
const PART_EVENTS = 10_000;
const MAX_BITS = 16;
const PARALLEL_READS = 6;

const startOf = (minute: number, minutes: number) => minute - (minute % minutes);
const endMs = (first: number, minutes: number) => (first + minutes) * MINUTE_MS;

/** What is to be folded. */
export type FoldTarget = Pick<LogPeriod, "first" | "minutes"> & { fresh: LogFile[]; periods: LogPeriod[] };

/** Connections whose lines a fold reads; undefined where a segment does not say. */
export const connectionsOf = ({ fresh, periods }: FoldTarget): (string | undefined)[] => [
  ...fresh.flatMap(({ connections }) => connections ?? [undefined]),
  ...periods.flatMap(({ held }) => Object.keys(held)),
];

/** Chooses what is to be folded next. */
export function chooseTarget(
  index: DaysIndex,
  files: LogFile[],
  now: number,
  isOver: IsOver,
): FoldTarget | undefined {
  return chooseHour(index, files, now) ?? chooseDay(index, now) ?? chooseExpired(index, isOver);
}

function chooseHour(index: DaysIndex, files: LogFile[], now: number): FoldTarget | undefined {
  const garbage = new Set(index.garbage);
  const fresh = files.filter(({ key }) => !garbage.has(key));
  for (const [first, all] of Map.groupBy(fresh, ({ minute }) => startOf(minute, MINUTES_OF_HOUR))) {
    const age = now - endMs(first, MINUTES_OF_HOUR);
    const isDue =
      age < LATE_HOUR_MS ? age >= HOUR_REST_MS : all.some(({ uploaded }) => uploaded <= now - LATE_REST_MS);
    if (!isDue && all.length < MAX_FRESH) continue;
    const small = index.periods.filter(
      (period) =>
        period.first === first && period.minutes === MINUTES_OF_HOUR && eventsOf(period) <= SMALL_EVENTS,
    );
    return { first, minutes: MINUTES_OF_HOUR, fresh: all.slice(0, MAX_FRESH), periods: small };
  }
  return undefined;
}

function chooseDay({ periods }: DaysIndex, now: number): FoldTarget | undefined {
  for (const [first, all] of Map.groupBy(periods, (period) => startOf(period.first, MINUTES_OF_DAY))) {
    if (now < endMs(first, MINUTES_OF_DAY) + DAY_REST_MS) continue;
    const hours = all.filter(({ minutes }) => minutes !== MINUTES_OF_DAY);
    const isDue =
      hours.length === all.length ||
      hours.length >= LATE_PERIODS ||
      hours.some(({ folded_at }) => folded_at <= now - LATE_DAY_MS);
    if (hours.length > 0 && isDue) return { first, minutes: MINUTES_OF_DAY, fresh: [], periods: all };
  }
  return undefined;
}

/** A period that holds a connection whose time is over. Its minutes go before it, so that they are not forgotten. */
function chooseExpired({ periods }: DaysIndex, isOver: IsOver): FoldTarget | undefined {
  const period = periods.find(({ first, held }) => Object.keys(held).some((name) => isOver(name, first)));
  return period && { first: period.first, minutes: period.minutes, fresh: [], periods: [period] };
}

/** Puts a fold on record. */
export function beginJob(
  index: DaysIndex,
  { first, minutes, fresh, periods }: FoldTarget,
  now: number,
): DaysIndex {
  const events =
    fresh.reduce((sum, file) => sum + file.events, 0) +
    periods.reduce((sum, period) => sum + eventsOf(period), 0);
  const bits = Math.min(MAX_BITS, Math.max(0, Math.ceil(Math.log2(events / PART_EVENTS))));
  const name = periodName(first, index.serial);
  const job: FoldJob = {
    ...{ name, first, minutes, bits, folded_at: now, held: {}, lane: 0 },
    ...{ fresh: fresh.map(({ key }) => key), periods: periods.map((period) => period.name) },
  };
  return { ...index, serial: index.serial + 1, job };
}

/** A segment that a fold reads. */
interface FoldSource {
  key: string;
  /** Parts of it by which the hashes are divided: bits, and which of them this is. */
  bits: number;
  lane: number;
}

/** Writes parts of a job, as many as the budget has calls for. Returns the job as it is then. */
export async function writeParts(
  budget: UpkeepBudget,
  index: DaysIndex,
  job: FoldJob,
  isOver: IsOver,
): Promise<FoldJob> {
  const sources: FoldSource[] = [
    ...job.fresh.map((key) => ({ key, bits: 0, lane: 0 })),
    ...index.periods
      .filter(({ name }) => job.periods.includes(name))
      .flatMap((period) => partsOf(period).map((key, lane) => ({ key, bits: period.bits, lane }))),
  ];
  const footers = new Map<string, SegmentFooter>();
  const held = structuredClone(job.held);
  let lane = job.lane;
  for (; lane < 2 ** job.bits; lane++) {
    const near = sources.filter((source) => isNear(source, job.bits, lane));
    if (lane > job.lane && !budget.has(2 * near.length + 8)) break;
    const range = rangeOfLane(job.bits, lane);
    const lines = await readRange(budget.bucket, near, footers, range);
    const kept = mergeLines(lines).filter(({ line }) => !isOver(connectionOfLine(line), minuteOfLine(line)));
    const bytes = encodeSegment([kept]);
    await budget.bucket.put(partKey(job.name, lane), bytes, { customMetadata: { kind: "part" } });
    addHeld(held, kept, bytes.length);
  }
  return { ...job, held, lane };
}

/** Whether two parts of the hashes overlap. */
function isNear(source: FoldSource, bits: number, lane: number): boolean {
  const common = Math.min(source.bits, bits);
  return source.lane >> (source.bits - common) === lane >> (bits - common);
}

/** First digits of the first and the last hash of a part. */
export function rangeOfLane(bits: number, lane: number): [first: string, last: string] {
  const width = 2 ** (MAX_BITS - bits);
  const digits = (value: number) => value.toString(16).padStart(4, "0");
  return [digits(lane * width), `${digits((lane + 1) * width - 1)}~`];
}

async function readRange(
  bucket: R2Bucket,
  sources: FoldSource[],
  footers: Map<string, SegmentFooter>,
  [first, last]: [string, string],
): Promise<PlacedLine[]> {
  const lines: PlacedLine[] = [];
  for (let at = 0; at < sources.length; at += PARALLEL_READS) {
    const read = sources.slice(at, at + PARALLEL_READS).map(async ({ key }) => {
      const footer = footers.get(key) ?? (await readFooter(bucket, key));
      footers.set(key, footer);
      return readBlocks(
        bucket,
        key,
        footer.blocks.filter(({ hashes }) => hashes[0] <= last && hashes[1] >= first),
      );
    });
    for (const line of (await Promise.all(read)).flat())
      if (line.hash >= first && line.hash <= last) lines.push(line);
  }
  return lines;
}

/** Puts a whole period in the place of its sources, which are then garbage. One without lines is garbage itself. */
export function endJob(index: DaysIndex, job: FoldJob): DaysIndex {
  const { fresh, periods, lane: _, ...period } = job;
  const gone = index.periods.filter(({ name }) => periods.includes(name));
  const isEmpty = Object.keys(period.held).length === 0;
  const { job: _job, ...rest } = index;
  return {
    ...rest,
    periods: [
      ...index.periods.filter(({ name }) => !periods.includes(name)),
      ...(isEmpty ? [] : [period]),
    ].sort((a, b) => a.first - b.first || a.minutes - b.minutes),
    garbage: [...index.garbage, ...fresh, ...gone.flatMap(partsOf), ...(isEmpty ? partsOf(period) : [])],
  };
}
