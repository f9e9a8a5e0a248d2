// A film's video track as packets, and moving about in it by time: to its beginning, to a keyframe, to the next.
// video.ts decodes what is found. Decoder child only.
import { AV_NOPTS_VALUE, AVSEEK_FLAG_BACKWARD, type AVSeekFlag } from "node-av/constants";
import { Packet, type Stream } from "node-av/lib";
import { damaged } from "../file/reader.ts";
import { type Container, originOf } from "./container.ts";

/** Packets read in search of a keyframe before giving up: 20 s at 60 frames a second, with sound between. */
const MAX_SEARCHED_PACKETS = 5000;
/** A seek to the next entry point rather than to the one before. */
const FORWARD = 0 as AVSeekFlag;
/** Seconds: what is sought in a stream by the time of decoding is so much earlier, at most. */
const EARLY_SECONDS = 1;

/** Times are seconds from `origin`. Close it, or native memory stays behind. */
export class Track {
  readonly container: Container;
  readonly stream: Stream;
  /** Where the last move led: at most one packet, which `packet.unref` lets go. */
  readonly packet = new Packet();
  /** The container's own time of the first frame, seconds. */
  origin: number;
  readonly unit: number;

  constructor(container: Container, stream: Stream) {
    this.container = container;
    this.stream = stream;
    this.unit = stream.timeBase.toDouble();
    this.origin = originOf(stream);
    this.packet.alloc();
  }

  async close(): Promise<void> {
    this.packet.free();
    await this.container.close();
  }

  async seek(time: number, bytes: number): Promise<void> {
    if ((await this.jump(time, bytes, AVSEEK_FLAG_BACKWARD)) || time <= 0) return;
    const { reader } = this.container;
    throw reader.failure ?? damaged(reader, `has no frame at ${time.toFixed(3)} s`);
  }

  /** To the very first packet: where seeking goes by the time of decoding, that is before the first frame's own. */
  async rewind(): Promise<void> {
    const { startTime } = this.container.context;
    const first = startTime === AV_NOPTS_VALUE ? 0 : Number(startTime) / 1e6 - this.origin;
    if (!(await this.jump(Math.min(0, first) - 5, 0, AVSEEK_FLAG_BACKWARD))) await this.seek(0, 0);
  }

  private async jump(time: number, bytes: number, flag: AVSeekFlag): Promise<boolean> {
    this.container.expected.bytes = bytes;
    // Half a unit up: a time that went through seconds and back must not fall before its own frame.
    const timestamp = BigInt(Math.floor((time + this.origin) / this.unit + 0.5));
    return (await this.container.context.seekFrame(this.stream.index, timestamp, flag)) >= 0;
  }

  /** Moves to a keyframe at or before `time`. Without an index a seek may land after one: then further back. */
  async enter(time: number): Promise<boolean> {
    for (let back = 0; ; back = back * 2 + 1) {
      if (back > time) await this.rewind();
      else await this.seek(time - back, 0);
      const found = await this.nextKey();
      if ((found && this.packetTime() <= time) || back > time) return found;
      this.packet.unref();
    }
  }

  async keyBefore(time: number, bytes: number): Promise<boolean> {
    await this.seek(time, bytes);
    return this.nextKey();
  }

  /** Moves to the keyframe of just this time, wherever a seek for it lands. */
  async keyAt(time: number): Promise<boolean> {
    for (let back = 0; ; back = back * 2 + EARLY_SECONDS) {
      if (back > time) await this.rewind();
      else await this.seek(time - back, 0);
      while (await this.nextKey()) {
        const off = this.packetTime() - time;
        if (Math.abs(off) < 1e-4) return true;
        this.packet.unref();
        if (off > 0) break;
      }
      if (back > time) return false;
    }
  }

  /** Moves to the first keyframe after `time`, wherever a seek for it lands. */
  async nextKeyFrom(time: number): Promise<boolean> {
    // Forward, to the next entry point that the container knows; past the last one it has none.
    if (time > 0 && !(await this.jump(time, 0, FORWARD))) return false;
    if (time <= 0) await this.rewind();
    while (await this.nextKey()) {
      if (this.packetTime() >= time - 1e-6) return true;
      this.packet.unref();
    }
    return false;
  }

  async nextKey(): Promise<boolean> {
    for (let count = 0; count < MAX_SEARCHED_PACKETS && (await this.nextPacket()); count++) {
      if (this.packet.isKeyframe) return true;
      this.packet.unref();
    }
    return false;
  }

  async nextPacket(): Promise<boolean> {
    while ((await this.container.context.readFrame(this.packet)) >= 0) {
      if (this.packet.streamIndex === this.stream.index) return true;
      this.packet.unref();
    }
    if (this.container.reader.failure) throw this.container.reader.failure;
    return false;
  }

  /** AVI knows no time but that of decoding. */
  packetTime(): number {
    const { pts, dts } = this.packet;
    return this.seconds(pts === AV_NOPTS_VALUE ? dts : pts);
  }

  seconds(timestamp: bigint): number {
    return timestamp === AV_NOPTS_VALUE ? 0 : Number(timestamp) * this.unit - this.origin;
  }
}
