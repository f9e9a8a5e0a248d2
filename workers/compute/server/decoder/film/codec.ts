// FFmpeg's decoders behind a few verbs: feed, next, single. Runs in the decoder child only; knows nothing of
// containers or of reading. What becomes of a frame's pixels is scaler.ts's.
import type { Buffer } from "node:buffer";
import { AVERROR_EAGAIN, AVERROR_EOF } from "node-av/constants";
import { Codec, CodecContext, type CodecParameters, Frame, Packet, Rational } from "node-av/lib";
import { FailureError, fail } from "../../../../../src/shapes/failure.ts";
import { announceStep, reportProgress } from "../progress.ts";

/** A picture of more pixels is refused before memory is taken for it. */
export const MAX_PIXELS = 100_000_000;
/** Most nanoseconds that a pixel may take to be decoded, of the slowest codec. */
const PIXEL_NS = 100;
/** Pixels as they are stored: a still picture's resolution, by which FFmpeg would stretch it, is of paper. */
const SQUARE_PIXEL = new Rational(1, 1);

/** One decoder. A frame that it gives out is overwritten by the next but one. */
export class Decoder {
  #context: CodecContext;
  #frame = new Frame();
  #spare = new Frame();
  #ended = false;
  /** The sides of a pixel as shown, where the container says so: it knows better than the codec. */
  #pixel: Rational | undefined;

  private constructor(
    codec: Codec | null,
    parameters: CodecParameters | undefined,
    name: string,
    pixel: Rational | undefined,
  ) {
    this.#pixel = pixel;
    this.#context = new CodecContext();
    this.#context.allocContext3(codec);
    if (parameters) this.#context.parametersToContext(parameters);
    // Set on the context: a Dictionary handed to `open2` is freed twice by node-av 6.1.1.
    this.#context.threadCount = 1;
    this.#context.setOption("max_pixels", MAX_PIXELS);
    if (codec === null || this.#context.open2Sync(codec) < 0) {
      this.#context.freeContext();
      const detail = `${name} is in a format that no decoder here takes, or its header is damaged`;
      throw new FailureError(fail("bad_media", detail, { where: name }).failure);
    }
    this.#frame.alloc();
    this.#spare.alloc();
  }

  static of(parameters: CodecParameters, name: string, pixel?: Rational): Decoder {
    return new Decoder(Codec.findDecoder(parameters.codecId), parameters, name, pixel);
  }

  /** A still picture's decoder, which takes the whole file as one packet. */
  static still(codec: Codec | null, name: string): Decoder {
    return new Decoder(codec, undefined, name, SQUARE_PIXEL);
  }

  /** Hands over a packet, or null for the end. Damaged packets are passed over: a later one may decode. */
  feed(packet: Packet | null): void {
    if (this.#ended) return;
    // How large a still picture is, its decoder only knows when it has begun.
    announceStep(this.#context.width * this.#context.height || MAX_PIXELS, PIXEL_NS);
    this.#context.sendPacketSync(packet);
    this.#ended = packet === null;
  }

  /** The next frame that is ready. */
  next(): Frame | undefined {
    // A decoding error is used up once it is reported; "again" and the end are where to stop.
    for (let tries = 0; tries < 8; tries++) {
      const code = this.#context.receiveFrameSync(this.#spare);
      if (code >= 0) {
        [this.#frame, this.#spare] = [this.#spare, this.#frame];
        reportProgress();
        if (this.#pixel) this.#frame.sampleAspectRatio = this.#pixel;
        return this.#frame;
      }
      if (code === AVERROR_EAGAIN || code === AVERROR_EOF) return undefined;
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

/** A packet over bytes that came from elsewhere. */
export function packetOf(bytes: Buffer): Packet {
  const packet = new Packet();
  packet.alloc();
  packet.data = bytes;
  packet.isKeyframe = true;
  return packet;
}
