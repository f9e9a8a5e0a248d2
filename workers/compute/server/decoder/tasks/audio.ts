// A span's sound as speech models take it: WAV, 16 kHz, one channel, 16 bits. Decoder child only.
import { Buffer } from "node:buffer";
import { AV_SAMPLE_FMT_S16, AVMEDIA_TYPE_AUDIO, AVMEDIA_TYPE_VIDEO } from "node-av/constants";
import { FailureError, fail } from "../../../../../src/shapes/failure.ts";
import type { RangeReader } from "../file/reader.ts";
import type { VideoFormat } from "../file/sniff.ts";
import { Container, originOf } from "../film/container.ts";
import { hear } from "../film/hearing.ts";
import { Media } from "../film/video.ts";
import type { Span } from "../spans.ts";

const SAMPLE_RATE = 16_000;
/** Seconds: 58 MB. */
const MAX_SOUND_SECONDS = 1800;

/** The sound from `start` to `end`, silence where the track has none, as a WAV file. */
export async function cutSound(reader: RangeReader, format: VideoFormat, span: Span): Promise<Buffer> {
  const length = span.end - span.start;
  if (length > MAX_SOUND_SECONDS) {
    const detail = `${Math.round(length)} s of sound are asked for; ${MAX_SOUND_SECONDS} s are the most`;
    throw new FailureError(fail("too_large", detail, { where: reader.name }).failure);
  }
  const container = await Container.open(reader, format.demuxer);
  // A film's times are those of its picture, which its sound may begin before or after.
  const media = container.best(AVMEDIA_TYPE_VIDEO) && (await Media.over(container));
  try {
    const stream = container.only(AVMEDIA_TYPE_AUDIO, "audio");
    const samples = Buffer.alloc(Math.round(length * SAMPLE_RATE) * 2);
    const shape = { rate: SAMPLE_RATE, channels: 1, format: AV_SAMPLE_FMT_S16 };
    for await (const { at, planes } of hear(
      container,
      stream,
      span,
      media?.origin ?? originOf(stream),
      shape,
    ))
      samples.set(
        partWithin(planes[0] ?? samples, at * 2, samples.length),
        Math.min(Math.max(0, at) * 2, samples.length),
      );
    return wav(samples);
  } finally {
    await (media ?? container).close();
  }
}

/** The part of a piece that begins at byte `at` of what is `length` bytes long. */
const partWithin = (piece: Buffer, at: number, length: number): Buffer =>
  piece.subarray(Math.max(0, -at), Math.max(0, length - at));

/** RIFF/WAVE with the 44-byte header that everything reads. */
function wav(samples: Buffer): Buffer {
  const head = Buffer.alloc(44);
  head.write("RIFF", 0, "latin1");
  head.writeUInt32LE(36 + samples.length, 4);
  head.write("WAVEfmt ", 8, "latin1");
  for (const [at, value] of [
    [16, 16],
    [24, SAMPLE_RATE],
    [28, SAMPLE_RATE * 2],
    [40, samples.length],
  ] as const)
    head.writeUInt32LE(value, at);
  for (const [at, value] of [
    [20, 1],
    [22, 1],
    [32, 2],
    [34, 16],
  ] as const)
    head.writeUInt16LE(value, at);
  head.write("data", 36, "latin1");
  return Buffer.concat([head, samples]);
}
