// Compacts minutes: the loose objects of a minute become one segment by time, beside a fresh one by object that is folded
// into hours and days later. What was read is deleted when both are written, so a compaction may be cut off anywhere, or
// run twice at once: some lines are then there twice, and merging makes them one.
import type { R2Bucket } from "@cloudflare/workers-types";
import { sha256Hex } from "../../shapes/hash.ts";
import type { KeepDays } from "./contract.ts";
import {
  type LogFile,
  listAll,
  listPage,
  metadataOf,
  readLoose,
  readSegment,
  VanishedError,
} from "./files.ts";
import { connectionOfLine, MINUTE_MS, minuteOfLine, type PlacedLine } from "./lines.ts";
import { mergeLines } from "./merge.ts";
import { FRESH, LOOSE, MINUTES, MINUTES_OF_DAY, minuteKey, minutePrefix } from "./names.ts";
import { encodeSegment, sliceLines } from "./segment.ts";
import type { UpkeepBudget } from "./upkeep-budget.ts";

/** A minute rests so long before it is compacted, ms; one that is long over waits until what is late is this old. */
const REST_MS = 120_000;
const LATE_MS = 3_600_000;
const LATE_REST_MS = 600_000;
/** Loose objects of a minute that are not waited with. */
const MANY_FILES = 100;
/** Taken in one compaction at most: objects, their events, their bytes. A busier minute has several segments. */
const MAX_FILES = 200;
const MAX_EVENTS = 8_000;
const MAX_BYTES = 3_000_000;
/** Pages of loose objects that a pass lists. */
const MAX_PAGES = 5;
const PARALLEL_READS = 6;

/** Whether the time of a connection's events of a minute is over: days go whole. */
export type IsOver = (connection: string, minute: number) => boolean;

export const overAt =
  (now: number, keepDays: KeepDays): IsOver =>
  (connection, minute) =>
    (Math.floor(minute / MINUTES_OF_DAY) + 1 + keepDays(connection)) * MINUTES_OF_DAY * MINUTE_MS <= now;

/** Compacts the minutes that are due. */
export async function compactMinutes(budget: UpkeepBudget, now: number, isOver: IsOver) {
  const { bucket } = budget;
  const done = { segments: 0, objects_removed: 0, more: false };
  const { files, isLast } = await listLoose(bucket);
  for (const [minute, all] of Map.groupBy(files, (file) => file.minute)) {
    if (!isDue(minute, all, now)) continue;
    for (let rest = all; rest.length > 0; ) {
      const chosen = chooseFiles(rest);
      if (!budget.has(chosen.length + 12)) return { ...done, more: true };
      rest = rest.slice(chosen.length);
      const removed = await compactMinute(bucket, minute, chosen, isOver);
      done.objects_removed += removed;
      done.segments++;
    }
  }
  return { ...done, more: !isLast };
}

async function listLoose(bucket: R2Bucket): Promise<{ files: LogFile[]; isLast: boolean }> {
  const files: LogFile[] = [];
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const page = await listPage(bucket, LOOSE, { after: files.at(-1)?.key });
    files.push(...page.files);
    if (page.isLast || page.files.length === 0) return { files, isLast: true };
  }
  return { files, isLast: false };
}

function isDue(minute: number, files: LogFile[], now: number): boolean {
  if (files.length >= MANY_FILES) return true;
  const age = now - (minute + 1) * MINUTE_MS;
  if (age < LATE_MS) return age >= REST_MS;
  return files.some(({ uploaded }) => uploaded <= now - LATE_REST_MS);
}

/** As many as one compaction may take, and at least one. */
function chooseFiles<T extends Pick<LogFile, "events" | "runs" | "size">>(files: T[]): T[] {
  let [events, bytes] = [0, 0];
  const count = files.findIndex((file, at) => {
    events += file.events + file.runs;
    bytes += file.size;
    return at > 0 && (at === MAX_FILES || events > MAX_EVENTS || bytes > MAX_BYTES);
  });
  return count === -1 ? files : files.slice(0, count);
}

/** Compacts loose objects of a minute with the segments that it has, if they are not too large. Returns how many went. */
async function compactMinute(
  bucket: R2Bucket,
  minute: number,
  loose: LogFile[],
  isOver: IsOver,
): Promise<number> {
  const segments = await listAll(bucket, MINUTES, minutePrefix(MINUTES, minute));
  const whole = [...loose, ...segments];
  const before = chooseFiles(whole).length === whole.length ? segments : [];
  try {
    const isKept = ({ line }: PlacedLine) => !isOver(connectionOfLine(line), minuteOfLine(line));
    const fresh = mergeLines((await readInTurn(loose, ({ key }) => readLoose(bucket, key))).filter(isKept));
    const known = (await readInTurn(before, (file) => readSegment(bucket, file))).filter(isKept);
    const all = mergeLines([...fresh, ...known]);
    const segment = await writeSegment(bucket, MINUTES, minute, sliceLines(all));
    await writeSegment(bucket, FRESH, minute, [fresh]);
    const gone = [...loose, ...before].map(({ key }) => key).filter((key) => key !== segment);
    if (gone.length > 0) await bucket.delete(gone);
    return gone.length;
  } catch (error) {
    // Another pass was faster: what is gone is merged.
    if (error instanceof VanishedError) return 0;
    throw error;
  }
}

async function readInTurn<T>(files: T[], read: (file: T) => Promise<PlacedLine[]>): Promise<PlacedLine[]> {
  const lines: PlacedLine[] = [];
  for (let at = 0; at < files.length; at += PARALLEL_READS) {
    for (const more of await Promise.all(files.slice(at, at + PARALLEL_READS).map(read)))
      for (const line of more) lines.push(line);
  }
  return lines;
}

/** Writes a segment of a minute under the hash of its content. Returns its key; undefined where there are no lines. */
export async function writeSegment(
  bucket: R2Bucket,
  kind: string,
  minute: number,
  slices: PlacedLine[][],
): Promise<string | undefined> {
  const lines = slices.flat();
  if (lines.length === 0) return undefined;
  const bytes = encodeSegment(slices);
  const key = minuteKey(kind, minute, sha256Hex(bytes).slice(0, 16));
  await bucket.put(key, bytes, { customMetadata: metadataOf("segment", lines) });
  return key;
}
