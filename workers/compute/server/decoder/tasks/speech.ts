// The parts of a film's sound in which somebody speaks, as WAV files for a model elsewhere. At most five minutes of the
// film at a time: where to go on is part of the answer. Decoder child only.
import { FailureError, fail } from "../../../../../src/shapes/failure.ts";
import { type Stretch, VOICE_RATE, voiceWindows } from "../../voice.ts";
import type { RangeReader } from "../file/reader.ts";
import type { HeardFormat } from "../file/sniff.ts";
import { record, wav } from "../film/recording.ts";
import type { Output, SpeechJob } from "../protocol.ts";
import { roundTime } from "../spans.ts";
import { versionOf } from "./embed-video.ts";

/** Seconds of the film that are looked at in one job. */
const PART_SECONDS = 300;
const MAX_FILM_SECONDS = 24 * 3600;
/** A voice that ends so close to the end of a part may go on behind it, samples. */
const EDGE = VOICE_RATE;

/** Yields each window with a voice in it, and at last `next`: the second to go on from, or null. */
export async function* findSpeech(
  reader: RangeReader,
  format: HeardFormat,
  { from, until = Number.POSITIVE_INFINITY }: SpeechJob,
): AsyncGenerator<Output> {
  if (from >= MAX_FILM_SECONDS) {
    const detail = `${reader.name} has sound behind ${MAX_FILM_SECONDS} s, which are the most`;
    throw new FailureError(fail("too_large", detail, { where: reader.name }).failure);
  }
  const end = Math.min(until, from + PART_SECONDS);
  const { samples, heard, after } = await record(reader, format, { start: from, end });
  const sound = new Int16Array(samples.buffer, samples.byteOffset, heard);
  const secondOf = (sample: number) => roundTime(from + sample / VOICE_RATE);
  const next = after === undefined || after >= until ? null : roundTime(after);
  const windows = voiceWindows(sound);
  const cutOff = next === secondOf(sound.length) ? atEdge(windows, sound.length) : undefined;
  for (const { from: first, to } of windows) {
    if (first === cutOff?.from) break;
    const data = wav(samples.subarray(first * 2, to * 2)).toString("base64");
    yield { start: secondOf(first), end: secondOf(to), data, version: versionOf(reader) };
  }
  yield { next: cutOff ? secondOf(cutOff.from) : next, read: reader.read, version: versionOf(reader) };
}

/** The last window, where it reaches the edge of the part and begins in it: the next part has all of it. */
function atEdge(windows: readonly Stretch[], length: number): Stretch | undefined {
  const last = windows.at(-1);
  return last && last.from > 0 && last.to > length - EDGE ? last : undefined;
}
