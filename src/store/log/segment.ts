// A segment: lines in slices of time, each slice sorted by object in gzipped blocks, then a footer with the index of the
// blocks and a bloom filter, and a trailer of fixed length. One suffix read and one ranged read find any object. Pure.
import { Buffer } from "node:buffer";
import { gunzipSync, gzipSync } from "node:zlib";
import { FailureError } from "../../shapes/failure.ts";
import { bloomOfText, buildBloom, textOfBloom } from "./bloom.ts";
import { compareObjects, comparePlaces, isRunLine, type PlacedLine, packText } from "./lines.ts";

/** Lines of a slice, and characters and lines of a block, at most (a longer line is a block by itself). */
const SLICE_LINES = 4_000;
const BLOCK_CHARS = 100_000;
const BLOCK_LINES = 500;
const MAGIC = "WEIRLOG1";
const TRAILER_BYTES = 16;
/** Read from a segment's end at first, bytes: most footers are shorter. */
export const SUFFIX_BYTES = 65_536;

/** Where a block is, and what it holds: hashes and moments (ms) of its first and last lines, both included. */
export interface BlockRange {
  offset: number;
  length: number;
  hashes: [first: string, last: string];
  from: number;
  to: number;
}

/** What a segment holds. */
export interface SegmentFooter {
  blocks: BlockRange[];
  bloom: Uint8Array;
}

/** What a segment's own metadata and the index of days say of it. */
export interface SegmentCounts {
  events: number;
  runs: number;
  from: number;
  to: number;
}

/** Cuts lines of one minute into slices of time. */
export function sliceLines(lines: PlacedLine[]): PlacedLine[][] {
  const sorted = lines.toSorted(comparePlaces);
  const slices: PlacedLine[][] = [];
  for (let at = 0; at < sorted.length; at += SLICE_LINES) slices.push(sorted.slice(at, at + SLICE_LINES));
  return slices;
}

/** Writes slices as the bytes of a segment. The same lines are the same bytes. */
export function encodeSegment(slices: PlacedLine[][]): Uint8Array {
  const packed: Buffer[] = [];
  const blocks: BlockRange[] = [];
  let offset = 0;
  for (const slice of slices) {
    for (const { text, lines } of cutBlocks(slice.toSorted(compareObjects))) {
      const bytes = packText(text);
      packed.push(bytes);
      blocks.push({ offset, length: bytes.length, ...rangeOf(lines) });
      offset += bytes.length;
    }
  }
  const bloom = textOfBloom(buildBloom(slices.flat().map(({ hash }) => hash)));
  const footer = gzipSync(JSON.stringify({ blocks: blocks.map(packRange), bloom }));
  const trailer = Buffer.alloc(TRAILER_BYTES);
  trailer.write(MAGIC, "latin1");
  trailer.writeUInt32BE(footer.length, MAGIC.length);
  return Buffer.concat([...packed, footer, trailer]);
}

function* cutBlocks(sorted: PlacedLine[]): Generator<{ text: string; lines: PlacedLine[] }> {
  let [text, lines]: [string, PlacedLine[]] = ["", []];
  for (const placed of sorted) {
    const one = `${JSON.stringify(placed.line)}\n`;
    if (lines.length === BLOCK_LINES || (lines.length > 0 && text.length + one.length > BLOCK_CHARS)) {
      yield { text, lines };
      [text, lines] = ["", []];
    }
    text += one;
    lines.push(placed);
  }
  if (lines.length > 0) yield { text, lines };
}

function rangeOf(lines: PlacedLine[]): Omit<BlockRange, "offset" | "length"> {
  const moments = lines.map(({ at }) => at);
  return {
    hashes: [lines[0]?.hash ?? "", lines.at(-1)?.hash ?? ""],
    from: moments.reduce((a, b) => Math.min(a, b)),
    to: moments.reduce((a, b) => Math.max(a, b)),
  };
}

type PackedRange = [offset: number, length: number, first: string, last: string, from: number, to: number];
const packRange = ({ offset, length, hashes, from, to }: BlockRange): PackedRange => [
  offset,
  length,
  ...hashes,
  from,
  to,
];

/** Bytes of the footer and trailer, from the end of a segment; undefined for what is no segment. */
export function footerBytes(tail: Uint8Array): number | undefined {
  const trailer = Buffer.from(tail.buffer, tail.byteOffset, tail.length).subarray(-TRAILER_BYTES);
  if (trailer.length < TRAILER_BYTES || trailer.toString("latin1", 0, MAGIC.length) !== MAGIC)
    return undefined;
  return trailer.readUInt32BE(MAGIC.length) + TRAILER_BYTES;
}

/** Reads the footer, from an end of the segment that holds it. @throws FailureError `internal` for what is no segment */
export function decodeFooter(tail: Uint8Array, where: string): SegmentFooter {
  const length = footerBytes(tail);
  if (length === undefined || length > tail.length)
    throw new FailureError({
      kind: "internal",
      detail: "an object of the log does not end as a segment does",
      where,
      next: "restore it; until then its events can't be read",
    });
  const text = gunzipSync(tail.subarray(tail.length - length, tail.length - TRAILER_BYTES)).toString();
  const { blocks, bloom } = JSON.parse(text) as { blocks: PackedRange[]; bloom: string };
  return {
    blocks: blocks.map(([offset, length, first, last, from, to]) => ({
      offset,
      length,
      hashes: [first, last],
      from,
      to,
    })),
    bloom: bloomOfText(bloom),
  };
}

/** What lines come to. */
export function countLines(lines: PlacedLine[]): SegmentCounts {
  const counts = { events: 0, runs: 0, from: Number.MAX_SAFE_INTEGER, to: 0 };
  for (const { at, line } of lines) {
    counts.from = Math.min(counts.from, at);
    counts.to = Math.max(counts.to, at);
    if (isRunLine(line)) counts.runs++;
    else {
      counts.events++;
      counts.runs += line.runs?.length ?? 0;
    }
  }
  return counts;
}
