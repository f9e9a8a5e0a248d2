// Where lines of objects are: loose objects, fresh segments, and the parts of hours and days. They are listed in the order
// in which lines move, so that none is missed, and footers are read once for a page.
import type { R2Bucket } from "@cloudflare/workers-types";
import { mayHold } from "./bloom.ts";
import { type LogPeriod, partOf, readIndex } from "./days-index.ts";
import { type LogFile, mayHoldConnection, readBlocks, readFooter, readLoose } from "./files.ts";
import type { PlacedLine } from "./lines.ts";
import { listWindow, type MinuteRange } from "./minutes.ts";
import { FRESH, LOOSE } from "./names.ts";
import type { BlockRange, SegmentFooter } from "./segment.ts";

const HASH_BITS = 16;
const HASH_DIGITS = 4;

/** A loose object, a fresh segment, or a period; with the minutes that its lines may be of. */
export type ObjectSource = MinuteRange & ({ loose: LogFile } | { fresh: LogFile } | { period: LogPeriod });

/** Reads of one page: footers and loose objects are kept, and what has been read is counted. */
export class SourceReader {
  reads = 0;
  readonly #bucket: R2Bucket;
  readonly #footers = new Map<string, Promise<SegmentFooter>>();
  readonly #loose = new Map<string, Promise<PlacedLine[]>>();

  constructor(bucket: R2Bucket) {
    this.#bucket = bucket;
  }

  /** Sources that may have lines of a connection, of minutes of a range. */
  async list(range: MinuteRange, connection: string | undefined): Promise<ObjectSource[]> {
    const isMeant = (file: LogFile) => mayHoldConnection(file, connection);
    const loose = (await listWindow(this.#bucket, LOOSE, range)).filter(isMeant);
    const fresh = (await listWindow(this.#bucket, FRESH, range)).filter(isMeant);
    const { periods } = (await readIndex(this.#bucket)).index;
    const near = periods.filter(
      ({ first, minutes, held }) =>
        first <= range.last &&
        first + minutes > range.first &&
        (connection === undefined || held[connection] !== undefined),
    );
    return [
      ...loose.map((file) => ({ first: file.minute, last: file.minute, loose: file })),
      ...fresh.map((file) => ({ first: file.minute, last: file.minute, fresh: file })),
      ...near.map((period) => ({ first: period.first, last: period.first + period.minutes - 1, period })),
    ];
  }

  /** Lines of a loose object. */
  loose(key: string): Promise<PlacedLine[]> {
    return this.#once(this.#loose, key, readLoose);
  }

  footer(key: string): Promise<SegmentFooter> {
    return this.#once(this.#footers, key, readFooter);
  }

  blocks(key: string, blocks: BlockRange[]): Promise<PlacedLine[]> {
    this.reads++;
    return readBlocks(this.#bucket, key, blocks);
  }

  #once<T>(known: Map<string, Promise<T>>, key: string, read: (bucket: R2Bucket, key: string) => Promise<T>) {
    const before = known.get(key);
    if (before) return before;
    this.reads++;
    const after = read(this.#bucket, key);
    known.set(key, after);
    return after;
  }
}

/** Keys of the segments of a source in which hashes of a range are; both ends are included, and may be beginnings. */
export function segmentsOf(source: ObjectSource, first: string, last: string): string[] {
  if ("fresh" in source) return [source.fresh.key];
  if (!("period" in source)) return [];
  const { bits } = source.period;
  const laneOf = (hash: string, pad: string) =>
    Number.parseInt(hash.slice(0, HASH_DIGITS).padEnd(HASH_DIGITS, pad), 16) >> (HASH_BITS - bits);
  const [from, to] = [laneOf(first, "0"), laneOf(last.replace("~", ""), "f")];
  return Array.from({ length: to - from + 1 }, (_, at) => partOf(source.period, from + at));
}

/** Blocks of a segment that may have lines of hashes that begin so; none where its filter says so. */
export const blocksOfKey = ({ blocks, bloom }: SegmentFooter, keyHash: string): BlockRange[] =>
  mayHold(bloom, keyHash)
    ? blocks.filter(({ hashes: [first, last] }) => first <= `${keyHash}~` && last >= keyHash)
    : [];
