// A film's pictures encoded again, as H.264 of 8 bits that every player takes: as they were stored, with what the
// film says of their colours, their pixels' sides and their turn. HDR becomes BT.709. Decoder child only.

import type { Buffer } from "node:buffer";
import {
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_FRAME_DATA_DISPLAYMATRIX,
  AV_PIX_FMT_RGB24,
  AV_PIX_FMT_YUV420P,
  AV_PIX_FMT_YUVJ420P,
  AV_PIX_FMT_YUVJ422P,
  AV_PIX_FMT_YUVJ444P,
  AVCOL_PRI_BT709,
  AVCOL_RANGE_JPEG,
  AVCOL_RANGE_MPEG,
  AVCOL_SPC_BT709,
  AVCOL_SPC_RGB,
  AVCOL_TRC_BT709,
  FF_ENCODER_LIBX264,
} from "node-av/constants";
import { Codec, CodecContext, FFmpegError, type Frame, type Packet, Rational } from "node-av/lib";
import { videoFrameOf } from "../frame/held-frame.ts";
import { announceStep, reportProgress } from "../progress.ts";
import { convert, isHdr, matrixOf, standardOf } from "./scaler.ts";

/** Most nanoseconds that a pixel may take to be encoded. */
const PIXEL_NS = 200;
/** Units of time in a second. */
export const TICKS_PER_SECOND = 90_000;
const FULL_RANGE = new Set<number>([AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUVJ422P, AV_PIX_FMT_YUVJ444P]);
const ENCODER_OPTIONS = [
  ["preset", "veryfast"],
  ["crf", "20"],
] as const;
const check = (code: number, doing: string) => FFmpegError.throwIfError(code, doing);

/** Fields by which an encoder says what colours its pictures have. */
type Colours = Pick<CodecContext, "colorRange" | "colorSpace" | "colorPrimaries" | "colorTrc">;

/** An encoder for pictures like its first one. Close it, or native memory stays behind. */
export class H264 {
  readonly context = new CodecContext();
  /** How its pictures are to be turned: they are encoded as they were stored. */
  readonly matrix: Buffer | null;
  readonly #colours: Colours;

  constructor(first: Frame) {
    const even = (side: number) => Math.max(2, side - (side % 2));
    this.matrix = first.getSideData(AV_FRAME_DATA_DISPLAYMATRIX);
    this.#colours = coloursOf(first);
    const codec = Codec.findEncoderByName(FF_ENCODER_LIBX264);
    this.context.allocContext3(codec);
    Object.assign(this.context, this.#colours, {
      width: even(first.width),
      height: even(first.height),
      pixelFormat: AV_PIX_FMT_YUV420P,
      sampleAspectRatio: first.sampleAspectRatio,
      timeBase: new Rational(1, TICKS_PER_SECOND),
      bitRate: 0n,
      maxBFrames: 0,
      threadCount: 1,
    });
    for (const [option, value] of ENCODER_OPTIONS) this.context.setOption(option, value);
    this.context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
    check(this.context.open2Sync(codec), "open the encoder");
  }

  /** Encodes a frame that is shown at a time, in ticks, and yields the packets that are ready. */
  *packetsOf(frame: Frame, ticks: number, packet: Packet): Generator<Packet> {
    const picture = this.#picture(frame);
    try {
      picture.pts = BigInt(ticks);
      yield* this.#send(picture, packet);
    } finally {
      picture.free();
    }
  }

  /** The packets that are left, once there are no more frames. */
  rest(packet: Packet): Generator<Packet> {
    return this.#send(null, packet);
  }

  close(): void {
    this.context.freeContext();
  }

  *#send(frame: Frame | null, packet: Packet): Generator<Packet> {
    const { width, height } = this.context;
    const next = () => announceStep(width * height, PIXEL_NS);
    next();
    check(this.context.sendFrameSync(frame), "encode a frame");
    for (; this.context.receivePacketSync(packet) >= 0; next()) {
      reportProgress();
      yield packet;
      packet.unref();
    }
  }

  #picture(frame: Frame): Frame {
    const { width, height, colorRange: range } = this.context;
    const matrix = matrixOf(this.#colours);
    const target = { width, height, format: AV_PIX_FMT_YUV420P, matrix, range };
    if (!isHdr(frame)) return convert(frame, target);
    const pixels = standardOf(frame, width, height, AV_PIX_FMT_RGB24);
    const toned = videoFrameOf(pixels, { width, height, format: AV_PIX_FMT_RGB24 });
    try {
      return convert(toned, target);
    } finally {
      toned.free();
    }
  }
}

function coloursOf(frame: Frame): Colours {
  const { colorSpace, colorPrimaries, colorTrc } = frame;
  const bt709 = { colorSpace: AVCOL_SPC_BT709, colorPrimaries: AVCOL_PRI_BT709, colorTrc: AVCOL_TRC_BT709 };
  if (isHdr(frame)) return { ...bt709, colorRange: AVCOL_RANGE_MPEG };
  // RGB has no matrix, and YUV must have one.
  if (colorSpace === AVCOL_SPC_RGB)
    return { colorSpace: AVCOL_SPC_BT709, colorPrimaries, colorTrc, colorRange: AVCOL_RANGE_MPEG };
  const full = frame.colorRange === AVCOL_RANGE_JPEG || FULL_RANGE.has(frame.format);
  return { colorSpace, colorPrimaries, colorTrc, colorRange: full ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG };
}
