// Minutes that have events, one after another in either order, each with its objects. Stretches without any cost one
// list, however long they are. Loose objects are listed before segments, since that is the way that lines move.
import type { R2Bucket } from "@cloudflare/workers-types";
import { type LogFile, listAll, listPage } from "./files.ts";
import { LOOSE, MINUTES, minutePrefix, minutesOfGroup } from "./names.ts";

/** The objects of a minute. */
export interface MinuteFiles {
  minute: number;
  loose: LogFile[];
  segments: LogFile[];
}

/** First and last minute, both included. */
export interface MinuteRange {
  first: number;
  last: number;
}

/** Minutes that a list begins with when it goes from old to new; where they are empty, it widens. */
const WINDOW_MINUTES = 64;
const WIDER = 8;

/** Minutes of a range that have objects, the newest first. */
export async function* minutesDown(
  bucket: R2Bucket,
  { first, last }: MinuteRange,
): AsyncGenerator<MinuteFiles> {
  for (let top = last; top >= first; ) {
    const loose = await listDown(bucket, LOOSE, first, top);
    const segments = await listDown(bucket, MINUTES, Math.max(first, loose.bottom), top);
    const bottom = Math.max(loose.bottom, segments.bottom);
    yield* groupMinutes(loose.files, segments.files, { first: bottom, last: top }).reverse();
    top = bottom - 1;
  }
}

/** Objects of a range from its end on, down to `bottom`, of which and above which all are there. */
async function listDown(bucket: R2Bucket, kind: string, first: number, top: number) {
  const files: LogFile[] = [];
  let after = minutePrefix(kind, top).slice(0, -1);
  for (;;) {
    const page = await listPage(bucket, kind, { after });
    files.push(...page.files.filter(({ minute }) => minute >= first));
    const last = page.files.at(-1);
    if (page.isLast || !last || last.minute < first) return { files, bottom: first };
    // The last minute may go on in the next page; a minute of many objects takes several.
    if (last.minute < top) return { files, bottom: last.minute + 1 };
    after = last.key;
  }
}

/** Minutes of a range that have objects, the oldest first. */
export async function* minutesUp(
  bucket: R2Bucket,
  { first, last }: MinuteRange,
): AsyncGenerator<MinuteFiles> {
  const groups = [...(await listGroups(bucket, LOOSE)), ...(await listGroups(bucket, MINUTES))];
  const starts = new Map(groups.map((group) => [group[0], group]));
  for (const [, [from, to]] of [...starts].sort(([a], [b]) => a - b)) {
    const end = Math.min(to, last);
    let minutes = WINDOW_MINUTES;
    for (let low = Math.max(from, first); low <= end; ) {
      const range = { first: low, last: Math.min(low + minutes - 1, end) };
      const loose = await listWindow(bucket, LOOSE, range);
      const found = groupMinutes(loose, await listWindow(bucket, MINUTES, range), range);
      yield* found;
      low = range.last + 1;
      minutes = found.length === 0 ? minutes * WIDER : WINDOW_MINUTES;
    }
  }
}

/** Groups of minutes that have objects. */
async function listGroups(bucket: R2Bucket, kind: string): Promise<[first: number, last: number][]> {
  const groups: [number, number][] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await bucket.list({ prefix: kind, delimiter: "/", ...(cursor !== undefined && { cursor }) });
    groups.push(...page.delimitedPrefixes.map((prefix) => minutesOfGroup(kind, prefix)));
    if (!page.truncated) return groups;
    cursor = page.cursor;
  }
}

/** All objects of a range. */
export async function listWindow(
  bucket: R2Bucket,
  kind: string,
  { first, last }: MinuteRange,
): Promise<LogFile[]> {
  const files: LogFile[] = [];
  for (let after = minutePrefix(kind, last).slice(0, -1); ; ) {
    const page = await listPage(bucket, kind, { after });
    files.push(...page.files.filter(({ minute }) => minute >= first));
    const end = page.files.at(-1);
    if (page.isLast || !end || end.minute < first) return files;
    after = end.key;
  }
}

/** Objects by their minutes, the oldest first. */
function groupMinutes(loose: LogFile[], segments: LogFile[], { first, last }: MinuteRange): MinuteFiles[] {
  const minutes = new Map<number, MinuteFiles>();
  const at = (minute: number) => {
    const known = minutes.get(minute) ?? { minute, loose: [], segments: [] };
    minutes.set(minute, known);
    return known;
  };
  const isMeant = ({ minute }: LogFile) => minute >= first && minute <= last;
  for (const file of loose.filter(isMeant)) at(file.minute).loose.push(file);
  for (const file of segments.filter(isMeant)) at(file.minute).segments.push(file);
  return [...minutes.values()].sort((a, b) => a.minute - b.minute);
}

/** The objects of one minute. */
export async function filesOfMinute(bucket: R2Bucket, minute: number): Promise<MinuteFiles> {
  const loose = await listAll(bucket, LOOSE, minutePrefix(LOOSE, minute));
  return { minute, loose, segments: await listAll(bucket, MINUTES, minutePrefix(MINUTES, minute)) };
}
