// Finds one event by its id, which names its minute and the first digits of its line's hash: two lists, and of each
// object that may have it the blocks that may.
import type { R2Bucket } from "@cloudflare/workers-types";
import { hexOfId, minuteOfId } from "../../shapes/event-id.ts";
import type { LogEntry } from "./contract.ts";
import { mayHoldKey, readLoose, readOfHash } from "./files.ts";
import { entryOf, isRunLine } from "./lines.ts";
import { mergeLines } from "./merge.ts";
import { filesOfMinute } from "./minutes.ts";

const ID = /^evt_[0-9a-f]{32}$/;
/** Digits of an id before those that its line's hash begins with, and after. */
const [MINUTE_DIGITS, PLACE_DIGITS] = [7, 11];

/** The event of an id, or what it has become one with. */
export async function findEntry(bucket: R2Bucket, eventId: string): Promise<LogEntry | null> {
  if (!ID.test(eventId)) return null;
  const hash = hexOfId(eventId).slice(MINUTE_DIGITS, PLACE_DIGITS);
  const { loose, segments } = await filesOfMinute(bucket, minuteOfId(eventId));
  const read = await Promise.all([
    ...loose.filter((file) => mayHoldKey(file, hash)).map(({ key }) => readLoose(bucket, key)),
    ...segments.map((file) => readOfHash(bucket, file, hash)),
  ]);
  for (const { line } of mergeLines(read.flat())) {
    if (isRunLine(line)) continue;
    if (line.event.id === eventId || line.also?.ids.includes(eventId)) return entryOf(line);
  }
  return null;
}
