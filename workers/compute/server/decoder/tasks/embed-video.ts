// Embedding the spans of a film: which of its frames stand for a span, and what is taken of them.
// Runs in the decoder child only.
import type { Frame } from "node-av/lib";
import { FailureError } from "../../../../../src/shapes/failure.ts";
import { damaged, type RangeReader } from "../file/reader.ts";
import type { VideoFormat } from "../file/sniff.ts";
import { type Keyframe, KeyframeIndex } from "../film/keyframes.ts";
import { Media } from "../film/video.ts";
import { partsOf, type TakenFrame, takenOf } from "../frame/take.ts";
import type { EmbedJob, Output, Parts, ReadCount } from "../protocol.ts";
import { evenTimes, roundTime, type Span, spread } from "../spans.ts";

/** Keyframes whose bytes are on their way at one time: the one that is decoded next, and those after it. */
const KEYFRAMES_AHEAD = 4;

/** Each item of a job: its vector, or why it has none. */
export async function* embedVideo(
  reader: RangeReader,
  format: VideoFormat,
  job: EmbedJob,
): AsyncGenerator<Output> {
  const media = await Media.open(reader, format.demuxer);
  let before: ReadCount = { bytes: 0, requests: 0 };
  try {
    const whole = { start: 0, end: media.info.duration };
    const spans = job.items.map((item) => item.span ?? whole);
    const entries = await entriesOf(media, spans, job.count);
    const ahead = fetchAhead(reader, entries?.flat() ?? []);
    for (const [index, item] of job.items.entries()) {
      try {
        const span = spans[index] ?? whole;
        const frames = await sampleSpan(media, entries?.[index], span, job, ahead);
        if (frames.length === 0)
          throw damaged(reader, `has no frame to decode from ${span.start} to ${span.end} s`);
        yield {
          index: item.index,
          ...sampledOf(frames, job.media),
          read: readSince(reader, before),
          version: versionOf(reader),
        };
      } catch (error) {
        if (!(error instanceof FailureError)) throw error;
        yield { index: item.index, error: error.failure };
      }
      before = { ...reader.read };
    }
  } finally {
    await media.close();
  }
}

/** Each span's keyframes, where all are known. An index is let go before decoding begins: not both are in memory. */
async function entriesOf(media: Media, spans: Span[], count: number): Promise<Keyframe[][] | undefined> {
  const { table, container, stream, listed } = media;
  if (table)
    return spans.map(({ start, end }) => {
      const inside = table.keyframes.filter((time) => time > start - 1e-6 && time < end - 1e-6);
      return spread(inside, count).map((time) => ({ time, bytes: 0 }));
    });
  const index = listed ? await KeyframeIndex.open(container.reader, stream.id) : undefined;
  if (!index) return undefined;
  const chosen: Keyframe[][] = [];
  for (const { start, end } of spans) chosen.push(spread(await index.within(start, end), count));
  const entries: Keyframe[][] = [];
  for (const keyframes of chosen) entries.push(await index.placed(keyframes));
  index.close();
  globalThis.gc?.();
  return entries;
}

/** Keeps the bytes of the next keyframes on their way while one is decoded. Call it with each in turn. */
function fetchAhead(reader: RangeReader, keyframes: readonly Keyframe[]): (from: Keyframe) => void {
  let next = 0;
  return (from) => {
    const index = keyframes.indexOf(from);
    if (index < 0) return;
    for (next = Math.max(next, index); next < Math.min(index + KEYFRAMES_AHEAD, keyframes.length); next++) {
      const { position, bytes } = keyframes[next] ?? from;
      if (position !== undefined) reader.ahead(position, bytes);
    }
  };
}

/** A frame that stands for its span, and what the model takes of it. */
export interface SampledFrame {
  time: number;
  taken: TakenFrame;
}

/**
 * A few frames of a span. Keyframes are what a film can be entered by and what an encoder sets at a
 * cut, so a span is its own keyframes, spread evenly; only a span without any is decoded from the keyframe
 * before it, to evenly spaced times.
 */
async function sampleSpan(
  media: Media,
  entries: readonly Keyframe[] | undefined,
  span: Span,
  { take: how, count }: EmbedJob,
  ahead: (entry: Keyframe) => void,
): Promise<SampledFrame[]> {
  const samples = new Map<number, SampledFrame>();
  const add = ({ time, frame }: { time: number; frame: Frame }) =>
    samples.set(time, { time, taken: takenOf(frame, how) });
  const inside = (time: number) => time >= span.start - 1e-3 && time < span.end - 1e-6 && !samples.has(time);
  const moments = entries ?? evenTimes(span, count).map((time) => ({ time, bytes: 0 }));
  for (const entry of moments) {
    ahead(entry);
    const got = await media.keyframe(entry.time, entry.bytes);
    if (got && inside(got.time)) add(got);
  }
  // What is shown then may begin before the span: between two slow frames, or where only sound is left.
  if (samples.size === 0 && span.start < media.info.duration)
    for await (const got of media.framesAt(evenTimes(span, count))) add(got);
  return [...samples.values()].sort((a, b) => a.time - b.time);
}

export const sampledOf = (
  frames: readonly SampledFrame[],
  media: EmbedJob["media"],
): Parts & { sampled: number[] } => ({
  ...partsOf(
    frames.map(({ taken }) => taken),
    media,
  ),
  sampled: frames.map(({ time }) => roundTime(time)),
});

export const versionOf = ({ etag, size }: RangeReader) => ({ etag, size });

export const readSince = (reader: RangeReader, before: ReadCount): ReadCount => ({
  bytes: reader.read.bytes - before.bytes,
  requests: reader.read.requests - before.requests,
});
