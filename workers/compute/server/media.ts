// A film or a picture, opened by FFmpeg through ranged reads and nothing else: FFmpeg gets bytes by callback,
// a format by name, and no protocol of its own. Runs in the decoder child only.
import type { Buffer } from "node:buffer";
import {
  AV_LOG_QUIET,
  AV_NOPTS_VALUE,
  AVDISCARD_ALL,
  AVERROR_EIO,
  AVERROR_EOF,
  AVFMT_FLAG_CUSTOM_IO,
  AVMEDIA_TYPE_VIDEO,
  AVSEEK_CUR,
  AVSEEK_END,
  AVSEEK_FLAG_BACKWARD,
  AVSEEK_SIZE,
} from "node-av/constants";
import {
  avGetCodecName,
  Dictionary,
  FormatContext,
  type Frame,
  InputFormat,
  IOContext,
  Log,
  Packet,
  type Stream,
} from "node-av/lib";
import { FailureError, fail } from "../../../src/shapes/failure.ts";
import { Decoder } from "./decoder.ts";
import type { RangeReader } from "./reader.ts";

Log.setLevel(AV_LOG_QUIET);

const IO_BUFFER = 32 * 1024;
/** Packets read in search of a keyframe before giving up: 20 s at 60 frames a second, with sound between. */
const SEARCH = 5000;

export interface MediaInfo {
  duration: number;
  fps: number;
  width: number;
  height: number;
  codec: string;
  /** As the container counts them, else by rate and duration. */
  frames: number;
}

/** One video track, open. Times are seconds from its first frame. Close it, or native memory stays behind. */
export class Media {
  readonly info: MediaInfo;
  /** The container's own time of the first frame, seconds. */
  readonly origin: number;
  #context: FormatContext;
  #io: IOContext;
  #reader: RangeReader;
  #stream: Stream;
  #decoder: Decoder;
  #packet = new Packet();
  #unit: number;
  /** What the next jump will want, when the index told. */
  #expected: { bytes: number };

  private constructor(
    context: FormatContext,
    io: IOContext,
    reader: RangeReader,
    stream: Stream,
    expected: { bytes: number },
  ) {
    this.#context = context;
    this.#io = io;
    this.#reader = reader;
    this.#stream = stream;
    this.#expected = expected;
    this.#unit = stream.timeBase.toDouble();
    this.origin = stream.startTime === AV_NOPTS_VALUE ? 0 : Number(stream.startTime) * this.#unit;
    this.#packet.alloc();
    this.#decoder = Decoder.of(stream.codecpar, reader.name);
    this.info = describe(context, stream, this.origin);
  }

  /** Opens a container of a known format. Throws {@link FailureError}: `bad_media`, or what reading met. */
  static async open(reader: RangeReader, demuxer: string): Promise<Media> {
    const expected = { bytes: 0 };
    const io = ioOver(reader, expected);
    const context = new FormatContext();
    context.allocContext();
    context.pb = io;
    context.flags = (context.flags | AVFMT_FLAG_CUSTOM_IO) as typeof context.flags;
    try {
      const options = Dictionary.fromObject({ protocol_whitelist: "none", max_streams: 64 });
      const opened = await context.openInput("", InputFormat.findInputFormat(demuxer), options);
      if (opened < 0) throw damaged(reader, "cannot be opened: it is damaged or cut short");
      // An index in the file tells all; formats without one are told by their first packets.
      if (demuxer !== "mov") await context.findStreamInfo();
      const index = context.findBestStream(AVMEDIA_TYPE_VIDEO);
      const stream = context.streams[index];
      if (index < 0 || stream === undefined) throw damaged(reader, "has no video track");
      if (demuxer === "mov" && stream.codecpar.width === 0) await context.findStreamInfo();
      for (const other of context.streams) if (other.index !== index) other.discard = AVDISCARD_ALL;
      return new Media(context, io, reader, stream, expected);
    } catch (error) {
      await release(context, io);
      throw reader.failure ?? error;
    }
  }

