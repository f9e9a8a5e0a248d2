// The part of a decoded frame that a model takes: a builtin's features, pixels for a model that runs elsewhere, or a
// picture to send. Decoder child only, which knows no model but the builtins.
import { Buffer } from "node:buffer";
import { AV_PIX_FMT_RGB24, SWS_AREA, SWS_BICUBIC, SWS_BILINEAR } from "node-av/constants";
import type { Frame } from "node-av/lib";
import { quantisedRows } from "../../../../../src/shapes/vector.ts";
import { scaled, shownSize } from "../film/scaler.ts";
import type { EmbedJob, Parts, Pixels, Take } from "../protocol.ts";
import { encodePicture } from "./encode.ts";
import { featuresOf, poolFeatures } from "./features.ts";

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

/** A picture that is longer than this many times its model's size is squeezed to it first: memory is bounded. */
const MAX_SQUEEZE = 16;
const SCALER_FLAGS = { bicubic: SWS_BICUBIC, bilinear: SWS_BILINEAR, area: SWS_AREA };

/** RGB of just the size that a model takes, rows without padding. */
function pixelsOf(frame: Frame, { width, height, fit, resize, resample }: Pixels): Buffer {
  const flags = SCALER_FLAGS[resample];
  const rgb = (w: number, h: number) => scaled(frame, w, h, AV_PIX_FMT_RGB24, flags);
  if (fit === "stretch") return rgb(width, height);
  const shown = shownSize(frame);
  const [x, y] = [width / shown.width, height / shown.height];
  const by =
    fit === "contain" ? Math.min(x, y) : Math.max(x, y) * ((resize ?? 0) / Math.min(width, height) || 1);
  const side = (length: number, target: number) =>
    Math.min(target * MAX_SQUEEZE, Math.max(fit === "cover" ? target : 1, Math.round(length * by)));
  const [w, h] = [side(shown.width, width), side(shown.height, height)];
  return centred(rgb(w, h), w, h, width, height);
}

/** The middle of a picture, or the picture in the middle of black. */
function centred(rgb: Buffer, w: number, h: number, width: number, height: number): Buffer {
  if (w === width && h === height) return rgb;
  const out = Buffer.alloc(width * height * 3);
  const [left, top] = [Math.floor((w - width) / 2), Math.floor((h - height) / 2)];
  const [from, until] = [Math.max(0, left), Math.min(w, left + width)];
  for (let y = Math.max(0, top); y < Math.min(h, top + height); y++)
    rgb.copy(out, ((y - top) * width + from - left) * 3, (y * w + from) * 3, (y * w + until) * 3);
  return out;
}
