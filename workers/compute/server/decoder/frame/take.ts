// The part of a decoded frame that a model takes: a builtin's features, pixels for a model that runs elsewhere, or a
// picture to send. Decoder child only, which knows no model but the builtins.
import { Buffer } from "node:buffer";
import {
  AV_FRAME_DATA_DISPLAYMATRIX,
  AV_PIX_FMT_RGB24,
  SWS_ACCURATE_RND,
  SWS_AREA,
  SWS_BILINEAR,
  SWS_FULL_CHR_H_INP,
  SWS_FULL_CHR_H_INT,
  type SwsFlags,
} from "node-av/constants";
import type { Frame } from "node-av/lib";
import { quantisedRows } from "../../../../../src/shapes/vector.ts";
import { scaled, shownSize, squared } from "../film/scaler.ts";
import { turned, turnOf } from "../film/turn.ts";
import type { EmbedJob, Parts, Pixels, Take } from "../protocol.ts";
import { encodePicture } from "./encode.ts";
import { featuresOf, poolFeatures } from "./features.ts";
import { jpegRgb } from "./jpeg-colours.ts";
import { resampled, type Size } from "./resample.ts";

/** A frame's features, or its pixels or picture. */
export type TakenFrame = Float32Array | Buffer;

/** Extracts from a frame what a model takes of it. */
export function takenOf(frame: Frame, take: Take): TakenFrame {
  if (take.as === "features") return featuresOf(take.builtin, frame);
  if (take.as === "pixels") return pixelsOf(frame, take);
  const { width, height } = shownSize(frame);
  const shrink = Math.min(1, take.size / Math.max(width, height));
  const shrunk = (side: number) => Math.max(1, Math.round(side * shrink));
  return encodePicture(frame, shrunk(width), shrunk(height), "jpeg");
}

/** Base64 of little-endian float32 (what every platform that runs this stores), or the frames themselves. */
export function partsOf(taken: readonly TakenFrame[], media: EmbedJob["media"]): Parts {
  const features = taken.flatMap((part) => (part instanceof Float32Array ? [part] : []));
  if (features.length === 0)
    return { frames: taken.flatMap((part) => (part instanceof Buffer ? [part] : [])) };
  const pooled = poolFeatures(features);
  return {
    embedding: Buffer.from(pooled.buffer).toString("base64"),
    dims: pooled.length,
    ...(media === "video" && {
      frame_vectors: Buffer.from(quantisedRows(features).buffer).toString("base64"),
    }),
  };
}

/** Pixels of a picture that are scaled as they are: 48 MB. A larger one is first brought to this by the mean of areas. */
const MAX_SOURCE_PIXELS = 16_000_000;
/** Of YUV, colours between their samples on a straight line, as libjpeg has them, and no rounding by short cuts. */
const EXACT = (SWS_BILINEAR |
  SWS_FULL_CHR_H_INT |
  SWS_FULL_CHR_H_INP |
  SWS_ACCURATE_RND) as unknown as SwsFlags;

/** RGB of just the size that a model takes, rows without padding. */
function pixelsOf(frame: Frame, { width, height, fit, resize, resample }: Pixels): Buffer {
  const shown = shownSize(frame);
  const shrink = Math.min(1, Math.sqrt(MAX_SOURCE_PIXELS / (shown.width * shown.height)));
  const shrunk = (side: number) => Math.max(1, Math.round(side * shrink));
  const from = { width: shrunk(shown.width), height: shrunk(shown.height) };
  const rgb =
    exactPixels(frame) ??
    scaled(frame, from.width, from.height, AV_PIX_FMT_RGB24, shrink < 1 ? SWS_AREA : EXACT);
  const to = scaledSize(shown, { width, height }, fit, resize);
  // Without what is cut off, which is not computed.
  const window = {
    left: Math.max(0, Math.floor((to.width - width) / 2)),
    top: Math.max(0, Math.floor((to.height - height) / 2)),
    width: Math.min(width, to.width),
    height: Math.min(height, to.height),
  };
  const pixels = resampled(rgb, from, to, resample, window);
  return fit === "contain" ? onBlack(pixels, window, width, height) : pixels;
}

/** A small JPEG's pixels as it is shown, where it is as large as it is stored. */
function exactPixels(frame: Frame): Buffer | undefined {
  const { width, height } = frame;
  if (squared(width, frame.sampleAspectRatio) !== width) return undefined;
  const rgb = jpegRgb(frame);
  const turn = turnOf(frame.getSideData(AV_FRAME_DATA_DISPLAYMATRIX));
  return rgb && turn ? turned(rgb, width, height, 3, turn) : rgb;
}

/** Size that a whole picture is brought to, before its middle is cut out. Sides are cut down to whole pixels. */
function scaledSize(shown: Size, model: Size, fit: Pixels["fit"], resize: number | undefined): Size {
  if (fit === "stretch") return model;
  const wide = shown.width * model.height > shown.height * model.width;
  // `cover` is led by the side that is short beside the model's, `contain` by the other.
  const byHeight = fit === "cover" ? wide : !wide;
  const factor = (resize ?? 0) / Math.min(model.width, model.height) || 1;
  const lead = byHeight ? model.height * factor : model.width * factor;
  const [own, other] = byHeight ? [shown.height, shown.width] : [shown.width, shown.height];
  const whole = fit === "cover" ? Math.floor : Math.round;
  const least = fit === "cover" ? (byHeight ? model.width : model.height) : 1;
  const followed = Math.max(least, whole((lead * other) / own));
  const led = Math.round(lead);
  return byHeight ? { width: followed, height: led } : { width: led, height: followed };
}

/** A picture in the middle of black. */
function onBlack(rgb: Buffer, { width: w, height: h }: Size, width: number, height: number): Buffer {
  if (w === width && h === height) return rgb;
  const out = Buffer.alloc(width * height * 3);
  const [left, top] = [Math.ceil((width - w) / 2), Math.ceil((height - h) / 2)];
  for (let y = 0; y < h; y++) rgb.copy(out, ((y + top) * width + left) * 3, y * w * 3, (y + 1) * w * 3);
  return out;
}
