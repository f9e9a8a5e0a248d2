// Still pictures out: pixels in, JPEG, PNG or WebP bytes back. Runs in the decoder child only.

import { Buffer } from "node:buffer";
import {
  AV_PIX_FMT_RGB24,
  AV_PIX_FMT_YUV420P,
  AV_PIX_FMT_YUVJ420P,
  AVCOL_RANGE_JPEG,
  AVCOL_RANGE_MPEG,
  AVCOL_SPC_SMPTE170M,
  FF_ENCODER_LIBWEBP,
  FF_ENCODER_MJPEG,
  FF_ENCODER_PNG,
} from "node-av/constants";
import { Codec, CodecContext, type Frame, Packet, Rational } from "node-av/lib";
import { convert, scaled } from "../film/scaler.ts";
import { announceStep, reportProgress } from "../progress.ts";
import { videoFrameOf } from "./held-frame.ts";

const ENCODERS = {
  jpeg: { name: FF_ENCODER_MJPEG, format: AV_PIX_FMT_YUVJ420P, range: AVCOL_RANGE_JPEG },
  png: { name: FF_ENCODER_PNG, format: AV_PIX_FMT_RGB24, range: AVCOL_RANGE_JPEG },
  webp: { name: FF_ENCODER_LIBWEBP, format: AV_PIX_FMT_YUV420P, range: AVCOL_RANGE_MPEG },
} as const;
/** Most nanoseconds that a pixel may take to be encoded: noise as PNG. */
const PIXEL_NS = 1000;
export type PictureFormat = keyof typeof ENCODERS;

/** Encodes a frame as it is shown, at this size. */
export function encodePicture(frame: Frame, width: number, height: number, as: PictureFormat): Buffer {
  announceStep(width * height, PIXEL_NS);
  const pixels = scaled(frame, width, height, AV_PIX_FMT_RGB24);
  const shown = videoFrameOf(pixels, {
    width,
    height,
    format: AV_PIX_FMT_RGB24,
    timeBase: new Rational(1, 25),
  });
  const { name, format, range } = ENCODERS[as];
  const target = { width, height, format, range, matrix: AVCOL_SPC_SMPTE170M };
  const ready = format === AV_PIX_FMT_RGB24 ? shown : convert(shown, target);
  const codec = Codec.findEncoderByName(name);
  const encoder = new CodecContext();
  const packet = new Packet();
  try {
    encoder.allocContext3(codec);
    Object.assign(encoder, { width, height, pixelFormat: format, timeBase: new Rational(1, 25) });
    Object.assign(encoder, { qMin: 2, qMax: 4 });
    encoder.threadCount = 1;
    ready.pts = 0n;
    packet.alloc();
    const codes = [encoder.open2Sync(codec), encoder.sendFrameSync(ready), encoder.sendFrameSync(null)];
    if ([...codes, encoder.receivePacketSync(packet)].some((code) => code < 0))
      throw new Error(`a ${width}×${height} ${as} could not be encoded`);
    reportProgress();
    return Buffer.from(packet.data ?? []);
  } finally {
    packet.free();
    encoder.freeContext();
    if (ready !== shown) ready.free();
    shown.free();
  }
}