  /** Decodes the keyframe at or before `time`. `bytes` is the size of its packet, where that is known. */
  async keyframe(time: number, bytes = 0): Promise<{ time: number; frame: Frame } | undefined> {
    await this.#seek(time, bytes);
    if (!(await this.#nextKey())) return undefined;
    const at = this.#seconds(this.#packet.pts);
    const frame = this.#decoder.single(this.#packet);
    this.#packet.unref();
    return frame && { time: at, frame };
  }

  /** Decodes from the keyframe before the first time on, and yields the frame shown at each of the ascending times. */
  async *framesAt(times: readonly number[]): AsyncGenerator<{ time: number; frame: Frame }> {
    const wanted = [...times];
    let more = await this.#enter(times[0] ?? 0);
    while (wanted.length > 0) {
      if (more) this.#decoder.feed(this.#packet);
      else this.#decoder.feed(null);
      this.#packet.unref();
      for (let frame = this.#decoder.next(); frame; frame = this.#decoder.next()) {
        const shown = this.#seconds(frame.bestEffortTimestamp);
        const [time] = wanted;
        if (time !== undefined && shown + 0.5 / this.info.fps > time) {
          yield { time: shown, frame };
          while (wanted[0] !== undefined && shown + 0.5 / this.info.fps > wanted[0]) wanted.shift();
        }
      }
      if (!more) break;
      more = await this.#nextPacket();
    }
    this.#decoder.reset();
  }

  /** Where a film is entered to show each of the times; what can be known of keyframes without an index. */
  async keyframesBefore(times: readonly number[]): Promise<number[]> {
    const found = new Set<number>();
    for (const time of times) {
      await this.#seek(time, 0);
      if (await this.#nextKey()) found.add(Math.max(0, this.#seconds(this.#packet.pts)));
      this.#packet.unref();
    }
    return [...found].sort((a, b) => a - b);
  }

  async close(): Promise<void> {
    this.#decoder.close();
    this.#packet.free();
    await release(this.#context, this.#io);
  }

  async #seek(time: number, bytes: number): Promise<void> {
    this.#expected.bytes = bytes;
    // Half a unit up: a time that went through seconds and back must not fall before its own frame.
    const at = BigInt(Math.floor((time + this.origin) / this.#unit + 0.5));
    const moved = await this.#context.seekFrame(this.#stream.index, at, AVSEEK_FLAG_BACKWARD);
    if (moved < 0 && time <= 0) return;
    if (moved < 0)
      throw this.#reader.failure ?? damaged(this.#reader, `has no frame at ${time.toFixed(3)} s`);
  }

  /** Moves to a keyframe at or before `time`. Without an index a seek may land after one: then further back. */
  async #enter(time: number): Promise<boolean> {
    for (let back = 0; ; back = back * 2 + 1) {
      await this.#seek(Math.max(0, time - back), 0);
      const found = await this.#nextKey();
      if ((found && this.#seconds(this.#packet.pts) <= time) || back > time) return found;
      this.#packet.unref();
    }
  }

  async #nextKey(): Promise<boolean> {
    for (let count = 0; count < SEARCH && (await this.#nextPacket()); count++) {
      if (this.#packet.isKeyframe) return true;
      this.#packet.unref();
    }
    return false;
  }

  async #nextPacket(): Promise<boolean> {
    while ((await this.#context.readFrame(this.#packet)) >= 0) {
      if (this.#packet.streamIndex === this.#stream.index) return true;
      this.#packet.unref();
    }
    if (this.#reader.failure) throw this.#reader.failure;
    return false;
  }

  #seconds(timestamp: bigint): number {
    return timestamp === AV_NOPTS_VALUE ? 0 : Number(timestamp) * this.#unit - this.origin;
  }
}

/** In this order: a context that still held its I/O when closed would free it a second time. */
async function release(context: FormatContext, io: IOContext): Promise<void> {
  context.pb = null;
  await context.closeInput();
  io.freeContext();
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
  io.allocContextWithCallbacks(IO_BUFFER, 0, read, null, seek);
  return io;
}

function describe(context: FormatContext, stream: Stream, origin: number): MediaInfo {
  const { codecpar, avgFrameRate, rFrameRate } = stream;
  const known = (value: bigint) => value !== AV_NOPTS_VALUE && value > 0n;
  const own = known(stream.duration) ? Number(stream.duration) * stream.timeBase.toDouble() : 0;
  const whole = known(context.duration) ? Number(context.duration) / 1e6 : 0;
  // Matroska counts its duration from zero, wherever the first frame is.
  const before = context.iformat?.name?.startsWith("matroska") ? origin : 0;
  const duration = own > 0 ? own : whole - before;
  const rate = [avgFrameRate, rFrameRate].find((r) => r.num > 0 && r.den > 0)?.toDouble() ?? 0;
  const fps = rate > 0 && rate < 1000 ? rate : 25;
  const counted = Number(stream.nbFrames);
  const plausible = counted > 0 && duration > 0 && Math.abs(counted / duration / fps - 1) < 0.5;
  return {
    duration,
    fps: Math.round(fps * 1000) / 1000,
    width: codecpar.width,
    height: codecpar.height,
    codec: avGetCodecName(codecpar.codecId) ?? "unknown",
    frames: plausible ? counted : Math.max(1, Math.round(duration * fps)),
  };
}

/** A `bad_media` failure that names the object. */
export function damaged(reader: RangeReader, what: string): FailureError {
  return new FailureError(fail("bad_media", `${reader.name} ${what}`, { where: reader.name }).failure);
}
