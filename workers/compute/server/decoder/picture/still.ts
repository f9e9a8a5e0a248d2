// A still picture as one frame, whatever its format: decoded, laid on the ground where it is transparent, ready to
// be shown. What the file must have to be whole, whole-picture.ts says.

import { Buffer } from "node:buffer";
import {
  AV_FRAME_DATA_DISPLAYMATRIX,
  AV_PIX_FMT_RGB24,
  FF_DECODER_GIF,
  FF_DECODER_MJPEG,
  FF_DECODER_PNG,
  FF_DECODER_TIFF,
  FF_DECODER_WEBP,
} from "node-av/constants";
import { Codec, type Frame, Rational } from "node-av/lib";
import { FailureError, fail } from "../../../../../src/shapes/failure.ts";
import type { RangeReader } from "../file/reader.ts";
import { damaged } from "../file/reader.ts";
import type { ImageFormat } from "../file/sniff.ts";
import { Decoder, packetOf } from "../film/codec.ts";
import { scaled } from "../film/scaler.ts";
import { isSideways, turned, turnOf } from "../film/turn.ts";
import { videoFrameOf } from "../frame/held-frame.ts";
import { GROUND, onGround } from "./ground.ts";
import { readHeif } from "./heif.ts";
import { readTiff } from "./tiff.ts";
import { pictureOfTiles, type RgbPicture } from "./tiles.ts";
import { firstFrame, type PlacedPicture } from "./webp.ts";
import { refuseCutPicture } from "./whole-picture.ts";

const MAX_PICTURE_BYTES = 64 * 1024 * 1024;
const DECODERS = {
  mjpeg: FF_DECODER_MJPEG,
  png: FF_DECODER_PNG,
  webp: FF_DECODER_WEBP,
  gif: FF_DECODER_GIF,
  tiff: FF_DECODER_TIFF,
};

/** Decodes a still picture (the first one of an animation) and gives it to `use` while it is there. */
export async function withPicture<T>(
  reader: RangeReader,
  format: ImageFormat,
  use: (frame: Frame) => T,
): Promise<T> {
  if (reader.size > MAX_PICTURE_BYTES) {
    const detail = `${reader.name} is a picture of ${reader.size} bytes; 64 MB is the most`;
    throw new FailureError(fail("too_large", detail, { where: reader.name }).failure);
  }
  if ("items" in format) return useRgb(await pictureOfTiles(reader, await readHeif(reader)), use);
  const bytes = Buffer.from(await reader.exactly(0, reader.size));
  refuseCutPicture(reader, format.decoder, bytes);
  const inside = format.decoder === "tiff" ? readTiff(reader, bytes) : undefined;
  if (inside) return useRgb(await pictureOfTiles(reader, inside), use);
  const placed = format.decoder === "webp" ? firstFrame(bytes) : undefined;
  const packet = packetOf(placed?.bytes ?? bytes);
  const decoder = Decoder.still(Codec.findDecoderByName(DECODERS[format.decoder]), reader.name);
  try {
    const frame = decoder.single(packet);
    if (!frame)
      throw damaged(reader, "cannot be decoded: it is damaged, cut short or over 100 million pixels");
    if (placed) return useRgb(onCanvas(frame, placed), use);
    const pixels = onGround(frame);
    return pixels ? useRgb(upright(frame, pixels), use) : use(frame);
  } finally {
    packet.free();
    decoder.close();
  }
}

/** Pixels of a frame turned as it is shown: a new frame does not say how. */
function upright(frame: Frame, pixels: Buffer): RgbPicture {
  const { width, height } = frame;
  const turn = turnOf(frame.getSideData(AV_FRAME_DATA_DISPLAYMATRIX));
  if (!turn) return { pixels, width, height };
  const [w, h] = isSideways(turn) ? [height, width] : [width, height];
  return { pixels: turned(pixels, width, height, 3, turn), width: w, height: h };
}

/** The first picture of an animation on its canvas, which is transparent around it. */
function onCanvas(frame: Frame, { left, top, width, height }: PlacedPicture): RgbPicture {
  const pixels = onGround(frame) ?? scaled(frame, frame.width, frame.height, AV_PIX_FMT_RGB24);
  const canvas = Buffer.alloc(width * height * 3, GROUND);
  const bytes = Math.min(frame.width, width - left) * 3;
  for (let y = 0; bytes > 0 && y < Math.min(frame.height, height - top); y++) {
    const from = y * frame.width * 3;
    pixels.copy(canvas, ((top + y) * width + left) * 3, from, from + bytes);
  }
  return { pixels: canvas, width, height };
}

function useRgb<T>({ pixels, width, height }: RgbPicture, use: (frame: Frame) => T): T {
  const timeBase = new Rational(1, 25);
  const frame = videoFrameOf(pixels, { width, height, format: AV_PIX_FMT_RGB24, timeBase });
  try {
    return use(frame);
  } finally {
    frame.free();
  }
}
