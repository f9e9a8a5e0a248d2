// How many events the log has of each stretch of time, by what its objects say of themselves: lists, and nothing is opened.
// A batch that was written twice counts twice until its minute has been merged.
import type { R2Bucket } from "@cloudflare/workers-types";
import { MINUTE_MS } from "./lines.ts";
import { listWindow } from "./minutes.ts";
import { LOOSE, MINUTES, minuteOfMs } from "./names.ts";

/** Events of equal stretches from a time on, in order; the last one ends with the time until which is counted. */
export async function countEvents(
  bucket: R2Bucket,
  { since, until, stepMs }: { since: number; until: number; stepMs: number },
): Promise<number[]> {
  const range = { first: minuteOfMs(since), last: minuteOfMs(until) };
  const files = await Promise.all([LOOSE, MINUTES].map((kind) => listWindow(bucket, kind, range)));
  const counts = Array.from({ length: Math.ceil((until - since) / stepMs) }, () => 0);
  for (const { minute, events } of files.flat()) {
    const at = Math.floor((minute * MINUTE_MS - since) / stepMs);
    if (at >= 0 && at < counts.length) counts[at] = (counts[at] ?? 0) + events;
  }
  return counts;
}
