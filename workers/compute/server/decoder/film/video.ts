// The picture of a film: its frames by time, its keyframes, its description. track.ts moves about in the packets,
// container.ts reads them. Decoder child only.
import { AV_NOPTS_VALUE, AVMEDIA_TYPE_VIDEO } from "node-av/constants";
import type { Frame, Stream } from "node-av/lib";
import { FailureError } from "../../../../../src/shapes/failure.ts";
import { isWholeSegment } from "../file/joined.ts";
import type { RangeReader } from "../file/reader.ts";
import { isPlainTrack } from "../file/tracks.ts";
import type { Span } from "../spans.ts";
import { Decoder } from "./codec.ts";
import { Container, durationOf, originOf, soundEndOf } from "./container.ts";
import { describe, type MediaInfo, pixelOf } from "./describe.ts";
import type { FrameTable } from "./keyframes.ts";
import { surveyOf, tableOf } from "./survey.ts";
import { Track } from "./track.ts";

/**
 * Bytes: a container without a table of frames is read whole for one, up to so many. One that does not even
 * say how long it is, as browsers record them, may be larger.
 */
const MAX_COUNTED_BYTES = 32 * 1024 * 1024;
const MAX_COUNTED_BYTES_AT_NEED = 512 * 1024 * 1024;
/** Packets among which the first frame must be that can be shown. */
const MAX_LEAD_PACKETS = 600;
/** Seconds by which a header may round, or sound go on behind the last picture. */
const SLACK_SECONDS = 1 + 1e-3;
/** A film lasts as long as its pictures, unless something else goes on for longer than this: a still with sound. */
const lasting = (pictures: number, other: number) => (other > pictures + SLACK_SECONDS ? other : pictures);

/** One video track, open. Times are seconds from its first frame. Close it, or native memory stays behind. */
export class Media {
  readonly info: MediaInfo;
  /** Whether the container has a table of its frames that says all (keyframes.ts). */
  listed = false;
  /** Every frame, counted by its packet, where that table is not there and the file is small enough to be read whole. */
  table: FrameTable | undefined;
  /** Seconds that the header promises, those of the pictures alone, and where the sound ends. */
  promised: number;
  pictures: number;
  sound = 0;
  #track: Track;
  #opened: Decoder | undefined;

  private constructor(container: Container, stream: Stream) {
    this.#track = new Track(container, stream);
    this.info = describe(container.context, stream);
    this.promised = this.info.duration;
    this.pictures = this.info.duration;
  }

  /** Opens a container of a known format. Throws {@link FailureError}: `bad_media`, or what reading met. */
  static async open(reader: RangeReader, demuxer: string): Promise<Media> {
    const media = await Media.over(await Container.open(reader, demuxer));
    try {
      media.#decoder;
      return media;
    } catch (error) {
      await media.close();
      throw error;
    }
  }

  /** The same over an open container, which is closed with it; of pictures that need not be decoded. */
  static async over(container: Container): Promise<Media> {
    let media: Media | undefined;
    try {
      media = new Media(container, container.only(AVMEDIA_TYPE_VIDEO, "video"));
      media.listed = container.demuxer === "mov" && (await isPlainTrack(container.reader, media.stream.id));
      if (media.listed && media.info.duration > 0) media.#believe();
      else await media.count();
      return media;
    } catch (error) {
      await (media ?? container).close();
      throw error;
    }
  }

  get container(): Container {
    return this.#track.container;
  }

  get stream(): Stream {
    return this.#track.stream;
  }

  /** The container's own time of the first frame that can be shown, seconds. */
  get origin(): number {
    return this.#track.origin;
  }

