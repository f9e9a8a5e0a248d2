// An MP4 written into memory, in fragments, so that nothing has to be gone back to. Decoder child only.
import { Buffer } from "node:buffer";
import { AV_CODEC_FLAG_GLOBAL_HEADER, AV_PIX_FMT_YUV420P, FF_ENCODER_LIBX264 } from "node-av/constants";
import {
  Codec,
  CodecContext,
  type CodecParameters,
  Dictionary,
  FFmpegError,
  FormatContext,
  type Frame,
  IOContext,
  type Packet,
  Rational,
  type Stream,
} from "node-av/lib";
import { FailureError, fail } from "../../../../../src/shapes/failure.ts";

const MOST = 64 * 1024 * 1024;
const IO_BUFFER = 64 * 1024;
export const TICKS = 90_000;
const check = (code: number, doing: string) => FFmpegError.throwIfError(code, doing);

export class Muxer {
  readonly #context = new FormatContext();
  readonly #io = new IOContext();
  readonly #written: Buffer[] = [];
  #size = 0;

  constructor() {
    check(this.#context.allocOutputContext2(null, "mp4", null), "choose MP4");
    const write = (piece: Buffer) => {
      this.#size += piece.length;
      if (this.#size <= MOST) this.#written.push(Buffer.from(piece));
      return piece.length;
    };
    this.#io.allocContextWithCallbacks(IO_BUFFER, 1, null, write, null);
    this.#context.pb = this.#io;
  }

  /** A track of packets that are there already. */
  copied(from: Stream): Stream {
    const stream = this.#context.newStream(null);
    check(from.codecpar.copy(stream.codecpar), "describe a stream");
    // The tag is the other container's name for the codec.
    stream.codecpar.codecTag = 0;
    stream.timeBase = from.timeBase;
    return stream;
  }

  /** A track of packets to come from an encoder. */
  encoded(encoder: CodecContext): Stream {
    const stream = this.#context.newStream(null);
    check((stream.codecpar as CodecParameters).fromContext(encoder), "describe a stream");
    stream.timeBase = encoder.timeBase;
    return stream;
  }

  async begin(): Promise<void> {
    const options = { movflags: "frag_keyframe+delay_moov+default_base_moof" };
    check(await this.#context.writeHeader(Dictionary.fromObject(options)), "write the header");
  }

  /** Writes a packet whose times are in `unit` into a track. */
  async write(packet: Packet, stream: Stream, unit: Rational): Promise<void> {
    packet.streamIndex = stream.index;
    packet.rescaleTs(unit, stream.timeBase);
    packet.pos = -1n;
    check(await this.#context.interleavedWriteFrame(packet), "write a packet");
  }

  async end(name: string): Promise<Buffer> {
    check(await this.#context.writeTrailer(), "write the trailer");
    await this.#io.flush();
    if (this.#size <= MOST) return Buffer.concat(this.#written);
    throw new FailureError(fail("too_large", `a clip of ${name} is over 64 MB`, { where: name }).failure);
  }

  /** In this order: a context that still held its I/O would free it a second time. */
  close(): void {
    this.#context.pb = null;
    this.#context.freeContext();
    this.#io.freeContext();
  }
}

/** An H.264 encoder for pictures of this size; both must be even. */
export function h264(width: number, height: number): CodecContext {
  const codec = Codec.findEncoderByName(FF_ENCODER_LIBX264);
  const encoder = new CodecContext();
  encoder.allocContext3(codec);
  const [pixelFormat, timeBase] = [AV_PIX_FMT_YUV420P, new Rational(1, TICKS)];
  Object.assign(encoder, { width, height, pixelFormat, timeBase, bitRate: 0n, maxBFrames: 0 });
  for (const [option, value] of [
    ["preset", "veryfast"],
    ["crf", "20"],
  ] as const)
    encoder.setOption(option, value);
  encoder.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
  encoder.threadCount = 1;
  check(encoder.open2Sync(codec), "open the encoder");
  return encoder;
}

/** Encodes a frame, or null for the end, and yields the packets that are ready. */
export function* packetsOf(encoder: CodecContext, frame: Frame | null, packet: Packet): Generator<Packet> {
  check(encoder.sendFrameSync(frame), "encode a frame");
  while (encoder.receivePacketSync(packet) >= 0) {
    yield packet;
    packet.unref();
  }
}
