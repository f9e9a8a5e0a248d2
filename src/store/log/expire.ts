// Expires minutes: segments of connections whose time is over are deleted, and those that hold others' events too are
// written anew without them.
import { type IsOver, writeSegment } from "./compact.ts";
import { type LogFile, readSegment } from "./files.ts";
import { connectionOfLine, minuteOfLine } from "./lines.ts";
import { mergeLines } from "./merge.ts";
import { listWindow } from "./minutes.ts";
import { MINUTES } from "./names.ts";
import { sliceLines } from "./segment.ts";
import type { UpkeepBudget } from "./upkeep-budget.ts";

const DELETED_AT_ONCE = 1_000;

/** Expires the minutes of a period, as many as the budget has calls for. */
export async function expireMinutes(
  budget: UpkeepBudget,
  { first, minutes }: { first: number; minutes: number },
  isOver: IsOver,
): Promise<{ removed: number; more: boolean }> {
  const files = await listWindow(budget.bucket, MINUTES, { first, last: first + minutes - 1 });
  const isPast = ({ connections, minute }: LogFile) =>
    connections?.every((name) => isOver(name, minute)) ?? false;
  const past = files.filter(isPast).map(({ key }) => key);
  for (let at = 0; at < past.length; at += DELETED_AT_ONCE)
    await budget.bucket.delete(past.slice(at, at + DELETED_AT_ONCE));
  let removed = past.length;
  for (const file of files) {
    const isMixed = file.connections?.some((name) => isOver(name, file.minute)) ?? true;
    if (isPast(file) || !isMixed) continue;
    if (!budget.has(8)) return { removed, more: true };
    removed += await writeWithout(budget, file, isOver);
  }
  return { removed, more: false };
}

/** Writes a segment anew without what is over. Returns the number of objects that went. */
async function writeWithout({ bucket }: UpkeepBudget, file: LogFile, isOver: IsOver): Promise<number> {
  const lines = mergeLines(await readSegment(bucket, file));
  const kept = lines.filter(({ line }) => !isOver(connectionOfLine(line), minuteOfLine(line)));
  const key = await writeSegment(bucket, MINUTES, file.minute, sliceLines(kept));
  if (key === file.key) return 0;
  await bucket.delete(file.key);
  return 1;
}
