// Whether an ISO file (MP4, QuickTime, AVIF) is all there: each of its top-level boxes says how long it is,
// so a download that broke off is known from a few bytes, before any of it is decoded.
import { Buffer } from "node:buffer";
import { damaged, type RangeReader } from "./reader.ts";

/** Boxes looked at; a fragmented film has thousands, and its first ones say nothing of its end. */
const MOST = 32;

/** Throws `bad_media` for a file whose boxes reach past its end. */
export async function refuseCutShort(reader: RangeReader): Promise<void> {
  let position = 0;
  for (let count = 0; count < MOST && position + 8 <= reader.size; count++) {
    const header = Buffer.from(await reader.exactly(position, Math.min(position + 16, reader.size)));
    const type = header.toString("latin1", 4, 8);
    const short = header.readUInt32BE(0);
    // 1: the real length follows, in 64 bits. 0: to the end of the file.
    if (short === 0 || type === "moof") return;
    const length = short === 1 && header.length === 16 ? Number(header.readBigUInt64BE(8)) : short;
    // Players pass over what cannot be a box at the end of a file; so does this.
    if (length < 8 || !/^[\x20-\x7e\xa9]{4}$/.test(type)) return;
    position += length;
    if (position > reader.size) {
      throw damaged(
        reader,
        `is cut short: its ${type} part ends at byte ${position}, the file at ${reader.size}`,
      );
    }
  }
}
