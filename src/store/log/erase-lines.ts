// What an erasure does with objects of the log that hold lines of the scope: they are found, noted, and written anew without
// these lines, under another name; then what was read goes. Where lines are by object leads to their minutes, so minutes
// go first: cut off anywhere, the rest is still found.
import type { R2Bucket } from "@cloudflare/workers-types";
import { covers, type ObjectName } from "../../shapes/erasure.ts";
import { keyHex, objectHex, placeOf } from "../../shapes/event-id.ts";
import type { ErasurePage, ErasureTarget, UnitCount } from "../erasure/contract.ts";
import { payloadKey } from "../payloads.ts";
import { mayHold } from "./bloom.ts";
import { writeSegment } from "./compact.ts";
import { type LogFile, listAll, readFooter, readSegment } from "./files.ts";
import { isRunLine, type LogLine, MINUTE_MS, minuteOfLine, type PlacedLine } from "./lines.ts";
import { MINUTES, minutePrefix } from "./names.ts";
import { sliceLines } from "./segment.ts";

const PARALLEL_READS = 6;

/** A file, or a part, that holds lines to be erased. */
export interface FoundLines {
  key: string;
  lines: PlacedLine[];
  erased: PlacedLine[];
}

/** Lines of a segment, unless its filter says that it has none of the key. */
export async function readNear(
  bucket: R2Bucket,
  key: string,
  { scope }: ErasureTarget,
  read: () => Promise<PlacedLine[]>,
): Promise<PlacedLine[]> {
  if (scope.key === undefined) return read();
  return mayHold((await readFooter(bucket, key)).bloom, keyHex(scope.key)) ? read() : [];
}

/** Reads files side by side, and keeps those that hold something to be erased. */
export async function readFound<T extends { key: string }>(
  files: T[],
  target: ErasureTarget,
  read: (file: T) => Promise<PlacedLine[]>,
): Promise<(FoundLines & { file: T })[]> {
  const found: (FoundLines & { file: T })[] = [];
  for (let at = 0; at < files.length; at += PARALLEL_READS) {
    const some = files.slice(at, at + PARALLEL_READS).map(async (file) => {
      const lines = await read(file);
      return { file, key: file.key, lines, erased: lines.filter(({ line }) => isErased(target, line)) };
    });
    found.push(...(await Promise.all(some)).filter(({ erased }) => erased.length > 0));
  }
  return found;
}

/** A line of an object of the scope that was on record by then, or is of then. */
function isErased({ scope, erased_at }: ErasureTarget, line: LogLine): boolean {
  if (!covers(scope, objectOf(line))) return false;
  if (!isRunLine(line))
    return Date.parse(line.event.received_at) <= erased_at || placeOf(line.event) <= erased_at;
  return line.run.created_at <= erased_at || (minuteOfLine(line) + 1) * MINUTE_MS <= erased_at;
}

const objectOf = (line: LogLine): ObjectName => {
  const { connection, bucket, key } = isRunLine(line) ? line.run : line.event;
  return { connection, bucket, key };
};

/** Notes what files hold, then removes their payloads, their lines by minute, and at last those of the files themselves. */
export async function eraseFound(
  bucket: R2Bucket,
  page: ErasurePage,
  table: string,
  found: FoundLines[],
  remove: () => Promise<void>,
): Promise<void> {
  if (found.length === 0) return;
  const erased = found.flatMap((one) => one.erased);
  const payloads = [...new Set(erased.flatMap(({ line }) => payloadOf(line)))];
  const objects = [
    ...new Map(erased.map(({ line }) => [objectHex(objectOf(line)), objectOf(line)])).values(),
  ];
  const minutes = page.dry ? [] : await findMinutes(bucket, page, erased);
  const units: UnitCount[] = [
    ...found.map((one) => ({ table, unit: one.key, count: one.erased.length })),
    ...minutes.map((one) => ({ table: "log", unit: one.key, count: one.erased.length })),
    ...payloads.map((key) => ({ table: "payloads", unit: key, count: 1 })),
  ];
  await page.note({ units, objects });
  if (page.dry) return;
  if (payloads.length > 0) await bucket.delete(payloads);
  for (const { file, lines, erased: gone } of minutes) {
    const kept = lines.filter((line) => !gone.includes(line));
    const key = await writeSegment(bucket, MINUTES, file.minute, sliceLines(kept));
    if (key !== file.key) await bucket.delete(file.key);
  }
  await remove();
}

const payloadOf = (line: LogLine): string[] =>
  !isRunLine(line) && line.event.payload_ref ? [payloadKey(line.event)] : [];

/** Segments of the minutes of lines that hold something to be erased. */
async function findMinutes(bucket: R2Bucket, target: ErasureTarget, erased: PlacedLine[]) {
  const minutes = new Set(erased.map(({ line }) => minuteOfLine(line)));
  const files: LogFile[] = [];
  for (const minute of minutes)
    files.push(...(await listAll(bucket, MINUTES, minutePrefix(MINUTES, minute))));
  return readFound(files, target, (file) =>
    readNear(bucket, file.key, target, () => readSegment(bucket, file)),
  );
}
