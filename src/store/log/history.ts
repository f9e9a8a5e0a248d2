// Walks the events of one key by time, through the log by object: of each source the blocks that may hold the key, those
// first that the page begins with, until nothing that is unread can come before what the page has.
import type { R2Bucket } from "@cloudflare/workers-types";
import { keyHex } from "../../shapes/event-id.ts";
import type { LogPage, LogPlace, LogRange } from "./contract.ts";
import { mayHoldKey } from "./files.ts";
import { comparePlaces, type EventLine, entryOf, MINUTE_MS, minuteOfLine, type PlacedLine } from "./lines.ts";
import { mergeLines } from "./merge.ts";
import type { MinuteRange } from "./minutes.ts";
import { minuteOfMs } from "./names.ts";
import { orderOf, pageOf } from "./pool.ts";
import { blocksOfKey, type ObjectSource, SourceReader, segmentsOf } from "./sources.ts";
import { minutesOf } from "./walk.ts";

/** Sources that are opened, and blocks that are read, side by side; and sources that a page opens. */
const SIDE_BY_SIDE = 12;
const PAGE_SOURCES = 120;

/** Lines that are not read yet, and the minutes that they are of. */
interface Chunk extends MinuteRange {
  read(): Promise<PlacedLine[]>;
}

type KeyRange = LogRange & { key: string };

/** A page of at most `limit` events of a key after a place. */
export async function walkHistory(
  bucket: R2Bucket,
  range: KeyRange,
  after: LogPlace | undefined,
  limit: number,
  reader = new SourceReader(bucket),
): Promise<LogPage> {
  const minutes = minutesOf(range, after);
  const hash = keyHex(range.key);
  const sources = (await reader.list(minutes, range.connection)).filter(
    (source) => !("loose" in source) || mayHoldKey(source.loose, hash),
  );
  const frontier = new Frontier(range, after, sources, minutes);
  let opened = 0;
  while (frontier.hasMore() && frontier.certain().length < limit) {
    if (opened >= PAGE_SOURCES && frontier.hasMoved()) break;
    const next = frontier.takeSources(SIDE_BY_SIDE);
    if (next.length > 0) {
      opened += next.length;
      const chunks = await Promise.all(next.map((source) => openSource(reader, source, hash, minutes)));
      frontier.addChunks(chunks.flat());
    } else {
      const read = await Promise.all(frontier.takeChunks(SIDE_BY_SIDE).map((chunk) => chunk.read()));
      frontier.addLines(read.flat().filter((line) => line.hash.startsWith(hash)));
    }
  }
  return frontier.page(limit);
}

/** What a source may have of a key, unread. */
async function openSource(
  reader: SourceReader,
  source: ObjectSource,
  hash: string,
  minutes: MinuteRange,
): Promise<Chunk[]> {
  if ("loose" in source) {
    const { first, last, loose } = source;
    return [{ first, last, read: () => reader.loose(loose.key) }];
  }
  const footers = await Promise.all(
    segmentsOf(source, hash, hash).map(async (key) => ({ key, footer: await reader.footer(key) })),
  );
  return footers.flatMap(({ key, footer }) =>
    blocksOfKey(footer, hash)
      .map((block) => ({
        ...{ first: minuteOfMs(block.from), last: minuteOfMs(block.to) },
        read: () => reader.blocks(key, [block]),
      }))
      .filter(({ first, last }) => first <= minutes.last && last >= minutes.first),
  );
}

/** What is read and what is not, seen from where the page begins. */
class Frontier {
  #sources: ObjectSource[];
  #chunks: Chunk[] = [];
  #lines: PlacedLine[] = [];
  #certain: PlacedLine[] | undefined;
  readonly #range: KeyRange;
  readonly #after: LogPlace | undefined;
  readonly #start: number;
  readonly #sign: 1 | -1;

  constructor(range: KeyRange, after: LogPlace | undefined, sources: ObjectSource[], minutes: MinuteRange) {
    this.#range = range;
    this.#after = after;
    this.#sign = range.order === "oldest first" ? 1 : -1;
    this.#start = this.#sign === 1 ? minutes.first : minutes.last;
    this.#sources = sources.sort((a, b) => this.#edge(a) - this.#edge(b));
  }

  /** How far from the page's beginning a source or a chunk begins, in minutes. */
  #edge({ first, last }: MinuteRange): number {
    return Math.max(0, this.#sign === 1 ? first - this.#start : this.#start - last);
  }

  #nextEdge(): number {
    const [source, chunk] = [this.#sources[0], this.#chunks[0]];
    return Math.min(source ? this.#edge(source) : Infinity, chunk ? this.#edge(chunk) : Infinity);
  }

  hasMore = () => this.#sources.length + this.#chunks.length > 0;

  /** The place behind all that is certain. */
  #edgePlace(): LogPlace {
    const edge = this.#start + this.#sign * this.#nextEdge();
    return { at: (this.#sign === 1 ? edge : edge + 1) * MINUTE_MS, id: "" };
  }

  /** Whether a page that ends here leaves less to the next one. */
  hasMoved(): boolean {
    if (this.#after === undefined) return this.#nextEdge() > 0;
    return this.#sign * comparePlaces(this.#edgePlace(), this.#after) > 0;
  }

  /** The next sources, unless there is something to read that may come before them. */
  takeSources(count: number): ObjectSource[] {
    const [source, chunk] = [this.#sources[0], this.#chunks[0]];
    if (!source || (chunk && this.#edge(chunk) < this.#edge(source))) return [];
    return this.#sources.splice(0, count);
  }

  takeChunks = (count: number): Chunk[] => this.#chunks.splice(0, count);

  addChunks(chunks: Chunk[]): void {
    this.#chunks.push(...chunks);
    this.#chunks.sort((a, b) => this.#edge(a) - this.#edge(b));
    this.#certain = undefined;
  }

  addLines(lines: PlacedLine[]): void {
    this.#lines = mergeLines([...this.#lines, ...lines]);
    this.#certain = undefined;
  }

  /** Events of the page before which nothing can come any more, in order: a minute is certain when all of it is read. */
  certain(): PlacedLine[] {
    const edge = this.#nextEdge();
    this.#certain ??= this.#lines
      .filter(pageOf(this.#range, this.#after))
      .filter(({ line }) => this.#edge({ first: minuteOfLine(line), last: minuteOfLine(line) }) < edge)
      .sort(orderOf(this.#range));
    return this.#certain;
  }

  page(limit: number): LogPage {
    const all = this.certain();
    const lines = all.slice(0, limit);
    const entries = lines.map(({ line }) => entryOf(line as EventLine));
    const last = lines.at(-1);
    if (last && (all.length > limit || (all.length === limit && this.hasMore())))
      return { entries, next: { at: last.at, id: last.id } };
    if (!this.hasMore()) return { entries };
    return { entries, next: this.#edgePlace() };
  }
}