  get #decoder(): Decoder {
    const { codecpar } = this.stream;
    this.#opened ??= Decoder.of(codecpar, this.container.reader.name, pixelOf(this.stream));
    return this.#opened;
  }

  #believe(): void {
    this.sound = soundEndOf(this.container.context) - this.origin;
    this.info.duration = lasting(this.pictures, this.sound);
  }

  /** Finds where the film begins and, of one that is not too large, every frame and how long it lasts. */
  async count(): Promise<void> {
    const { reader, context, demuxer } = this.container;
    const need = demuxer === "mov" || this.info.duration <= 0;
    const small = reader.size <= (need ? MAX_COUNTED_BYTES_AT_NEED : MAX_COUNTED_BYTES);
    await this.#track.rewind();
    const survey = small ? await surveyOf(this.container, this.stream, 1 / this.info.fps) : undefined;
    this.#track.origin = (await this.#firstShown().catch(this.#undecodable)) ?? this.origin;
    const promised = durationOf(context, this.stream) + originOf(this.stream) - this.origin;
    this.promised = this.info.duration > 0 ? Math.max(0, promised) : 0;
    if (survey) {
      this.table = tableOf(survey, this.origin);
      this.pictures = this.table.end;
      this.sound = survey.soundEnd - this.origin;
      this.info.frames = this.table.frames.length;
      this.info.duration = lasting(this.pictures, this.sound);
      // A recording of a screen that stands still has no more frames, and is no shorter for it.
      if (demuxer === "matroska" && (await isWholeSegment(reader)))
        this.info.duration = lasting(this.info.duration, this.promised);
    } else this.info.duration = this.promised;
  }

  /** What nothing here decodes begins where its container says. */
  #undecodable = (error: unknown): undefined => {
    if (this.#opened || !(error instanceof FailureError)) throw error;
  };

  /** The container's time of the first frame that comes out of the decoder: what leans on frames before it does not. */
  async #firstShown(): Promise<number | undefined> {
    await this.#track.rewind();
    let more = await this.#track.nextKey();
    if (!more) return undefined;
    // AVI knows when frames are decoded, not when they are shown: the first is the first.
    const entry =
      this.#track.packet.pts === AV_NOPTS_VALUE ? this.#track.packetTime() + this.origin : undefined;
    try {
      for (let count = 0; count < MAX_LEAD_PACKETS; count++) {
        this.#decoder.feed(more ? this.#track.packet : null);
        this.#track.packet.unref();
        const frame = this.#decoder.next();
        if (frame) return entry ?? this.#track.seconds(frame.bestEffortTimestamp) + this.origin;
        if (!more) return undefined;
        more = await this.#track.nextPacket();
      }
      return undefined;
    } finally {
      this.#track.packet.unref();
      this.#decoder.reset();
    }
  }

  /**
   * Decodes the keyframe at `time`, or one near it where its time is not known; undefined for one that cannot be
   * shown by itself. `bytes` is the size of its packet, where that is known.
   */
  async keyframe(time: number, bytes = 0): Promise<{ time: number; frame: Frame } | undefined> {
    if (!(await (this.table ? this.#track.keyAt(time) : this.#track.keyBefore(time, bytes))))
      return undefined;
    const at = this.#track.packetTime();
    const frame = this.#decoder.single(this.#track.packet);
    this.#track.packet.unref();
    return frame && { time: at, frame };
  }

  /** The frame shown at each of the ascending times: the last that begins by then. */
  async *framesAt(times: readonly number[]): AsyncGenerator<{ at: number; time: number; frame: Frame }> {
    const remaining = [...times];
    let shown: { time: number; frame: Frame } | undefined;
    for await (const next of this.framesFrom(times[0] ?? 0)) {
      for (let [at] = remaining; shown && at !== undefined && next.time > at + 1e-4; [at] = remaining) {
        yield { at, ...shown };
        remaining.shift();
      }
      if (remaining.length === 0) return;
      shown = next;
    }
    if (shown) for (const at of remaining) yield { at, ...shown };
  }

  /**
   * Every frame from the keyframe before `time` on. One stays as it is until the next but one. Where what is called a
   * keyframe shows nothing by itself (intra refresh), from one further back.
   */
  async *framesFrom(time: number): AsyncGenerator<{ time: number; frame: Frame }> {
    for (let back = 0, late = true; late; back = back * 2 + 1) {
      late = false;
      for await (const got of this.#framesAfter(Math.max(0, time - back))) {
        late = got.time > time + 1e-4 && back < time;
        if (late) break;
        yield got;
        // From here on frames come one after the other.
        time = Number.POSITIVE_INFINITY;
      }
    }
  }

  /** The frames that begin in a span; where none does, the one that is on screen, from its start on. */
  async *framesOf({ start, end }: Span): AsyncGenerator<{ time: number; frame: Frame }> {
    let before: Frame | undefined;
    let any = false;
    for await (const got of this.framesFrom(start)) {
      if (got.time >= end - 1e-3) break;
      if (got.time >= start - 1e-3) {
        any = true;
        yield got;
      } else before = got.frame;
    }
    if (!any && before) yield { time: start, frame: before };
  }

  async *#framesAfter(time: number): AsyncGenerator<{ time: number; frame: Frame }> {
    let more = await this.#track.enter(time);
    // AVI knows when frames are decoded, not when they are shown: at those times, one after the other.
    const times: number[] | undefined = more && this.#track.packet.pts === AV_NOPTS_VALUE ? [] : undefined;
    try {
      for (;;) {
        if (more) times?.push(this.#track.packetTime());
        this.#decoder.feed(more ? this.#track.packet : null);
        this.#track.packet.unref();
        for (let frame = this.#decoder.next(); frame; frame = this.#decoder.next()) {
          yield { time: times?.shift() ?? this.#track.seconds(frame.bestEffortTimestamp), frame };
        }
        if (!more) return;
        more = await this.#track.nextPacket();
      }
    } finally {
      this.#decoder.reset();
    }
  }

  /** Where a film is entered to show each of the times; what can be known of keyframes without an index. */
  async keyframesBefore(times: readonly number[]): Promise<number[]> {
    const keyframeTimes = new Set<number>();
    for (const time of times) {
      if (time <= 0) await this.#track.rewind();
      else await this.#track.seek(time, 0);
      if (await this.#track.nextKey()) keyframeTimes.add(Math.max(0, this.#track.packetTime()));
      this.#track.packet.unref();
    }
    return [...keyframeTimes].sort((a, b) => a - b);
  }

  /** Every keyframe before `until`, ascending, by jumping from one to the next; for formats without an index. */
  async keyframes(until: number): Promise<number[]> {
    const keyframeTimes: number[] = [];
    for (let from = 0; await this.#track.nextKeyFrom(from); ) {
      const time = Math.max(0, this.#track.packetTime());
      this.#track.packet.unref();
      if (time >= until || time <= (keyframeTimes.at(-1) ?? -1)) break;
      keyframeTimes.push(time);
      from = time + 0.5 / this.info.fps;
    }
    return keyframeTimes;
  }

  async close(): Promise<void> {
    this.#opened?.close();
    await this.#track.close();
  }
}
