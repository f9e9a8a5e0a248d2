// A container opened by FFmpeg through ranged reads and nothing else: FFmpeg gets bytes by callback, a format
// by name, and no protocol of its own. video.ts reads its picture, hearing.ts its sound. Decoder child only.
import type { Buffer } from "node:buffer";
import {
  AV_DISPOSITION_ATTACHED_PIC,
  AV_LOG_QUIET,
  AV_NOPTS_VALUE,
  AVDISCARD_ALL,
  AVDISCARD_DEFAULT,
  AVERROR_EIO,
  AVERROR_EOF,
  AVFMT_FLAG_CUSTOM_IO,
  AVMEDIA_TYPE_AUDIO,
  type AVMediaType,
  AVSEEK_CUR,
  AVSEEK_END,
  AVSEEK_SIZE,
} from "node-av/constants";
import { Dictionary, FormatContext, InputFormat, IOContext, Log, type Stream } from "node-av/lib";
import type { FailureError } from "../../../../../src/shapes/failure.ts";
import { damaged, encrypted, type RangeReader } from "../file/reader.ts";

Log.setLevel(AV_LOG_QUIET);

const IO_BUFFER_BYTES = 32 * 1024;
const MAX_STREAMS = 64;

/** An open file. Close it, or native memory stays behind. */
export class Container {
  readonly context: FormatContext;
  readonly reader: RangeReader;
  readonly demuxer: string;
  /** Bytes that the next jump will need, where an index says so. */
  readonly expected: { bytes: number };
  #io: IOContext;

  private constructor(
    context: FormatContext,
    io: IOContext,
    reader: RangeReader,
    demuxer: string,
    expected: { bytes: number },
  ) {
    this.demuxer = demuxer;
    this.context = context;
    this.#io = io;
    this.reader = reader;
    this.expected = expected;
  }

  /** Opens a container of a known format. Throws {@link FailureError}: `bad_media`, or what reading met. */
  static async open(reader: RangeReader, demuxer: string): Promise<Container> {
    const expected = { bytes: 0 };
    const io = ioOver(reader, expected);
    const context = new FormatContext();
    context.allocContext();
    context.pb = io;
    context.flags = (context.flags | AVFMT_FLAG_CUSTOM_IO) as typeof context.flags;
    const container = new Container(context, io, reader, demuxer, expected);
    try {
      const options = Dictionary.fromObject({ protocol_whitelist: "none", max_streams: MAX_STREAMS });
      const opened = await context.openInput("", InputFormat.findInputFormat(demuxer), options);
      if (opened < 0)
        throw damaged(reader, "cannot be opened: it is damaged, cut short or of too many streams");
      // An index in the file describes every track; without one, its first packets do.
      // They also say when a fragmented film's first frame is shown, which need not be at zero.
      const described = context.streams.every(
        ({ codecpar, startTime }) =>
          codecpar.sampleRate > 0 || (codecpar.width > 0 && startTime !== AV_NOPTS_VALUE),
      );
      if (demuxer !== "mov" || !described) await context.findStreamInfo();
      refuseEncryptedTracks(reader, demuxer, context.streams);
      return container;
    } catch (error) {
      await container.close();
      throw reader.failure ?? error;
    }
  }

  /** Tracks of the film, without the picture of its cover, which is stored as one. */
  get tracks(): Stream[] {
    return this.context.streams.filter(
      ({ disposition }) => (disposition & AV_DISPOSITION_ATTACHED_PIC) === 0,
    );
  }

  /** The best track of a kind. */
  best(type: AVMediaType): Stream | undefined {
    const index = this.context.findBestStream(type);
    return this.tracks.find((stream) => stream.index === index);
  }

  /** The best track of a kind; every other one is passed over from here on. */
  only(type: AVMediaType, what: string): Stream {
    const stream = this.best(type);
    if (stream === undefined) throw damaged(this.reader, `has no ${what} track`);
    for (const other of this.context.streams)
      other.discard = other.index === stream.index ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
    return stream;
  }

  /** In this order: a context that still held its I/O when closed would free it a second time. */
  async close(): Promise<void> {
    this.context.pb = null;
    await this.context.closeInput();
    this.#io.freeContext();
  }
}

/** FFmpeg's view of the reader: a position, bytes from there, and where the end is. */
function ioOver(reader: RangeReader, expected: { bytes: number }): IOContext {
  let position = 0;
  const io = new IOContext();
  const read = async (size: number): Promise<Buffer | number> => {
    try {
      const bytes = await reader.at(position, size, expected.bytes);
      expected.bytes = 0;
      position += bytes.length;
      return bytes.length === 0 ? AVERROR_EOF : bytes;
    } catch {
      return AVERROR_EIO;
    }
  };
  const seek = (offset: bigint, whence: number): bigint => {
    if (whence === AVSEEK_SIZE) return BigInt(reader.size);
    const from = whence === AVSEEK_CUR ? position : whence === AVSEEK_END ? reader.size : 0;
    position = Math.max(0, from + Number(offset));
    return BigInt(position);
  };
  io.allocContextWithCallbacks(IO_BUFFER_BYTES, 0, read, null, seek);
  return io;
}

/** The container's own time of a stream's first frame, seconds. */
export const originOf = (stream: Stream): number =>
  stream.startTime === AV_NOPTS_VALUE ? 0 : Number(stream.startTime) * stream.timeBase.toDouble();

/** Seconds of a stream, by itself or by the whole file; 0 where neither says. */
export function durationOf(context: FormatContext, stream: Stream): number {
  const isGiven = (value: bigint) => value !== AV_NOPTS_VALUE && value > 0n;
  if (isGiven(stream.duration)) return Number(stream.duration) * stream.timeBase.toDouble();
  // Matroska counts its duration from zero, wherever the first frame is.
  const before = context.iformat?.name?.startsWith("matroska") ? originOf(stream) : 0;
  return isGiven(context.duration) ? Number(context.duration) / 1e6 - before : 0;
}

/** Stream types of encrypted tracks in MPEG-TS (HLS Sample Encryption, 2.2). */
const ENCRYPTED_TYPES = new Set([0xdb, 0xcf, 0xc1, 0xc2]);

/** Throws `bad_media` where a track of Matroska, WebM or MPEG-TS needs a key; encrypted.ts knows of others. */
function refuseEncryptedTracks(reader: RangeReader, demuxer: string, streams: Stream[]): void {
  const isEncrypted = ({ codecpar, metadata }: Stream) =>
    (demuxer === "mpegts" && ENCRYPTED_TYPES.has(codecpar.codecTag)) || Boolean(metadata?.get("enc_key_id"));
  if (streams.some(isEncrypted)) throw encrypted(reader);
}

/** The container's own time at which its longest sound ends by the header, seconds; 0 where it does not say. */
export function soundEndOf({ streams }: FormatContext): number {
  const ends = streams
    .filter(({ codecpar, duration }) => codecpar.codecType === AVMEDIA_TYPE_AUDIO && duration > 0n)
    .map((stream) => originOf(stream) + Number(stream.duration) * stream.timeBase.toDouble());
  return Math.max(0, ...ends);
}
