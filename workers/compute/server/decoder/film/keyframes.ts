// Frame times and keyframes from an MP4 or QuickTime index, without a byte of the frames themselves.
// Other containers have no such table: survey.ts counts their packets, or video.ts finds keyframes by seeking.
import { CustomSource, EncodedPacketSink, Input, type InputVideoTrack, MP4, QTFF } from "mediabunny";
import type { RangeReader } from "../file/reader.ts";

/** Ten hours at 60 frames a second. */
export const MAX_FRAMES = 2_160_000;
/** Packets, in the order of decoding, among which the first one shown is looked for. */
const MAX_LEAD_PACKETS = 600;

/** A frame that a film can be entered by. Its time is seconds from the first frame shown. */
export interface Keyframe {
  time: number;
  /** Size of its packet. */
  bytes: number;
  /** Where it is in the file; undefined where that did not come to light. */
  position?: number | undefined;
}

/** A film's frames in the order they are shown. Times are seconds from the first one. */
export interface FrameTable {
  frames: Float64Array;
  keyframes: number[];
  /** Where the last frame ends. */
  end: number;
}

/** Whether the parser's reads are only noted, and where the last one was. */
interface ReadNotes {
  on: boolean;
  position?: number | undefined;
}

/** The index of an open file's video track. Times are seconds from the first frame that is shown. */
export class KeyframeIndex {
  #input: Input;
  #track: InputVideoTrack;
  #sink: EncodedPacketSink;
  #notes: ReadNotes;
  /** This parser's own time of the first frame: it reads an edit list by the letter, FFmpeg frame by frame. */
  #origin: number;

  private constructor(
    input: Input,
    track: InputVideoTrack,
    sink: EncodedPacketSink,
    notes: ReadNotes,
    origin: number,
  ) {
    this.#input = input;
    this.#track = track;
    this.#sink = sink;
    this.#notes = notes;
    this.#origin = origin;
  }

  /** Of the track with a number. Undefined where there is no index to be read: the file is then FFmpeg's alone. */
  static async open(reader: RangeReader, id: number): Promise<KeyframeIndex | undefined> {
    const notes: ReadNotes = { on: false };
    const read = (start: number, end: number) => {
      if (!notes.on) return reader.exactly(start, end);
      notes.position = start;
      return new Uint8Array(end - start);
    };
    const source = new CustomSource({ getSize: () => reader.size, read, maxCacheSize: 1024 * 1024 });
    const input = new Input({ formats: [MP4, QTFF], source });
    try {
      const track = (await input.getVideoTracks()).find((each) => each.id === id);
      const sink = track && new EncodedPacketSink(track);
      const origin = sink ? await firstShown(sink) : undefined;
      if (track && sink && origin !== undefined) return new KeyframeIndex(input, track, sink, notes, origin);
    } catch {
      // Not this parser's kind of file. Whether it is damaged is for FFmpeg to say.
      if (reader.failure) throw reader.failure;
    }
    input.dispose();
    return undefined;
  }

  /** Seconds that the header promises, whatever the table holds. */
  async promised(): Promise<number> {
    return (await this.#track.getDurationFromMetadata()) ?? 0;
  }

  /** Keyframes shown from `start` on and before `end`, ascending. */
  async within(start: number, end: number): Promise<Keyframe[]> {
    const origin = this.#origin;
    const keyframes: Keyframe[] = [];
    const only = { metadataOnly: true };
    let packet =
      (await this.#sink.getKeyPacket(start + origin, only)) ?? (await this.#sink.getFirstKeyPacket(only));
    while (packet && packet.timestamp - origin < end - 1e-6) {
      const time = packet.timestamp - origin;
      if (time >= start - 1e-6) keyframes.push({ time, bytes: packet.byteLength });
      packet = await this.#sink.getNextKeyPacket(packet, only);
    }
    return keyframes;
  }

  /**
   * The same keyframes, each with its place in the file. The parser does not give places, but it reads there:
   * it gets zeros, and the position of its read is noted. The index is of no use for anything else after this.
   */
  async placed(keyframes: Keyframe[]): Promise<Keyframe[]> {
    const placed: Keyframe[] = [];
    this.#notes.on = true;
    for (const keyframe of keyframes) {
      this.#notes.position = undefined;
      // Of a place that a damaged index puts where no file is, the parser throws. FFmpeg has its own way there, or none.
      await this.#sink.getKeyPacket(keyframe.time + this.#origin + 1e-6).catch(() => null);
      placed.push({ ...keyframe, position: this.#notes.position });
    }
    return placed;
  }

  /** Every frame's time, every keyframe's, and the last frame's end. Undefined for a table beyond belief. */
  async all(): Promise<FrameTable | undefined> {
    const origin = this.#origin;
    let end = 0;
    const frames: number[] = [];
    const keyframes: number[] = [];
    for await (const packet of this.#sink.packets(undefined, undefined, { metadataOnly: true })) {
      if (frames.length === MAX_FRAMES) return undefined;
      // A packet is garbage once its time is noted; left to itself the heap would first grow with the film.
      if (frames.length % 50_000 === 49_999) globalThis.gc?.();
      const time = packet.timestamp - origin;
      // What an edit list leaves out is there to be decoded from and is not shown.
      if (time < -1e-6) continue;
      frames.push(time);
      end = Math.max(end, time + packet.duration);
      if (packet.type === "key") keyframes.push(time);
    }
    return { frames: Float64Array.from(frames).sort(), keyframes: keyframes.sort((a, b) => a - b), end };
  }

  close(): void {
    this.#input.dispose();
  }
}

/** The time of the first frame at or after zero, where what is shown begins; undefined for an empty table. */
async function firstShown(sink: EncodedPacketSink): Promise<number | undefined> {
  const only = { metadataOnly: true };
  let first: number | undefined;
  let packet = await sink.getFirstPacket(only);
  for (let count = 0; packet && (first === undefined || count < MAX_LEAD_PACKETS); count++) {
    if (packet.timestamp > -1e-6 && packet.timestamp < (first ?? Number.POSITIVE_INFINITY))
      first = packet.timestamp;
    // Nothing decoded after a keyframe that is shown later comes before what was shown by then.
    if (first !== undefined && packet.type === "key" && packet.timestamp > first) break;
    packet = await sink.getNextPacket(packet, only);
  }
  return first;
}
