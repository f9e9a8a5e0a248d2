// A span's sound as a WAV file. Decoder child only.
import type { Buffer } from "node:buffer";
import { FailureError, fail } from "../../../../../src/shapes/failure.ts";
import type { RangeReader } from "../file/reader.ts";
import type { HeardFormat } from "../file/sniff.ts";
import { record, wav } from "../film/recording.ts";
import type { Span } from "../spans.ts";

/** Seconds: 58 MB. */
const MAX_SOUND_SECONDS = 1800;

/** The sound from `start` to `end`, silence where the track has none. */
export async function cutSound(reader: RangeReader, format: HeardFormat, span: Span): Promise<Buffer> {
  const length = span.end - span.start;
  if (length > MAX_SOUND_SECONDS) {
    const detail = `${Math.round(length)} s of sound are asked for; ${MAX_SOUND_SECONDS} s are the most`;
    throw new FailureError(fail("too_large", detail, { where: reader.name }).failure);
  }
  return wav((await record(reader, format, span)).samples);
}
