// Check that a still picture is all there, by the structure of its format: a decoder fills what is missing with grey
// or green and says nothing. Formats in which pictures are items or strips: heif.ts, tiff.ts.
import type { Buffer } from "node:buffer";
import type { RangeReader } from "../file/reader.ts";
import { damaged } from "../file/reader.ts";

type Format = "mjpeg" | "png" | "webp" | "gif" | "tiff";
const CHECKS: Partial<Record<Format, (bytes: Buffer) => boolean>> = {
  mjpeg: isWholeJpeg,
  png: isWholePng,
  webp: (bytes) => bytes.readUInt32LE(4) + 8 <= bytes.length,
  gif: isWholeGif,
};

/** Throws `bad_media` for a picture that ends before it is complete. */
export function refuseCutPicture(reader: RangeReader, format: Format, bytes: Buffer): void {
  if (bytes.length < 12 || CHECKS[format]?.(bytes) === false)
    throw damaged(
      reader,
      `is cut short: its picture is not complete at byte ${bytes.length}, where the file ends`,
    );
}

/** Segments up to the marker that ends the picture (ITU-T T.81, B.1.1); a thumbnail is inside a segment. */
function isWholeJpeg(bytes: Buffer): boolean {
  for (let at = 2; at + 1 < bytes.length; ) {
    const marker = bytes[at + 1] ?? 0;
    if (bytes[at] !== 0xff || marker === 0xff || marker === 0) at += 1;
    else if (marker === 0xd9) return true;
    else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) at += 2;
    else if (at + 4 > bytes.length) return false;
    else at += 2 + bytes.readUInt16BE(at + 2);
  }
  return false;
}

/** Chunks up to the one that ends the picture (ISO/IEC 15948, 5.3). */
function isWholePng(bytes: Buffer): boolean {
  for (let at = 8; at + 12 <= bytes.length; at += bytes.readUInt32BE(at) + 12)
    if (bytes.toString("latin1", at + 4, at + 8) === "IEND") return true;
  return false;
}

/** Blocks up to the end of the first image (GIF89a, 20 to 22). */
function isWholeGif(bytes: Buffer): boolean {
  const table = (flags = 0) => (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0);
  const behindBlocks = (from: number): number => {
    let at = from;
    while (at < bytes.length && bytes[at] !== 0) at += (bytes[at] ?? 0) + 1;
    return at + 1;
  };
  let at = 13 + table(bytes[10]);
  while (bytes[at] === 0x21) at = behindBlocks(at + 2);
  if (bytes[at] !== 0x2c) return at < bytes.length;
  return behindBlocks(at + 11 + table(bytes[at + 9])) <= bytes.length;
}
