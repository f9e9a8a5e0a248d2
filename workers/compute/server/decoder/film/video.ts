// The picture of a film: its frames by time, its keyframes, what it says of itself. Containers and bytes are
// container.ts's. Runs in the decoder child only.
import {
  AV_NOPTS_VALUE,
  AV_PKT_DATA_DISPLAYMATRIX,
  AVMEDIA_TYPE_VIDEO,
  AVSEEK_FLAG_BACKWARD,
  type AVSeekFlag,
} from "node-av/constants";
import {
  avGetCodecName,
  type FormatContext,
  type Frame,
  Packet,
  type Rational,
  type Stream,
} from "node-av/lib";
import { damaged, type RangeReader } from "../file/reader.ts";
import { Decoder } from "./codec.ts";
import { Container, durationOf, originOf } from "./container.ts";
import { type FrameTable, MOST_FRAMES } from "./keyframes.ts";
import { squared } from "./scaler.ts";
import { degreesOf, isSideways, turnOf } from "./turn.ts";

/** Packets read in search of a keyframe before giving up: 20 s at 60 frames a second, with sound between. */
const SEARCH = 5000;
/**
 * Bytes: a container without a table of frames is read whole for one, up to so many. One that does not even
 * say how long it is, as browsers record them, may be larger.
 */
const COUNTED = 32 * 1024 * 1024;
const COUNTED_AT_NEED = 512 * 1024 * 1024;
/** A seek to the next entry point rather than to the one before. */
const FORWARD = 0 as AVSeekFlag;

export interface MediaInfo {
  duration: number;
  fps: number;
  /** As it is shown, of square pixels and after any turn. */
  width: number;
  height: number;
  /** Degrees clockwise by which stored frames are turned to be shown. */
  rotation: number;
  codec: string;
  /** As the container counts them, else by rate and duration. */
  frames: number;
}

/** One video track, open. Times are seconds from its first frame. Close it, or native memory stays behind. */
export class Media {
  readonly info: MediaInfo;
  /** The container's own time of the first frame, seconds. */
  readonly origin: number;
  #container: Container;
  #stream: Stream;
  #decoder: Decoder;
  #packet = new Packet();
  #unit: number;
  #table: FrameTable | undefined;

  private constructor(container: Container, stream: Stream) {
    this.#container = container;
    this.#stream = stream;
    this.#unit = stream.timeBase.toDouble();
    this.origin = originOf(stream);
    this.#packet.alloc();
    this.#decoder = Decoder.of(stream.codecpar, container.reader.name, pixelOf(stream));
    this.info = describe(container.context, stream);
  }

  /** Opens a container of a known format. Throws {@link FailureError}: `bad_media`, or what reading met. */
  static async open(reader: RangeReader, demuxer: string): Promise<Media> {
    const container = await Container.open(reader, demuxer);
    let media: Media | undefined;
    try {
      media = new Media(container, container.only(AVMEDIA_TYPE_VIDEO, "video"));
      if (media.info.duration <= 0) await media.#measure();
      return media;
    } catch (error) {
      await (media ?? container).close();
      throw error;
    }
  }

