// A span's sound in one piece, as speech models take it: 16 kHz, one channel, 16 bits. Decoder child only.
import { Buffer } from "node:buffer";
import { AV_SAMPLE_FMT_S16, AVMEDIA_TYPE_AUDIO, AVMEDIA_TYPE_VIDEO } from "node-av/constants";
import { VOICE_RATE } from "../../voice.ts";
import type { RangeReader } from "../file/reader.ts";
import type { HeardFormat } from "../file/sniff.ts";
import type { Span } from "../spans.ts";
import { Container, originOf } from "./container.ts";
import { hear } from "./hearing.ts";
import { Media } from "./video.ts";

/** Bytes of a sample. */
const WIDTH = 2;
/** Sound that ends this close to the end of a span (samples) may go on behind it. */
const ROUNDING = VOICE_RATE / 10;

/** Sound of a span, silence where the track has none. */
export interface Recording {
  /** 16-bit samples, little-endian. */
  samples: Buffer;
  /** Samples until the track's end, where that is within the span. */
  heard: number;
  /** Second of the film at which there is sound again behind the span; undefined where the track has ended. */
  after: number | undefined;
}

/** Decodes the sound of a span. Throws `bad_media` where there is none. */
export async function record(reader: RangeReader, format: HeardFormat, span: Span): Promise<Recording> {
  const container = await Container.open(reader, format.demuxer);
  // A film's times are those of its picture, which its sound may begin before or after.
  const media = container.best(AVMEDIA_TYPE_VIDEO) && (await Media.over(container));
  try {
    const stream = container.only(AVMEDIA_TYPE_AUDIO, "audio");
    const count = Math.round((span.end - span.start) * VOICE_RATE);
    const samples = Buffer.alloc(count * WIDTH);
    const shape = { rate: VOICE_RATE, channels: 1, format: AV_SAMPLE_FMT_S16 };
    const origin = media?.origin ?? originOf(stream);
    let reach = 0;
    let behind = Number.POSITIVE_INFINITY;
    for await (const { at, count: heard, planes } of hear(container, stream, span, origin, shape)) {
      reach = Math.max(reach, at + heard);
      if (at + heard > count) behind = Math.min(behind, Math.max(at, count));
      samples.set(
        partWithin(planes[0] ?? samples, at * WIDTH, samples.length),
        Math.min(Math.max(0, at) * WIDTH, samples.length),
      );
    }
    const goesOn = reach >= count - ROUNDING;
    return {
      samples,
      heard: Math.min(Math.max(0, reach), count),
      after: goesOn ? span.start + (Number.isFinite(behind) ? behind : count) / VOICE_RATE : undefined,
    };
  } finally {
    await (media ?? container).close();
  }
}

/** The part of a piece that begins at byte `at` of what is `length` bytes long. */
const partWithin = (piece: Buffer, at: number, length: number): Buffer =>
  piece.subarray(Math.max(0, -at), Math.max(0, length - at));

/** RIFF/WAVE of such sound, with the 44-byte header that everything reads. */
export function wav(samples: Buffer): Buffer {
  const head = Buffer.alloc(44);
  head.write("RIFF", 0, "latin1");
  head.writeUInt32LE(36 + samples.length, 4);
  head.write("WAVEfmt ", 8, "latin1");
  for (const [at, value] of [
    [16, 16],
    [24, VOICE_RATE],
    [28, VOICE_RATE * WIDTH],
    [40, samples.length],
  ] as const)
    head.writeUInt32LE(value, at);
  for (const [at, value] of [
    [20, 1],
    [22, 1],
    [32, WIDTH],
    [34, 8 * WIDTH],
  ] as const)
    head.writeUInt16LE(value, at);
  head.write("data", 36, "latin1");
  return Buffer.concat([head, samples]);
}
