// Erases lines of objects from hours and days of the log: a part that holds some is written anew under another name, which
// the index then has in its place. Readers that had the old part begin again.
import type { R2Bucket } from "@cloudflare/workers-types";
import { keyHex } from "../../shapes/event-id.ts";
import type { ErasurePage, ErasureTarget } from "../erasure/contract.ts";
import {
  addHeld,
  type DaysIndex,
  type HeldCounts,
  type LogPeriod,
  partOf,
  partsOf,
  readIndex,
  replaceIndex,
  withoutJob,
} from "./days-index.ts";
import { eraseFound, type FoundLines, readFound, readNear } from "./erase-lines.ts";
import { readBlocks, readFooter } from "./files.ts";
import type { PlacedLine } from "./lines.ts";
import { partKey } from "./names.ts";
import { encodeSegment } from "./segment.ts";

/** Parts of one page. */
const PAGE_PARTS = 16;
const MAX_DELETED = 1_000;

/** A part of a period. */
interface PeriodPart {
  key: string;
  period: LogPeriod;
  lane: number;
}

/** Parts of hours and days after one that was done, in order of their periods' names. */
export async function eraseParts(
  bucket: R2Bucket,
  page: ErasurePage,
  after: string,
): Promise<string | undefined> {
  const { index } = await readIndex(bucket);
  const parts = index.periods
    .filter(({ held }) => held[page.scope.connection] !== undefined)
    .flatMap((period) => lanesOf(period, page).map((lane) => ({ period, lane, key: partOf(period, lane) })))
    .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
    .filter((part) => nameOf(part) > after);
  const some = parts.slice(0, PAGE_PARTS);
  const found = await readFound(some, page, ({ key }) =>
    readNear(bucket, key, page, async () => readBlocks(bucket, key, (await readFooter(bucket, key)).blocks)),
  );
  await eraseFound(bucket, page, "log-days", found, async () => {
    for (const one of found) await replacePart(bucket, one.file, one);
  });
  const last = some.at(-1);
  if (parts.length > some.length && last) return nameOf(last);
  if (!page.dry) await deleteGarbage(bucket);
  return undefined;
}

const nameOf = ({ period, lane }: PeriodPart) => partKey(period.name, lane);

/** The parts of a period in which objects of the scope may be: for a key it is one. */
function lanesOf({ bits }: LogPeriod, { scope }: ErasureTarget): number[] {
  if (scope.key === undefined) return Array.from({ length: 2 ** bits }, (_, lane) => lane);
  return [Number.parseInt(keyHex(scope.key).slice(0, 4), 16) >> (16 - bits)];
}

/** Writes a part anew, and puts it in the place of the old one in the index, which then is garbage. */
async function replacePart(
  bucket: R2Bucket,
  { period, lane, key }: PeriodPart,
  found: FoundLines,
): Promise<void> {
  const kept = found.lines.filter((line) => !found.erased.includes(line));
  const revision = (period.revisions?.[lane] ?? 0) + 1;
  const bytes = encodeSegment([kept]);
  const size = (await bucket.head(key))?.size ?? bytes.length;
  const anew = partKey(period.name, lane, revision);
  await bucket.put(anew, bytes, { customMetadata: { kind: "part" } });
  for (;;) {
    const read = await readIndex(bucket);
    const now = read.index.periods.find(({ name }) => name === period.name);
    if (!now || partOf(now, lane) !== key) {
      // It was folded meanwhile, or another pass was faster: its lines are looked for where they are now.
      if (!now || partOf(now, lane) !== anew) await bucket.delete(anew);
      return;
    }
    const held = heldWithout(
      now.held,
      { lines: found.lines, bytes: size },
      { lines: kept, bytes: bytes.length },
    );
    const next = { ...now, held, revisions: { ...now.revisions, [lane]: revision } };
    if (
      (await replaceIndex(bucket, { index: withPeriod(read.index, next, key), etag: read.etag })) !==
      undefined
    )
      break;
  }
  await bucket.delete(key);
}

/** The index with a period that has changed. A fold that is under way may have read the old part: it begins again. */
function withPeriod(before: DaysIndex, period: LogPeriod, gone: string): DaysIndex {
  const index = withoutJob(before);
  const isEmpty = Object.keys(period.held).length === 0;
  const periods = index.periods.flatMap((one) =>
    one.name !== period.name ? [one] : isEmpty ? [] : [period],
  );
  return { ...index, periods, garbage: [...index.garbage, gone, ...(isEmpty ? partsOf(period) : [])] };
}

/** Deletes what the index says is elsewhere by now, a minute before the upkeep does. */
async function deleteGarbage(bucket: R2Bucket): Promise<void> {
  const { garbage } = (await readIndex(bucket)).index;
  for (let at = 0; at < garbage.length; at += MAX_DELETED)
    await bucket.delete(garbage.slice(at, at + MAX_DELETED));
}

interface SizedLines {
  lines: PlacedLine[];
  bytes: number;
}

/** What a period holds where a part's lines became fewer. */
function heldWithout(
  held: LogPeriod["held"],
  before: SizedLines,
  after: SizedLines,
): Record<string, HeldCounts> {
  const [old, rest]: Record<string, HeldCounts>[] = [{}, {}];
  addHeld(old as LogPeriod["held"], before.lines, before.bytes);
  addHeld(rest as LogPeriod["held"], after.lines, after.bytes);
  const counts = Object.entries(held).map(([connection, counted]): [string, HeldCounts] => {
    const less = (name: "events" | "runs" | "chars" | "bytes") =>
      Math.max(0, counted[name] - (old?.[connection]?.[name] ?? 0) + (rest?.[connection]?.[name] ?? 0));
    return [
      connection,
      { ...counted, events: less("events"), runs: less("runs"), chars: less("chars"), bytes: less("bytes") },
    ];
  });
  return Object.fromEntries(counts.filter(([, { events, runs }]) => events + runs > 0));
}
