// Turn that makes a picture upright: by the display matrix of a film (a phone held sideways) or by the
// EXIF orientation of a photograph, which FFmpeg gives as the same matrix. Pure.
import { Buffer } from "node:buffer";

/** A pixel at (x, y) is shown at (a·x + c·y, b·x + d·y), each of them -1, 0 or 1, and moved into the picture. */
export interface Turn {
  a: number;
  b: number;
  c: number;
  d: number;
}

/** Undefined for a picture that is upright, and for a matrix that is no quarter turn or mirroring. */
export function turnOf(matrix: Buffer | null): Turn | undefined {
  if (matrix === null || matrix.length < 36) return undefined;
  const [a, b, c, d] = [0, 4, 12, 16].map((at) => Math.sign(matrix.readInt32LE(at))) as [
    number,
    number,
    number,
    number,
  ];
  const straight = b === 0 && c === 0 && a !== 0 && d !== 0;
  const quarter = a === 0 && d === 0 && b !== 0 && c !== 0;
  if (!quarter && !(straight && (a < 0 || d < 0))) return undefined;
  return { a, b, c, d };
}

/** Degrees clockwise, 0 to 270; of a mirrored picture, those of its first row. */
export const degreesOf = (turn: Turn | undefined): number =>
  turn ? (Math.round((Math.atan2(turn.b, turn.a) * 180) / Math.PI) + 360) % 360 : 0;

/** Whether width and height change places. */
export const isSideways = (turn: Turn | undefined): boolean => turn !== undefined && turn.a === 0;

/** Pixels of `width` by `height` as they are shown. */
export function turned(
  pixels: Buffer,
  width: number,
  height: number,
  channels: number,
  { a, b, c, d }: Turn,
): Buffer {
  const out = Buffer.allocUnsafe(pixels.length);
  const row = a === 0 ? height : width;
  const left = Math.min(0, a * (width - 1) + c * (height - 1));
  const top = Math.min(0, b * (width - 1) + d * (height - 1));
  for (let y = 0, from = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const to = ((b * x + d * y - top) * row + (a * x + c * y - left)) * channels;
      for (let channel = 0; channel < channels; channel++) out[to + channel] = pixels[from++] ?? 0;
    }
  }
  return out;
}