  /**
   * Every frame's time by its packet, for containers that list none; where the file is small enough to be read
   * whole. Reading is not decoding: it takes as long as the bytes do.
   */
  async table(most = COUNTED): Promise<FrameTable | undefined> {
    if (this.#table || this.#container.reader.size > most) return this.#table;
    const [frames, keyframes]: [number[], number[]] = [[], []];
    let end = 0;
    await this.#rewind();
    while (await this.#nextPacket()) {
      if (frames.length === MOST_FRAMES) return undefined;
      const time = this.#packetTime();
      frames.push(time);
      end = Math.max(end, time + (Number(this.#packet.duration) * this.#unit || 1 / this.info.fps));
      if (this.#packet.isKeyframe) keyframes.push(time);
      this.#packet.unref();
    }
    const ascending = (a: number, b: number) => a - b;
    this.#table = { frames: Float64Array.from(frames).sort(), keyframes: keyframes.sort(ascending), end };
    return this.#table;
  }

  async #measure(): Promise<void> {
    const table = await this.table(COUNTED_AT_NEED);
    if (table) Object.assign(this.info, { duration: table.end, frames: table.frames.length });
  }

  /** Decodes the keyframe at or before `time`. `bytes` is the size of its packet, where that is known. */
  async keyframe(time: number, bytes = 0): Promise<{ time: number; frame: Frame } | undefined> {
    await this.#seek(time, bytes);
    if (!(await this.#nextKey())) return undefined;
    const at = this.#packetTime();
    const frame = this.#decoder.single(this.#packet);
    this.#packet.unref();
    return frame && { time: at, frame };
  }

  /** The frame shown at each of the ascending times: the last that begins by then. */
  async *framesAt(times: readonly number[]): AsyncGenerator<{ at: number; time: number; frame: Frame }> {
    const wanted = [...times];
    let shown: { time: number; frame: Frame } | undefined;
    for await (const next of this.framesFrom(times[0] ?? 0)) {
      for (let [at] = wanted; shown && at !== undefined && next.time > at + 1e-4; [at] = wanted) {
        yield { at, ...shown };
        wanted.shift();
      }
      if (wanted.length === 0) return;
      shown = next;
    }
    if (shown) for (const at of wanted) yield { at, ...shown };
  }

  /** Every frame from the keyframe before `time` on. One stays as it is until the next but one. */
  async *framesFrom(time: number): AsyncGenerator<{ time: number; frame: Frame }> {
    let more = await this.#enter(time);
    // AVI knows when frames are decoded, not when they are shown: one after the other from the keyframe on.
    let next = more && this.#packet.pts === AV_NOPTS_VALUE ? this.#packetTime() : undefined;
    try {
      for (;;) {
        this.#decoder.feed(more ? this.#packet : null);
        this.#packet.unref();
        for (let frame = this.#decoder.next(); frame; frame = this.#decoder.next()) {
          yield { time: next ?? this.#seconds(frame.bestEffortTimestamp), frame };
          if (next !== undefined) next += 1 / this.info.fps;
        }
        if (!more) return;
        more = await this.#nextPacket();
      }
    } finally {
      this.#decoder.reset();
    }
  }

  /** Where a film is entered to show each of the times; what can be known of keyframes without an index. */
  async keyframesBefore(times: readonly number[]): Promise<number[]> {
    const found = new Set<number>();
    for (const time of times) {
      if (time <= 0) await this.#rewind();
      else await this.#seek(time, 0);
      if (await this.#nextKey()) found.add(Math.max(0, this.#packetTime()));
      this.#packet.unref();
    }
    return [...found].sort((a, b) => a - b);
  }

  /** Every keyframe before `until`, ascending, by jumping from one to the next; for formats without an index. */
  async keyframes(until: number): Promise<number[]> {
    const found: number[] = [];
    for (let from = 0; await this.#nextKeyFrom(from); ) {
      const time = Math.max(0, this.#packetTime());
      this.#packet.unref();
      if (time >= until || time <= (found.at(-1) ?? -1)) break;
      found.push(time);
      from = time + 0.5 / this.info.fps;
    }
    return found;
  }

  async close(): Promise<void> {
    this.#decoder.close();
    this.#packet.free();
    await this.#container.close();
  }

  async #seek(time: number, bytes: number): Promise<void> {
    if ((await this.#jump(time, bytes, AVSEEK_FLAG_BACKWARD)) || time <= 0) return;
    const { reader } = this.#container;
    throw reader.failure ?? damaged(reader, `has no frame at ${time.toFixed(3)} s`);
  }

  /** To the very first packet: where seeking goes by the time of decoding, that is before the first frame's own. */
  async #rewind(): Promise<void> {
    if (!(await this.#jump(-5, 0, AVSEEK_FLAG_BACKWARD))) await this.#seek(0, 0);
  }

  async #jump(time: number, bytes: number, flag: AVSeekFlag): Promise<boolean> {
    this.#container.expected.bytes = bytes;
    // Half a unit up: a time that went through seconds and back must not fall before its own frame.
    const at = BigInt(Math.floor((time + this.origin) / this.#unit + 0.5));
    return (await this.#container.context.seekFrame(this.#stream.index, at, flag)) >= 0;
  }

  /** Moves to a keyframe at or before `time`. Without an index a seek may land after one: then further back. */
  async #enter(time: number): Promise<boolean> {
    for (let back = 0; ; back = back * 2 + 1) {
      if (back > time) await this.#rewind();
      else await this.#seek(time - back, 0);
      const found = await this.#nextKey();
      if ((found && this.#packetTime() <= time) || back > time) return found;
      this.#packet.unref();
    }
  }

  /** Moves to the first keyframe after `time`, wherever a seek for it lands. */
  async #nextKeyFrom(time: number): Promise<boolean> {
    // Forward, to the next entry point that the container knows; past the last one it has none.
    if (time > 0 && !(await this.#jump(time, 0, FORWARD))) return false;
    if (time <= 0) await this.#rewind();
    while (await this.#nextKey()) {
      if (this.#packetTime() >= time - 1e-6) return true;
      this.#packet.unref();
    }
    return false;
  }

  async #nextKey(): Promise<boolean> {
    for (let count = 0; count < SEARCH && (await this.#nextPacket()); count++) {
      if (this.#packet.isKeyframe) return true;
      this.#packet.unref();
    }
    return false;
  }

  async #nextPacket(): Promise<boolean> {
    while ((await this.#container.context.readFrame(this.#packet)) >= 0) {
      if (this.#packet.streamIndex === this.#stream.index) return true;
      this.#packet.unref();
    }
    if (this.#container.reader.failure) throw this.#container.reader.failure;
    return false;
  }

  /** AVI knows no time but that of decoding. */
  #packetTime(): number {
    const { pts, dts } = this.#packet;
    return this.#seconds(pts === AV_NOPTS_VALUE ? dts : pts);
  }

  #seconds(timestamp: bigint): number {
    return timestamp === AV_NOPTS_VALUE ? 0 : Number(timestamp) * this.#unit - this.origin;
  }
}

/** The sides of a pixel as shown, where the container says so. */
function pixelOf({ sampleAspectRatio: said }: Stream): Rational | undefined {
  return said.num > 0 && said.den > 0 ? said : undefined;
}

/** What a video stream says of itself, made plausible. */
export function describe(context: FormatContext, stream: Stream): MediaInfo {
  const { codecpar, avgFrameRate, rFrameRate } = stream;
  const duration = durationOf(context, stream);
  const turn = turnOf(codecpar.getCodedSideData(AV_PKT_DATA_DISPLAYMATRIX));
  const across = squared(codecpar.width, pixelOf(stream) ?? codecpar.sampleAspectRatio);
  const [width, height] = isSideways(turn) ? [codecpar.height, across] : [across, codecpar.height];
  const rate = [avgFrameRate, rFrameRate].find((r) => r.num > 0 && r.den > 0)?.toDouble() ?? 0;
  const fps = rate > 0 && rate < 1000 ? rate : 25;
  const counted = Number(stream.nbFrames);
  const plausible = counted > 0 && duration > 0 && Math.abs(counted / duration / fps - 1) < 0.5;
  return {
    duration,
    fps: Math.round(fps * 1000) / 1000,
    width,
    height,
    rotation: degreesOf(turn),
    codec: avGetCodecName(codecpar.codecId) ?? "unknown",
    frames: plausible ? counted : Math.max(1, Math.round(duration * fps)),
  };
}
