// An MP4 written into memory, in fragments, so that nothing has to be gone back to. Decoder child only.
import { Buffer } from "node:buffer";
import { AV_CODEC_ID_HEVC, AV_PKT_DATA_DISPLAYMATRIX } from "node-av/constants";
import {
  type CodecContext,
  type CodecParameters,
  Dictionary,
  FFmpegError,
  FormatContext,
  IOContext,
  type Packet,
  type Rational,
  type Stream,
} from "node-av/lib";
import { FailureError, fail } from "../../../../../src/shapes/failure.ts";

const HVC1 = Buffer.from("hvc1").readUInt32LE();
/** Bytes of a file, which is held in memory. */
const MAX_CLIP_BYTES = 64 * 1024 * 1024;
const IO_BUFFER_BYTES = 64 * 1024;
const check = (code: number, doing: string) => FFmpegError.throwIfError(code, doing);

/** An MP4 that is being written: add its tracks, begin, write packets, end. Close it, or native memory stays behind. */
export class Muxer {
  readonly #context = new FormatContext();
  readonly #io = new IOContext();
  readonly #written: Buffer[] = [];
  #size = 0;

  constructor() {
    check(this.#context.allocOutputContext2(null, "mp4", null), "choose MP4");
    const write = (piece: Buffer) => {
      this.#size += piece.length;
      if (this.#size <= MAX_CLIP_BYTES) this.#written.push(Buffer.from(piece));
      return piece.length;
    };
    this.#io.allocContextWithCallbacks(IO_BUFFER_BYTES, 1, null, write, null);
    this.#context.pb = this.#io;
  }

  /** A track of packets that are there already. */
  copied(from: Stream): Stream {
    const stream = this.#context.newStream(null);
    check(from.codecpar.copy(stream.codecpar), "describe a stream");
    // The tag is the other container's name for the codec. HEVC has two, of which some players take only this.
    stream.codecpar.codecTag = from.codecpar.codecId === AV_CODEC_ID_HEVC ? HVC1 : 0;
    stream.timeBase = from.timeBase;
    // Matroska has the pixels' sides in its track, MP4 in the codec's description.
    const { num, den } = from.sampleAspectRatio;
    if (num > 0 && den > 0) stream.codecpar.sampleAspectRatio = from.sampleAspectRatio;
    stream.sampleAspectRatio = stream.codecpar.sampleAspectRatio;
    return stream;
  }

  /** A track of packets to come from an encoder, to be turned as the display matrix says. */
  encoded(encoder: CodecContext, matrix: Buffer | null): Stream {
    const stream = this.#context.newStream(null);
    const parameters = stream.codecpar as CodecParameters;
    check(parameters.fromContext(encoder), "describe a stream");
    if (matrix) check(parameters.addCodedSideData(AV_PKT_DATA_DISPLAYMATRIX, matrix), "turn a stream");
    stream.timeBase = encoder.timeBase;
    stream.sampleAspectRatio = encoder.sampleAspectRatio;
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
    if (this.#size <= MAX_CLIP_BYTES) return Buffer.concat(this.#written);
    throw new FailureError(fail("too_large", `a clip of ${name} is over 64 MB`, { where: name }).failure);
  }

  /** Frees in this order: a context that still held its I/O would free it a second time. */
  close(): void {
    this.#context.pb = null;
    this.#context.freeContext();
    this.#io.freeContext();
  }
}
