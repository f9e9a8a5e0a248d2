// FFmpeg's decoders and scaler behind a few verbs: feed, next, single, scaled. Runs in the decoder child
// only; knows nothing of containers or of reading.
import type { Buffer } from "node:buffer";
import {
  AV_FRAME_DATA_DISPLAYMATRIX,
  type AV_PIX_FMT_GRAY8,
  AV_PIX_FMT_RGB24,
  AVCOL_SPC_BT709,
  AVCOL_SPC_BT2020_NCL,
  AVCOL_SPC_FCC,
  AVCOL_SPC_SMPTE240M,
  AVERROR_EAGAIN,
  AVERROR_EOF,
  type AVPixelFormat,
  SWS_AREA,
  type SwsFlags,
} from "node-av/constants";
import { Codec, CodecContext, type CodecParameters, Frame, Packet, SoftwareScaleContext } from "node-av/lib";
import { FailureError, fail } from "../../../../../src/shapes/failure.ts";
import { isSideways, turned, turnOf } from "./turn.ts";

/** A picture of more pixels is refused before memory is taken for it. */
const MOST_PIXELS = 100_000_000;
/** Of YUV to RGB, other than that of BT.601, which is what a frame has that does not say. */
const MATRICES = new Set<number>([AVCOL_SPC_BT709, AVCOL_SPC_FCC, AVCOL_SPC_SMPTE240M, AVCOL_SPC_BT2020_NCL]);

/** One decoder. A frame that it gives out is overwritten by the next but one. */
export class Decoder {
  #context: CodecContext;
  #frame = new Frame();
  #spare = new Frame();
  #ended = false;

  private constructor(codec: Codec | null, parameters: CodecParameters | undefined, name: string) {
    this.#context = new CodecContext();
    this.#context.allocContext3(codec);
    if (parameters) this.#context.parametersToContext(parameters);
    // Set on the context: a Dictionary handed to `open2` is freed twice by node-av 6.1.1.
    this.#context.threadCount = 1;
    this.#context.setOption("max_pixels", MOST_PIXELS);
    if (codec === null || this.#context.open2Sync(codec) < 0) {
      this.#context.freeContext();
      const detail = `${name} is in a format that no decoder here takes, or its header is damaged`;
      throw new FailureError(fail("bad_media", detail, { where: name }).failure);
    }
    this.#frame.alloc();
    this.#spare.alloc();
  }

  static of(parameters: CodecParameters, name: string): Decoder {
    return new Decoder(Codec.findDecoder(parameters.codecId), parameters, name);
  }

  /** A still picture's decoder, which takes the whole file as one packet. */
  static still(codec: Codec | null, name: string): Decoder {
    return new Decoder(codec, undefined, name);
  }

  /** Hands over a packet, or null for the end. Damaged packets are passed over: a later one may decode. */
  feed(packet: Packet | null): void {
    if (this.#ended) return;
    this.#context.sendPacketSync(packet);
    this.#ended = packet === null;
  }

  /** The next frame that is ready. */
  next(): Frame | undefined {
    // A decoding error is used up by being told; "again" and the end are where to stop.
    for (let tries = 0; tries < 8; tries++) {
      const got = this.#context.receiveFrameSync(this.#spare);
      if (got >= 0) {
        [this.#frame, this.#spare] = [this.#spare, this.#frame];
        return this.#frame;
      }
      if (got === AVERROR_EAGAIN || got === AVERROR_EOF) return undefined;
    }
    return undefined;
  }

  /** The frame of a packet that needs no other. */
  single(packet: Packet): Frame | undefined {
    this.feed(packet);
    this.feed(null);
    const frame = this.next();
    this.reset();
    return frame;
  }

  reset(): void {
    this.#context.flushBuffers();
    this.#ended = false;
  }

  close(): void {
    this.#frame.free();
    this.#spare.free();
    this.#context.freeContext();
  }
}

/** Width and height of a frame as it is shown. */
export function shownSize(frame: Frame): { width: number; height: number } {
  const { width, height } = frame;
  return isSideways(turnOf(frame.getSideData(AV_FRAME_DATA_DISPLAYMATRIX)))
    ? { width: height, height: width }
    : { width, height };
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
  const target = convert(frame, w, h, format, flags);
  try {
    const pixels = target.toBuffer();
    return turn ? turned(pixels, w, h, format === AV_PIX_FMT_RGB24 ? 3 : 1, turn) : pixels;
  } finally {
    target.free();
  }
}
type PixelFormat = typeof AV_PIX_FMT_RGB24 | typeof AV_PIX_FMT_GRAY8;

/** A new frame with the picture of another, at a size and in a format, as it was stored. */
export function convert(
  frame: Frame,
  width: number,
  height: number,
  format: AVPixelFormat,
  flags?: SwsFlags,
): Frame {
  const scaler = new SoftwareScaleContext();
  const target = new Frame();
  try {
    target.alloc();
    Object.assign(target, { width, height, format });
    target.getBuffer();
    const from = frame.format as AVPixelFormat;
    // Left to set itself up, the scaler minds the frame's own matrix, which only colours need, and takes longer.
    if (format === AV_PIX_FMT_RGB24 && MATRICES.has(frame.colorSpace)) {
      scaler.allocContext();
      if (flags !== undefined) scaler.setOption("sws_flags", flags);
    } else scaler.getContext(frame.width, frame.height, from, width, height, format, flags ?? SWS_AREA);
    scaler.scaleFrameSync(target, frame);
    return target;
  } finally {
    scaler.freeContext();
  }
}

/** A packet over bytes that came from elsewhere. */
export function packetOf(bytes: Buffer): Packet {
  const packet = new Packet();
  packet.alloc();
  packet.data = bytes;
  packet.isKeyframe = true;
  return packet;
}
