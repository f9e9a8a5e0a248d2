// Check that an ISO film (MP4, QuickTime) is all there: each of its top-level boxes says how long it is, so a
// download that broke off is known from a few bytes, before any of it is decoded.
import { Buffer } from "node:buffer";
import { damaged, type RangeReader } from "./reader.ts";

/** Boxes looked at; a fragmented film has thousands, and its first ones say nothing of its end. */
const MAX_BOXES = 32;
/** Types of boxes at the top of an ISO file. Anything else behind index and media is a tail that no player minds. */
const TOP_LEVEL_TYPES =
  "ftyp styp moov mdat moof mfra free skip wide udta meta uuid sidx ssix prft emsg pdin pnot imda";
const KNOWN_TYPES = new Set(TOP_LEVEL_TYPES.split(" "));

/** A box: its four letters, where its contents begin and where they end. */
export interface Box {
  type: string;
  start: number;
  end: number;
}

/** The box at a position, or undefined for what cannot be one. An `end` may lie past the end of the file. */
export async function boxAt(reader: RangeReader, position: number): Promise<Box | undefined> {
  if (position + 8 > reader.size) return undefined;
  const header = Buffer.from(await reader.exactly(position, Math.min(position + 16, reader.size)));
  const type = header.toString("latin1", 4, 8);
  const short = header.readUInt32BE(0);
  // 1: the real length follows, in 64 bits. 0: to the end of the file (ISO/IEC 14496-12, 4.2).
  const long = short === 1 && header.length === 16;
  const length = long ? Number(header.readBigUInt64BE(8)) : short === 0 ? reader.size - position : short;
  if (length < (long ? 16 : 8) || !/^[\x20-\x7e\xa9]{4}$/.test(type)) return undefined;
  return { type, start: position + (long ? 16 : 8), end: position + length };
}

/** Throws `bad_media` for a film whose boxes reach past its end, or of which only the index is there. */
export async function refuseCutShort(reader: RangeReader): Promise<void> {
  const seen = new Set<string>();
  let position = 0;
  for (let count = 0; count < MAX_BOXES; count++) {
    const box = await boxAt(reader, position);
    // Players pass over what cannot be a box at the end of a file; so does this.
    if (!box) break;
    const { type, start, end } = box;
    const tail = seen.has("moov") && seen.has("mdat") && !KNOWN_TYPES.has(type);
    if (type === "moof" || tail) return;
    if (end > reader.size) {
      const detail = `is cut short: its ${type} part ends at byte ${end}, the file at ${reader.size}`;
      throw damaged(reader, detail);
    }
    if (end > start || type !== "mdat") seen.add(type);
    position = end;
    if (count === MAX_BOXES - 1) return;
  }
  if (seen.has("moov") && !["mdat", "imda", "uuid"].some((type) => seen.has(type)))
    throw damaged(reader, "is cut short: its index is there, its frames are not");
}
