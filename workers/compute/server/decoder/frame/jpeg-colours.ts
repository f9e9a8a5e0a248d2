// RGB of a JPEG's pixels as libjpeg computes it, for pictures so small that the difference would be seen: colours that
// are stored at half the size are spread by 3 : 1 towards their neighbours, and FFmpeg's scaler, which spreads them over the
// width that is shown, drifts where that is odd. Integers throughout, as JFIF's matrix has them. take.ts asks.
import { Buffer } from "node:buffer";
import {
  AV_PIX_FMT_YUV420P,
  AV_PIX_FMT_YUV422P,
  AV_PIX_FMT_YUV444P,
  AV_PIX_FMT_YUVJ420P,
  AV_PIX_FMT_YUVJ422P,
  AV_PIX_FMT_YUVJ444P,
  AVCOL_RANGE_JPEG,
  AVCOL_SPC_SMPTE170M,
} from "node-av/constants";
import type { Frame } from "node-av/lib";
import { lightOf, matrixOf } from "../film/scaler.ts";

/** A larger picture is scaled down so far that its colours are means of many. */
const MAX_PIXELS = 1_000_000;

/** By how many a colour's columns and rows are fewer. */
interface Halving {
  columns: 1 | 2;
  rows: 1 | 2;
}
const HALVINGS = new Map<number, Halving>([
  [AV_PIX_FMT_YUVJ444P, { columns: 1, rows: 1 }],
  [AV_PIX_FMT_YUVJ422P, { columns: 2, rows: 1 }],
  [AV_PIX_FMT_YUVJ420P, { columns: 2, rows: 2 }],
  [AV_PIX_FMT_YUV444P, { columns: 1, rows: 1 }],
  [AV_PIX_FMT_YUV422P, { columns: 2, rows: 1 }],
  [AV_PIX_FMT_YUV420P, { columns: 2, rows: 2 }],
]);
const JPEG_FORMATS = new Set<number>([AV_PIX_FMT_YUVJ444P, AV_PIX_FMT_YUVJ422P, AV_PIX_FMT_YUVJ420P]);

/** The pixels of a frame as it is stored, rows without padding; undefined where it is no small JPEG's. */
export function jpegRgb(frame: Frame): Buffer | undefined {
  const { width, height, format, data, linesize } = frame;
  const halving = HALVINGS.get(format);
  const full = JPEG_FORMATS.has(format) || frame.colorRange === AVCOL_RANGE_JPEG;
  if (!halving || !full || width * height > MAX_PIXELS) return undefined;
  if (matrixOf(frame) !== AVCOL_SPC_SMPTE170M || lightOf(frame) !== undefined) return undefined;
  const [y, cb, cr] = data ?? [];
  if (!y || !cb || !cr) return undefined;
  const spreadOf = (plane: Uint8Array, index: number) =>
    spread({ plane, stride: linesize[index] ?? 0 }, { width, height }, halving);
  const [blue, red] = [spreadOf(cb, 1), spreadOf(cr, 2)];
  const out = Buffer.allocUnsafe(width * height * 3);
  const stride = linesize[0] ?? 0;
  for (let row = 0, at = 0; row < height; row++) {
    for (let column = 0; column < width; column++, at++) {
      const luma = y[row * stride + column] ?? 0;
      const [b, r] = [(blue[at] ?? 0) - 128, (red[at] ?? 0) - 128];
      out[at * 3] = clamped(luma + ((RED * r + HALF) >> 16));
      out[at * 3 + 1] = clamped(luma + ((-GREEN_BLUE * b + HALF - GREEN_RED * r) >> 16));
      out[at * 3 + 2] = clamped(luma + ((BLUE * b + HALF) >> 16));
    }
  }
  return out;
}

const fixed = (value: number) => Math.floor(value * 65_536 + 0.5);
const HALF = 32_768;
const [RED, BLUE, GREEN_RED, GREEN_BLUE] = [fixed(1.402), fixed(1.772), fixed(0.71414), fixed(0.34414)];
const clamped = (value: number) => Math.max(0, Math.min(255, value));

interface Plane {
  plane: Uint8Array;
  stride: number;
}

/** A plane of colours at the picture's size. */
function spread(
  { plane, stride }: Plane,
  { width, height }: { width: number; height: number },
  { columns, rows }: Halving,
): Uint8Array {
  const own = { width: Math.ceil(width / columns), height: Math.ceil(height / rows) };
  const out = new Uint8Array(width * height);
  // Two columns or fewer are repeated instead.
  const smooth = columns === 2 && own.width > 2;
  const sums = new Int32Array(own.width);
  for (let y = 0; y < height; y++) {
    const near = Math.floor(y / rows);
    const far = Math.max(0, Math.min(own.height - 1, near + (y % 2 === 0 ? -1 : 1)));
    const both = rows === 2 && smooth;
    for (let x = 0; x < own.width; x++) {
      const value = plane[near * stride + x] ?? 0;
      sums[x] = both ? 3 * value + (plane[far * stride + x] ?? 0) : value;
    }
    const [shift, even, odd] = both ? [4, 8, 7] : [2, 1, 2];
    for (let x = 0; x < width; x++) {
      const place = Math.floor(x / columns);
      const value = sums[place] ?? 0;
      if (!smooth) {
        out[y * width + x] = value;
        continue;
      }
      const neighbour = sums[x % 2 === 0 ? Math.max(0, place - 1) : Math.min(own.width - 1, place + 1)] ?? 0;
      out[y * width + x] = (3 * value + neighbour + (x % 2 === 0 ? even : odd)) >> shift;
    }
  }
  return out;
}
