// Plans a film's spans: by seconds, by its cuts, or by its keyframes. Cuts nothing; the arithmetic is in spans.ts.
// Runs in the decoder child only.
import { FailureError, fail } from "../../../../../src/shapes/failure.ts";
import { damaged, type RangeReader } from "../file/reader.ts";
import type { VideoFormat } from "../file/sniff.ts";
import { type FrameTable, KeyframeIndex } from "../film/keyframes.ts";
import { cutsOf } from "../film/scenes.ts";
import { Media } from "../film/video.ts";
import type { Output, SplitJob } from "../protocol.ts";
import { countBefore, evenSpans, overlapped, roundTime, type Span, spansBetween } from "../spans.ts";

/** One span as `/v1/split` answers it. Frames are numbered as they are shown, from 0; `last_frame` is in the span. */
export interface PlannedChunk extends Span {
  index: number;
  first_frame: number;
  last_frame: number;
  /** Of the film. */
  fps: number;
  /** Times (s) of those inside. Split by seconds, a container without an index only gives those it is entered by. */
  keyframes: number[];
}

/** Spans in one answer: ten hours by seconds. */
const MAX_CHUNKS = 36_000;
/** Mean difference of two frames, 0 to 1, from which on there is a cut between them. */
const CUT_THRESHOLD = 0.1;
const MAX_FILM_SECONDS = 24 * 3600;
/** Seconds by which a film may be shorter or longer than its frames: sound, rounding. */
const SLACK_SECONDS = 1 + 1e-3;
/** A header may round; beyond this it lies. */
const MAX_HEADER_ERROR_SECONDS = 3600;

/** Plans a film's chunks. Throws `bad_media`, or `too_large` for more than an answer holds. */
export async function split(reader: RangeReader, format: VideoFormat, job: SplitJob): Promise<Output> {
  const media = await Media.open(reader, format.demuxer);
  const index = media.listed ? await KeyframeIndex.open(reader, media.stream.id) : undefined;
  try {
    const { info } = media;
    if (media.listed && !index && !media.table) await media.count();
    const listed = index ? await index.all() : media.table;
    if (index && !listed) throw damaged(reader, "lists more frames than ten hours have");
    const length = await lengthOf(reader, media, listed, index);
    const duration = Math.min(length, job.max_duration ?? length);
    const { planned, keyframes } = await planSpans(media, listed, duration, job);
    if (planned.length > MAX_CHUNKS) {
      const next = "Ask for longer spans, or set max_duration.";
      throw tooLarge(reader, `has ${Math.round(duration)} s, which come to over ${MAX_CHUNKS} chunks`, next);
    }
    const frameAt = (time: number) =>
      listed ? countBefore(listed.frames, time) : Math.min(info.frames, Math.ceil(time * info.fps - 1e-6));
    const chunks: PlannedChunk[] = overlapped(planned, job.overlap ?? 0, duration).map((span, index) => ({
      index,
      ...span,
      ...framesOf(frameAt(span.start), frameAt(span.end)),
      fps: info.fps,
      keyframes: keyframes
        .slice(countBefore(keyframes, span.start), countBefore(keyframes, span.end))
        .map(roundTime),
    }));
    const frames = listed ? frameAt(length) : info.frames;
    return { ...info, duration: roundTime(length), frames, chunks, read: reader.read, size: reader.size };
  } finally {
    index?.close();
    await media.close();
  }
}

/** The frames of a span by what comes before its start and end; one in which none begins shows the one on screen. */
const framesOf = (start: number, end: number) =>
  end > start
    ? { first_frame: start, last_frame: end - 1 }
    : { first_frame: Math.max(0, start - 1), last_frame: Math.max(0, start - 1) };

/** How long the film is by its frames; one that says it is hours longer is refused. */
async function lengthOf(
  reader: RangeReader,
  media: Media,
  listed: FrameTable | undefined,
  index: KeyframeIndex | undefined,
): Promise<number> {
  const promised = Math.max((await index?.promised()) ?? 0, media.promised);
  const seen = async () => (await media.keyframesBefore([promised])).at(-1) ?? 0;
  const end = listed?.end ?? (promised > MAX_HEADER_ERROR_SECONDS ? await seen() : promised);
  if (promised - Math.max(end, media.sound) > MAX_HEADER_ERROR_SECONDS) {
    const what = `says that it lasts ${Math.round(promised)} s, but its frames end at ${Math.round(end)} s`;
    throw damaged(reader, what);
  }
  const length = index ? indexedLength(media, end) : media.info.duration;
  if (!(length > 0))
    throw damaged(
      reader,
      "does not say how long it is: damaged, cut short, or a recording too large to count",
    );
  if (length > MAX_FILM_SECONDS)
    throw tooLarge(reader, `lasts ${Math.round(length)} s; ${MAX_FILM_SECONDS} s are the most`);
  return length;
}

/**
 * The last frame may go on for a little longer than the header says. Frames far past the end are what an edit list
 * leaves out; an end far past the frames is a header that is wrong, unless there is sound until then.
 */
function indexedLength({ pictures, sound }: Media, end: number): number {
  const shown =
    Math.abs(end - pictures) <= SLACK_SECONDS ? Math.max(end, pictures) : Math.min(end, pictures) || end;
  return sound > shown + SLACK_SECONDS ? sound : shown;
}

/** Plans spans in the way that the job names, and gives the keyframes that came to light. */
async function planSpans(
  media: Media,
  listed: FrameTable | undefined,
  duration: number,
  { frame_interval = 10, scenes, keyframes }: SplitJob,
): Promise<{ planned: Span[]; keyframes: number[] }> {
  if (scenes || keyframes) {
    const entries = listed?.keyframes ?? (await media.keyframes(duration));
    const { threshold = CUT_THRESHOLD, min = 0, max = duration } = scenes ?? {};
    const marks = scenes ? await cutsOf(media, entries, duration, threshold) : entries;
    return { planned: spansBetween(marks, duration, min, max), keyframes: entries };
  }
  const planned = evenSpans(duration, Math.max(frame_interval, duration / (MAX_CHUNKS + 1)));
  const entries = listed?.keyframes ?? (await media.keyframesBefore(planned.map((span) => span.start)));
  return { planned, keyframes: entries };
}

function tooLarge(reader: RangeReader, what: string, next?: string): FailureError {
  const more = { where: reader.name, ...(next && { next }) };
  return new FailureError(fail("too_large", `${reader.name} ${what}`, more).failure);
}
