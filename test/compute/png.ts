// The pixels of a PNG of 8-bit RGB, as compute writes them: enough of ISO/IEC 15948 to look at a picture in a
// test without the decoder that is being tested.
import { inflateSync } from "node:zlib";

export interface Pixels {
  width: number;
  height: number;
  /** Red, green and blue at a place given as shares of width and height. */
  at(x: number, y: number): [number, number, number];
}

/** Reads a PNG of three channels of eight bits, not interlaced. */
export function pixelsOf(png: Buffer): Pixels {
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  if (png.toString("hex", 24, 29) !== "0802000000") throw new Error("not a PNG of 8-bit RGB");
  const pieces: Buffer[] = [];
  for (let at = 8; at < png.length; at += png.readUInt32BE(at) + 12)
    if (png.toString("latin1", at + 4, at + 8) === "IDAT")
      pieces.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  const rows = unfiltered(inflateSync(Buffer.concat(pieces)), width * 3, height);
  const at = (x: number, y: number): [number, number, number] => {
    const from = (Math.floor(y * height) * width + Math.floor(x * width)) * 3;
    return [rows[from] ?? 0, rows[from + 1] ?? 0, rows[from + 2] ?? 0];
  };
  return { width, height, at };
}

/** Undoes the filter that each row names in the byte before it (clause 9). */
function unfiltered(bytes: Buffer, stride: number, height: number): Buffer {
  const out = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = bytes[y * (stride + 1)] ?? 0;
    for (let x = 0; x < stride; x++) {
      const left = x >= 3 ? (out[y * stride + x - 3] ?? 0) : 0;
      const up = y > 0 ? (out[(y - 1) * stride + x] ?? 0) : 0;
      const corner = x >= 3 && y > 0 ? (out[(y - 1) * stride + x - 3] ?? 0) : 0;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter] ?? 0;
      out[y * stride + x] = (bytes[y * (stride + 1) + 1 + x] ?? 0) + guess;
    }
  }
  return out;
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const [toLeft, toUp, toCorner] = [left, up, corner].map((value) => Math.abs(guess - value)) as [
    number,
    number,
    number,
  ];
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}
