// Frame times and keyframes from an MP4 or QuickTime index, without a byte of the frames themselves.
// Other containers have no such table; `jobs.ts` finds their keyframes by seeking.
import { CustomSource, EncodedPacketSink, Input, MP4, QTFF } from "mediabunny";
import type { RangeReader } from "./reader.ts";

/** Ten hours at 60 frames a second. */
const MOST_FRAMES = 2_160_000;

export interface Keyframe {
  time: number;
  /** Size of its packet. */
  bytes: number;
}

/** The index of an open file's video track. Times are seconds from `origin`, the container's time of the first frame. */
export class KeyframeIndex {
  #input: Input;
  #sink: EncodedPacketSink;

  private constructor(input: Input, sink: EncodedPacketSink) {
    this.#input = input;
    this.#sink = sink;
  }

  /** Undefined where there is no index to be read: the file is then FFmpeg's alone. */
  static async open(reader: RangeReader): Promise<KeyframeIndex | undefined> {
    const read = (start: number, end: number) => reader.exactly(start, end);
    const source = new CustomSource({ getSize: () => reader.size, read, maxCacheSize: 1024 * 1024 });
    const input = new Input({ formats: [MP4, QTFF], source });
    try {
      const track = await input.getPrimaryVideoTrack();
      const sink = track && new EncodedPacketSink(track);
      if (sink && (await sink.getFirstKeyPacket({ metadataOnly: true })))
        return new KeyframeIndex(input, sink);
    } catch {
      // Not this parser's kind of file. Whether it is damaged is for FFmpeg to say.
      if (reader.failure) throw reader.failure;
    }
    input.dispose();
    return undefined;
  }

  /** Seconds that the header promises, whatever the table holds. */
  async promised(): Promise<number> {
    const track = await this.#input.getPrimaryVideoTrack();
    return (await track?.getDurationFromMetadata()) ?? 0;
  }

  /** Keyframes shown from `start` on and before `end`, ascending. */
  async within(start: number, end: number, origin: number): Promise<Keyframe[]> {
    const found: Keyframe[] = [];
    const only = { metadataOnly: true };
    let packet =
      (await this.#sink.getKeyPacket(start + origin, only)) ?? (await this.#sink.getFirstKeyPacket(only));
    while (packet && packet.timestamp - origin < end - 1e-6) {
      const time = packet.timestamp - origin;
      if (time >= start - 1e-6) found.push({ time, bytes: packet.byteLength });
      packet = await this.#sink.getNextKeyPacket(packet, only);
    }
    return found;
  }

  /** Every frame's time, every keyframe's, and the last frame's end. Undefined for a table beyond belief. */
  async all(origin: number): Promise<{ frames: Float64Array; keyframes: number[]; end: number } | undefined> {
    let end = 0;
    const frames: number[] = [];
    const keyframes: number[] = [];
    for await (const packet of this.#sink.packets(undefined, undefined, { metadataOnly: true })) {
      if (frames.length === MOST_FRAMES) return undefined;
      // A packet is garbage once its time is noted; left to itself the heap would first grow with the film.
      if (frames.length % 50_000 === 49_999) globalThis.gc?.();
      frames.push(packet.timestamp - origin);
      end = Math.max(end, packet.timestamp + packet.duration - origin);
      if (packet.type === "key") keyframes.push(packet.timestamp - origin);
    }
    return { frames: Float64Array.from(frames).sort(), keyframes: keyframes.sort((a, b) => a - b), end };
  }

  close(): void {
    this.#input.dispose();
  }
}
