// The builtin models: what each takes of a frame, and how a span's frames become one vector. One entry a
// model; src/shapes/model.ts says what media each may be asked for.
import { AV_PIX_FMT_GRAY8, AV_PIX_FMT_RGB24 } from "node-av/constants";
import type { Frame } from "node-av/lib";
import type { Builtin } from "../../../../../src/shapes/model.ts";
import { scaled, shownSize } from "../film/scaler.ts";
import { HOG_SIZE, hog } from "./hog.ts";
import { pdq } from "./pdq.ts";

/**
 * Pixels that PDQ is given: a full-HD frame as it is. Its own filter is part of its definition, so a frame
 * scaled before differs in 10 to 30 bits from the reference's; larger ones are, for their time's sake.
 */
const MAX_PDQ_PIXELS = 1920 * 1088;

/** A frame's features by model. */
const FEATURES: Record<Builtin, (frame: Frame) => Float32Array> = {
  "weir/hog-512": (frame) => hog(scaled(frame, HOG_SIZE, HOG_SIZE, AV_PIX_FMT_GRAY8)),
  // A sign for each bit, so that cosine similarity is 1 - hamming / 128. Frames with little structure, whose
  // bits are chance, weigh little in a span.
  "weir/pdq-256": (frame) => {
    const shown = shownSize(frame);
    const shrink = Math.min(1, Math.sqrt(MAX_PDQ_PIXELS / (shown.width * shown.height)));
    const [width, height] = [Math.ceil(shown.width * shrink), Math.ceil(shown.height * shrink)];
    const { signs, quality } = pdq(scaled(frame, width, height, AV_PIX_FMT_RGB24), width, height);
    return signs.map((sign) => (sign * Math.max(1, quality)) / 100);
  },
};

/** Features of one decoded frame. */
export const featuresOf = (model: Builtin, frame: Frame): Float32Array => FEATURES[model](frame);

/** Mean of the frames' features, of length one. Frames without any structure give the vector of equal parts. */
export function poolFeatures(frames: readonly Float32Array[]): Float32Array {
  const mean = new Float32Array(frames[0]?.length ?? 0);
  for (const frame of frames) {
    for (const [i, value] of frame.entries()) mean[i] = (mean[i] ?? 0) + value / frames.length;
  }
  const length = Math.hypot(...mean);
  return length === 0 ? mean.fill(1 / Math.sqrt(mean.length)) : mean.map((value) => value / length);
}
