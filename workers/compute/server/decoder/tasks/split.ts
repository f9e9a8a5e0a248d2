// Plans a film's spans: by seconds, by its cuts, or by its keyframes. Cuts nothing; arithmetic is plan.ts's.
// Runs in the decoder child only.
import { FailureError, fail } from "../../../../../src/shapes/failure.ts";
import { damaged, type RangeReader } from "../file/reader.ts";
import type { VideoFormat } from "../file/sniff.ts";
import { type FrameTable, KeyframeIndex } from "../film/keyframes.ts";
import { cutsOf } from "../film/scenes.ts";
import { Media } from "../film/video.ts";
import type { Output, SplitJob } from "../protocol.ts";
import { between, countBefore, micro, overlapped, type Span, spans } from "../spans.ts";

/** One span as `/v1/split` answers it. Frames are numbered as they are shown, from 0; `last_frame` is in the span. */
export interface Chunk extends Span {
  index: number;
  first_frame: number;
  last_frame: number;
  /** Of the film. */
  fps: number;
  /** Seconds of those inside. By seconds, a container without an index only tells where its spans are entered. */
  keyframes: number[];
}

/** Spans in one answer: ten hours by seconds. */
const MOST_CHUNKS = 36_000;
/** Of the mean difference of two frames, 0 to 1, from which on it is a cut. */
const THRESHOLD = 0.1;
const LONGEST = 24 * 3600;
/** Seconds by which a film may be shorter or longer than its frames: sound, rounding. */
const SLACK = 1;
/** A header may round; beyond this it lies. */
const BELIEVED = 3600;

export async function split(reader: RangeReader, format: VideoFormat, job: SplitJob): Promise<Output> {
  const media = await Media.open(reader, format.demuxer);
  const index = format.demuxer === "mov" ? await KeyframeIndex.open(reader) : undefined;
  try {
    const { info } = media;
    const listed = await (index ? index.all() : media.table());
    if (index && !listed) throw damaged(reader, "lists more frames than ten hours have");
    const length = await lengthOf(reader, media, listed, await index?.promised());
    const duration = Math.min(length, job.max_duration ?? length);
    const { planned, keyframes } = await plan(media, listed, duration, job);
    if (planned.length > MOST_CHUNKS) {
      const next = "Ask for longer spans, or set max_duration.";
      throw tooMuch(reader, `has ${Math.round(duration)} s, which come to over ${MOST_CHUNKS} chunks`, next);
    }
    const frameAt = (time: number) =>
      listed ? countBefore(listed.frames, time) : Math.min(info.frames, Math.ceil(time * info.fps - 1e-6));
    const chunks: Chunk[] = overlapped(planned, job.overlap ?? 0, duration).map((span, index) => ({
      index,
      ...span,
      first_frame: frameAt(span.start),
      last_frame: Math.max(frameAt(span.start), frameAt(span.end) - 1),
      fps: info.fps,
      keyframes: keyframes
        .slice(countBefore(keyframes, span.start), countBefore(keyframes, span.end))
        .map(micro),
    }));
    const frames = listed ? frameAt(length) : info.frames;
    return { ...info, duration: micro(length), frames, chunks, read: reader.read, size: reader.size };
  } finally {
    index?.close();
    await media.close();
  }
}

/** How long the film is by its frames; one that says it is hours longer is refused. */
async function lengthOf(
  reader: RangeReader,
  media: Media,
  listed: FrameTable | undefined,
  promised = 0,
): Promise<number> {
  const duration = Math.max(promised, media.info.duration);
  const seen = async () => (await media.keyframesBefore([duration])).at(-1) ?? 0;
  const end = listed?.end ?? (duration > BELIEVED ? await seen() : duration);
  if (duration - end > BELIEVED) {
    const what = `says that it lasts ${Math.round(duration)} s, but its frames end at ${Math.round(end)} s`;
    throw damaged(reader, what);
  }
  const said = media.info.duration;
  // Sound may go on for a little longer than the frames, and the last frame than the header says. Frames far
  // past the end are what an edit list leaves out; an end far past the frames is a header that is wrong.
  const close = Math.abs(end - said) <= SLACK;
  const length = close ? (listed ? Math.max(end, said) : said) : Math.min(end, said) || end;
  if (!(length > 0))
    throw damaged(
      reader,
      "does not say how long it is: damaged, cut short, or a recording too large to count",
    );
  if (length > LONGEST) throw tooMuch(reader, `lasts ${Math.round(length)} s; ${LONGEST} s are the most`);
  return length;
}

/** Spans in the way that was asked for, and the keyframes that came to light. */
async function plan(
  media: Media,
  listed: FrameTable | undefined,
  duration: number,
  { frame_interval = 10, scenes, keyframes }: SplitJob,
): Promise<{ planned: Span[]; keyframes: number[] }> {
  if (scenes || keyframes) {
    const entries = listed?.keyframes ?? (await media.keyframes(duration));
    const { threshold = THRESHOLD, min = 0, max = duration } = scenes ?? {};
    const marks = scenes ? await cutsOf(media, entries, duration, threshold) : entries;
    return { planned: between(marks, duration, min, max), keyframes: entries };
  }
  const planned = spans(duration, Math.max(frame_interval, duration / (MOST_CHUNKS + 1)));
  const entries = listed?.keyframes ?? (await media.keyframesBefore(planned.map((span) => span.start)));
  return { planned, keyframes: entries };
}

function tooMuch(reader: RangeReader, what: string, next?: string): FailureError {
  const more = { where: reader.name, ...(next && { next }) };
  return new FailureError(fail("too_large", `${reader.name} ${what}`, more).failure);
}
