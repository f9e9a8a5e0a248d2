// A frame's pixels at another size and in another format, as they are shown: FFmpeg's scaler, kept while frames
// stay of one kind, with what the frame says of its colours. HDR and wide gamuts go on to light.ts.
import type { Buffer } from "node:buffer";
import {
  AV_FRAME_DATA_CONTENT_LIGHT_LEVEL,
  AV_FRAME_DATA_DISPLAYMATRIX,
  AV_FRAME_DATA_DYNAMIC_HDR_PLUS,
  AV_FRAME_DATA_MASTERING_DISPLAY_METADATA,
  AV_PIX_FMT_GRAY8,
  AV_PIX_FMT_RGB24,
  AV_PIX_FMT_RGB48LE,
  AV_PIX_FMT_RGBA,
  AVCOL_PRI_BT709,
  AVCOL_PRI_BT2020,
  AVCOL_PRI_SMPTE431,
  AVCOL_PRI_SMPTE432,
  AVCOL_RANGE_JPEG,
  AVCOL_SPC_BT709,
  AVCOL_SPC_BT2020_CL,
  AVCOL_SPC_BT2020_NCL,
  AVCOL_SPC_FCC,
  AVCOL_SPC_RGB,
  AVCOL_SPC_SMPTE170M,
  AVCOL_SPC_SMPTE240M,
  AVCOL_TRC_ARIB_STD_B67,
  AVCOL_TRC_BT709,
  AVCOL_TRC_IEC61966_2_1,
  AVCOL_TRC_SMPTE2084,
  type AVColorRange,
  type AVColorSpace,
  type AVPixelFormat,
  SWS_AREA,
  type SwsFlags,
} from "node-av/constants";
import { FFmpegError, Frame, SoftwareScaleContext } from "node-av/lib";
import { type Light, lumaOf, toStandard } from "./light.ts";
import { isSideways, turned, turnOf } from "./turn.ts";

/** Scalers that are kept, the last used ones: a film needs one for each size and format that is taken of it. */
const MAX_SCALERS = 4;
/** Matrices of YUV to RGB, without BT.601's, which a frame is taken to have that names none. */
const MATRICES = new Set<number>([
  AVCOL_SPC_RGB,
  AVCOL_SPC_BT709,
  AVCOL_SPC_FCC,
  AVCOL_SPC_SMPTE240M,
  AVCOL_SPC_BT2020_NCL,
]);
const RGB_FORMATS = new Set<AVPixelFormat>([AV_PIX_FMT_RGB24, AV_PIX_FMT_RGB48LE, AV_PIX_FMT_RGBA]);
/** Side data about screens. The scaler would convert colours by it, with a table that takes seconds to build. */
const SCREEN_SIDE_DATA = [
  AV_FRAME_DATA_MASTERING_DISPLAY_METADATA,
  AV_FRAME_DATA_CONTENT_LIGHT_LEVEL,
  AV_FRAME_DATA_DYNAMIC_HDR_PLUS,
];
/** A pixel that is longer than this many times its other side is a mistake, and taken as a square. */
const MAX_PIXEL_RATIO = 8;

/** Size, format and colours that a picture is converted to. */
export interface ScaleTarget {
  width: number;
  height: number;
  format: AVPixelFormat;
  /** Of YUV; default the frame's own. */
  matrix?: AVColorSpace;
  /** Default: all of it, as RGB and gray have. */
  range?: AVColorRange;
  flags?: SwsFlags | undefined;
}
type PixelFormat = typeof AV_PIX_FMT_RGB24 | typeof AV_PIX_FMT_GRAY8;

/** Width and height of a frame as it is shown: its pixels made square, and turned. */
export function shownSize(frame: Frame): { width: number; height: number } {
  const { height } = frame;
  const width = squared(frame.width, frame.sampleAspectRatio);
  return isSideways(turnOf(frame.getSideData(AV_FRAME_DATA_DISPLAYMATRIX)))
    ? { width: height, height: width }
    : { width, height };
}

/** A width of pixels that may not be square as one of pixels that are. */
export function squared(width: number, pixel: { num: number; den: number }): number {
  const ratio = pixel.num > 0 && pixel.den > 0 ? pixel.num / pixel.den : 1;
  return ratio > MAX_PIXEL_RATIO || ratio < 1 / MAX_PIXEL_RATIO
    ? width
    : Math.max(1, Math.round(width * ratio));
}

/** The pixels of a frame as it is shown, at another size and format, rows without padding. */
export function scaled(
  frame: Frame,
  width: number,
  height: number,
  format: PixelFormat,
  flags?: SwsFlags,
): Buffer {
  const turn = turnOf(frame.getSideData(AV_FRAME_DATA_DISPLAYMATRIX));
  const [w, h] = isSideways(turn) ? [height, width] : [width, height];
  const pixels = standardOf(frame, w, h, format, flags);
  return turn ? turned(pixels, w, h, format === AV_PIX_FMT_RGB24 ? 3 : 1, turn) : pixels;
}

