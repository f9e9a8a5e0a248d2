// Check of one track of an ISO film: whether its table of samples alone decides when its frames are shown, or an edit
// list has a say too. Reads boxes, and no frames.
import { Buffer } from "node:buffer";
import type { Box } from "./boxes.ts";
import type { RangeReader } from "./reader.ts";

/** Most boxes of one level that are looked at. */
const MAX_BOXES = 512;

/**
 * Whether a track is shown as its table lists it: in one piece, from a frame that needs no other. What an edit list
 * puts together of several pieces, or what begins between keyframes, only its packets show.
 */
export async function isPlainTrack(reader: RangeReader, id: number): Promise<boolean> {
  const moov = await boxIn(reader, { type: "", start: 0, end: reader.size }, "moov");
  for await (const track of moov ? boxesIn(reader, moov) : []) {
    if (track.type !== "trak" || (await idOf(reader, track)) !== id) continue;
    const edits = await entriesAt(reader, track, ["edts", "elst"], 20);
    if (edits && shownPieces(edits) > 1) return false;
    const entries = await entriesAt(reader, track, ["mdia", "minf", "stbl", "stss"], 1);
    return !entries || entries.length < 12 || entries.readUInt32BE(4) === 0 || entries.readUInt32BE(8) === 1;
  }
  return true;
}

async function idOf(reader: RangeReader, track: Box): Promise<number | undefined> {
  const header = await boxIn(reader, track, "tkhd");
  if (!header || header.end - header.start < 24) return undefined;
  const bytes = Buffer.from(await reader.exactly(header.start, header.start + 24));
  return bytes.readUInt32BE(bytes[0] === 1 ? 20 : 12);
}

/** How many parts of a track an edit list shows; an empty one only waits. */
function shownPieces(list: Buffer): number {
  const long = list[0] === 1;
  const size = long ? 20 : 12;
  const count = Math.min(list.readUInt32BE(4), Math.floor((list.length - 8) / size));
  const times = Array.from({ length: count }, (_, i) => list.readInt32BE(8 + i * size + (long ? 8 : 4)));
  return times.filter((time) => time >= 0).length;
}

/** The first bytes of the box at the end of a path: version, count, and up to so many entries of 20 bytes. */
async function entriesAt(
  reader: RangeReader,
  from: Box,
  path: string[],
  maxEntries: number,
): Promise<Buffer | undefined> {
  let box: Box | undefined = from;
  for (const type of path) box = box && (await boxIn(reader, box, type));
  if (!box || box.end - box.start < 8) return undefined;
  return Buffer.from(await reader.exactly(box.start, Math.min(box.end, box.start + 8 + maxEntries * 20)));
}

async function boxIn(reader: RangeReader, outer: Box, type: string): Promise<Box | undefined> {
  for await (const box of boxesIn(reader, outer)) if (box.type === type) return box;
  return undefined;
}

/** The boxes inside another, by what is in them. */
async function* boxesIn(reader: RangeReader, outer: Box): AsyncGenerator<Box> {
  const end = Math.min(outer.end, reader.size);
  for (let at = outer.start, count = 0; at + 8 <= end && count < MAX_BOXES; count++) {
    const header = Buffer.from(await reader.exactly(at, Math.min(at + 16, reader.size)));
    const short = header.readUInt32BE(0);
    const long = short === 1 && header.length === 16;
    const length = long ? Number(header.readBigUInt64BE(8)) : short === 0 ? end - at : short;
    if (length < (long ? 16 : 8)) return;
    yield {
      type: header.toString("latin1", 4, 8),
      start: at + (long ? 16 : 8),
      end: Math.min(at + length, end),
    };
    at += length;
  }
}