/** The pixels of a frame as it was stored, in colours that a screen of standard range has. */
export function standardOf(
  frame: Frame,
  width: number,
  height: number,
  format: PixelFormat,
  flags?: SwsFlags,
): Buffer {
  const light = lightOf(frame);
  if (light === undefined) return pixelsOf(frame, { width, height, format, flags });
  const deep = pixelsOf(frame, { width, height, format: AV_PIX_FMT_RGB48LE, flags });
  const rgb = toStandard(new Uint16Array(deep.buffer, deep.byteOffset, deep.length / 2), light);
  return format === AV_PIX_FMT_GRAY8 ? lumaOf(rgb) : rgb;
}

/** Whether a frame is brighter than a screen of standard range. */
export const isHdr = ({ colorTrc }: Frame): boolean =>
  colorTrc === AVCOL_TRC_SMPTE2084 || colorTrc === AVCOL_TRC_ARIB_STD_B67;

/** What must be done to a frame's colours before a screen of standard range can show them; undefined: nothing. */
export function lightOf({ colorTrc, colorPrimaries }: Frame): Light | undefined {
  const hdr =
    colorTrc === AVCOL_TRC_SMPTE2084 ? "pq" : colorTrc === AVCOL_TRC_ARIB_STD_B67 ? "hlg" : undefined;
  const p3 = colorPrimaries === AVCOL_PRI_SMPTE431 || colorPrimaries === AVCOL_PRI_SMPTE432;
  // HDR that does not say otherwise is BT.2100's.
  if (hdr)
    return { transfer: hdr, primaries: p3 ? "p3" : colorPrimaries === AVCOL_PRI_BT709 ? "bt709" : "bt2020" };
  if (!p3 && colorPrimaries !== AVCOL_PRI_BT2020) return undefined;
  return {
    transfer: colorTrc === AVCOL_TRC_IEC61966_2_1 ? "srgb" : "video",
    primaries: p3 ? "p3" : "bt2020",
  };
}

function pixelsOf(frame: Frame, target: ScaleTarget): Buffer {
  const picture = convert(frame, target);
  try {
    return picture.toBuffer();
  } finally {
    picture.free();
  }
}

/** A new frame with the picture of another, at a size and in a format, as it was stored and in its own light. */
export function convert(frame: Frame, { width, height, format, matrix, range, flags }: ScaleTarget): Frame {
  const from = frame.clone();
  const to = new Frame();
  if (from === null) throw new Error("no memory for a picture");
  try {
    const own = matrixOf(frame);
    Object.assign(from, { colorSpace: own, colorPrimaries: AVCOL_PRI_BT709, colorTrc: AVCOL_TRC_BT709 });
    for (const type of SCREEN_SIDE_DATA) from.removeSideData(type);
    // Half-pictures of an interlaced frame are scaled as what they are shown as: one picture.
    from.flags = 0;
    const rgb = RGB_FORMATS.has(format);
    const colorSpace = rgb ? AVCOL_SPC_RGB : (matrix ?? own);
    to.alloc();
    Object.assign(to, { width, height, format, colorSpace, colorRange: range ?? AVCOL_RANGE_JPEG });
    Object.assign(to, { colorPrimaries: AVCOL_PRI_BT709, colorTrc: AVCOL_TRC_BT709 });
    FFmpegError.throwIfError(to.getBuffer(), "take memory for a picture");
    FFmpegError.throwIfError(
      scalerFor(from, to, flags ?? SWS_AREA).scaleFrameSync(to, from),
      "scale a picture",
    );
    return to;
  } catch (error) {
    to.free();
    throw error;
  } finally {
    from.free();
  }
}

/** The matrix that a frame's YUV is taken to have. */
export function matrixOf({ colorSpace }: Pick<Frame, "colorSpace">): AVColorSpace {
  if (colorSpace === AVCOL_SPC_BT2020_CL) return AVCOL_SPC_BT2020_NCL;
  return MATRICES.has(colorSpace) ? colorSpace : AVCOL_SPC_SMPTE170M;
}

const scalers = new Map<string, SoftwareScaleContext>();

/** The scaler of frames of this kind: what it has set up serves the next one, which takes longer than scaling. */
function scalerFor(from: Frame, to: Frame, flags: SwsFlags): SoftwareScaleContext {
  const kind = [from, to].flatMap((frame) => [
    frame.width,
    frame.height,
    frame.format,
    frame.colorSpace,
    frame.colorRange,
  ]);
  const key = [...kind, from.chromaLocation, flags].join();
  const scaler = scalers.get(key) ?? new SoftwareScaleContext();
  if (!scalers.delete(key)) {
    scaler.allocContext();
    scaler.setOption("sws_flags", flags);
  }
  scalers.set(key, scaler);
  for (const [oldest, other] of scalers) {
    if (scalers.size <= MAX_SCALERS) break;
    other.freeContext();
    scalers.delete(oldest);
  }
  return scaler;
}
