// What the decoder child does: plan a film's spans, embed spans or pictures, describe a picture. Each job
// yields its outputs as they come and throws a FailureError when it cannot go on. Pure steps live in
// plan.ts, hog.ts and colours.ts; HTTP and queues are the parent's.
import { Buffer } from "node:buffer";
import {
  AV_PIX_FMT_RGB24,
  FF_DECODER_GIF,
  FF_DECODER_MJPEG,
  FF_DECODER_PNG,
  FF_DECODER_TIFF,
  FF_DECODER_WEBP,
} from "node-av/constants";
import { Codec, type Frame } from "node-av/lib";
import { type Failure, FailureError, fail } from "../../../src/shapes/failure.ts";
import { refuseCutShort } from "./boxes.ts";
import { type Colour, mainColours } from "./colours.ts";
import { Decoder, packetOf, scaled } from "./decoder.ts";
import { featuresOf, pool } from "./features.ts";
import { KeyframeIndex } from "./keyframes.ts";
import { damaged, Media } from "./media.ts";
import type { Builtin, MediaKind } from "./models.ts";
import { countBefore, evenTimes, micro, type Span, spans, spread } from "./plan.ts";
import { RangeReader, type ReadCount } from "./reader.ts";
import { type Format, sniff } from "./sniff.ts";

export interface SplitJob {
  kind: "split";
  url: string;
  frame_interval: number;
  max_duration?: number | undefined;
}
export interface EmbedJob {
  kind: "embed";
  url: string;
  media: MediaKind;
  model: Builtin;
  /** `index` is the item's place in the request; several spans of one object share one reading of its index. */
  items: { index: number; span?: Span | undefined }[];
}
export interface ImageJob {
  kind: "image";
  url: string;
}
export type Job = SplitJob | EmbedJob | ImageJob;

/** One span as `/v1/split` answers it. Frames are numbered as they are shown, from 0; `last_frame` is in the span. */
export interface Chunk extends Span {
  index: number;
  first_frame: number;
  last_frame: number;
  keyframes: number[];
}
export interface Embedded {
  index: number;
  embedding: string;
  dims: number;
  /** Seconds of the frames that were sampled. */
  sampled: number[];
  read: ReadCount;
}
export type Output = Record<string, unknown> | Embedded | { index: number; error: Failure };

/** Spans in one answer: ten hours by seconds. */
const MOST_CHUNKS = 36_000;
/** Frames sampled from one span. */
const SAMPLES = 4;
const LARGEST_IMAGE = 64 * 1024 * 1024;
const COLOUR_SIDE = 128;

/** Runs a job, yielding each output when it is there. */
export async function* run(job: Job): AsyncGenerator<Output> {
  const opened = await RangeReader.open(job.url);
  if (!opened.ok) throw new FailureError(opened.failure);
  const reader = opened.value;
  try {
    const format = sniff(await reader.at(0, 1024));
    if (format === undefined) throw damaged(reader, "is neither a video nor a picture of a known format");
    if ("demuxer" in format && format.demuxer === "mov") await refuseCutShort(reader);
    if (job.kind === "split") yield await split(reader, expect(reader, format, "video"), job);
    else if (job.kind === "image") yield await describeImage(reader, expect(reader, format, "image"));
    else if (job.media === "image") yield* embedImage(reader, expect(reader, format, "image"), job);
    else yield* embedVideo(reader, expect(reader, format, "video"), job);
  } finally {
    await reader.close();
  }
}

type Of<K extends Format["kind"]> = Extract<Format, { kind: K }>;

function expect<K extends Format["kind"]>(reader: RangeReader, format: Format, kind: K): Of<K> {
  if (format.kind === kind) return format as Of<K>;
  throw damaged(
    reader,
    kind === "video" ? `is a ${format.name} picture, not a video` : `is a video, not a picture`,
  );
}

async function split(reader: RangeReader, format: Of<"video">, job: SplitJob): Promise<Output> {
  const index = format.demuxer === "mov" ? await KeyframeIndex.open(reader) : undefined;
  const media = await Media.open(reader, format.demuxer);
  try {
    const { info } = media;
    const listed = await index?.all(media.origin);
    if (index && !listed) throw damaged(reader, "lists more frames than ten hours have");
    // A header may promise hours; the table of frames is what is there.
    const length = listed && listed.end < info.duration - 1 ? listed.end : info.duration;
    if (!(length > 0)) throw damaged(reader, "does not say how long it is: it is damaged or cut short");
    const duration = Math.min(length, job.max_duration ?? length);
    if (duration / job.frame_interval > MOST_CHUNKS) throw tooMany(reader, duration, job.frame_interval);
    const planned = spans(duration, job.frame_interval);
    const keyframes = listed?.keyframes ?? (await media.keyframesBefore(planned.map((span) => span.start)));
    const frameAt = (time: number) =>
      listed ? countBefore(listed.frames, time) : Math.min(info.frames, Math.ceil(time * info.fps - 1e-6));
    const chunks: Chunk[] = planned.map((span, index) => ({
      index,
      ...span,
      first_frame: frameAt(span.start),
      last_frame: Math.max(frameAt(span.start), frameAt(span.end) - 1),
      keyframes: keyframes
        .slice(countBefore(keyframes, span.start), countBefore(keyframes, span.end))
        .map(micro),
    }));
    const frames = listed?.frames.length ?? info.frames;
    return { ...info, duration: micro(length), frames, chunks, read: reader.read, size: reader.size };
  } finally {
    index?.close();
    await media.close();
  }
}

function tooMany(reader: RangeReader, duration: number, interval: number): FailureError {
  const detail = `${reader.name} says it has ${Math.round(duration)} s: over ${MOST_CHUNKS} chunks of ${interval} s`;
  const next = "Ask for a larger frame_interval, or set max_duration.";
  return new FailureError(fail("too_large", detail, { where: reader.name, next }).failure);
}

async function* embedVideo(reader: RangeReader, format: Of<"video">, job: EmbedJob): AsyncGenerator<Output> {
  const index = format.demuxer === "mov" ? await KeyframeIndex.open(reader) : undefined;
  const media = await Media.open(reader, format.demuxer);
  let before: ReadCount = { bytes: 0, requests: 0 };
  try {
    for (const item of job.items) {
      try {
        const span = item.span ?? { start: 0, end: media.info.duration };
        const frames = await sampleSpan(media, index, span, job.model);
        if (frames.length === 0)
          throw damaged(reader, `has no frame to decode from ${span.start} to ${span.end} s`);
        yield { index: item.index, ...vector(frames), read: since(reader, before) };
      } catch (error) {
        if (!(error instanceof FailureError)) throw error;
        yield { index: item.index, error: error.failure };
      }
      before = { ...reader.read };
    }
  } finally {
    index?.close();
    await media.close();
  }
}

interface Sampled {
  time: number;
  features: Float32Array;
}

/**
 * Up to four frames of a span. Keyframes are what a film can be entered by and what an encoder sets at a
 * cut, so a span is its own keyframes, spread evenly; only a span without any is decoded from the keyframe
 * before it, to evenly spaced times.
 */
async function sampleSpan(
  media: Media,
  index: KeyframeIndex | undefined,
  span: Span,
  model: Builtin,
): Promise<Sampled[]> {
  const found = new Map<number, Sampled>();
  const add = ({ time, frame }: { time: number; frame: Frame }) =>
    found.set(time, { time, features: featuresOf(model, frame) });
  const take = (got: { time: number; frame: Frame } | undefined) => {
    if (!got || got.time < span.start - 1e-3 || got.time >= span.end || found.has(got.time)) return;
    add(got);
  };
  const entries = index
    ? spread(await index.within(span.start, span.end, media.origin), SAMPLES)
    : evenTimes(span, SAMPLES).map((time) => ({ time, bytes: 0 }));
  for (const entry of entries) take(await media.keyframe(entry.time, entry.bytes));
  if (found.size === 0) for await (const got of media.framesAt(evenTimes(span, SAMPLES))) take(got);
  // Sound may outlast the picture: a last span without a frame of its own shows the frame before it.
  if (found.size === 0 && span.start < media.info.duration) {
    const got = await media.keyframe(span.start);
    if (got) add(got);
  }
  return [...found.values()].sort((a, b) => a.time - b.time);
}

async function* embedImage(reader: RangeReader, format: Of<"image">, job: EmbedJob): AsyncGenerator<Output> {
  const features = await picture(reader, format, (frame) => featuresOf(job.model, frame));
  const embedded = vector([{ time: 0, features }]);
  let before: ReadCount = { bytes: 0, requests: 0 };
  for (const { index } of job.items) {
    yield { index, ...embedded, read: since(reader, before) };
    before = { ...reader.read };
  }
}

async function describeImage(reader: RangeReader, format: Of<"image">): Promise<Output> {
  const seen = await picture(reader, format, (frame) => {
    const { width, height } = frame;
    const shrink = Math.min(1, COLOUR_SIDE / Math.max(width, height));
    const [w, h] = [Math.max(1, Math.round(width * shrink)), Math.max(1, Math.round(height * shrink))];
    const colors: Colour[] = mainColours(scaled(frame, w, h, AV_PIX_FMT_RGB24));
    return { width, height, colors };
  });
  return { ...seen, format: format.name.toLowerCase(), read: reader.read };
}

const DECODERS = {
  mjpeg: FF_DECODER_MJPEG,
  png: FF_DECODER_PNG,
  webp: FF_DECODER_WEBP,
  gif: FF_DECODER_GIF,
  tiff: FF_DECODER_TIFF,
};

/** Decodes a still picture (the first one of an animation) and gives it to `use` while it is there. */
async function picture<T>(reader: RangeReader, format: Of<"image">, use: (frame: Frame) => T): Promise<T> {
  if (reader.size > LARGEST_IMAGE) {
    const detail = `${reader.name} is a picture of ${reader.size} bytes; 64 MB is the most`;
    throw new FailureError(fail("too_large", detail, { where: reader.name }).failure);
  }
  if ("demuxer" in format) {
    const media = await Media.open(reader, format.demuxer);
    try {
      const got = await media.keyframe(0);
      if (!got) throw damaged(reader, "cannot be decoded: it is damaged or cut short");
      return use(got.frame);
    } finally {
      await media.close();
    }
  }
  const packet = packetOf(Buffer.from(await reader.exactly(0, reader.size)));
  const decoder = Decoder.still(Codec.findDecoderByName(DECODERS[format.decoder]), reader.name);
  try {
    const frame = decoder.single(packet);
    if (!frame)
      throw damaged(reader, "cannot be decoded: it is damaged, cut short or over 100 million pixels");
    return use(frame);
  } finally {
    packet.free();
    decoder.close();
  }
}

/** Base64 of little-endian float32, which is what every platform that runs this stores. */
function vector(frames: Sampled[]): { embedding: string; dims: number; sampled: number[] } {
  const pooled = pool(frames.map((frame) => frame.features));
  const embedding = Buffer.from(pooled.buffer).toString("base64");
  return { embedding, dims: pooled.length, sampled: frames.map((frame) => micro(frame.time)) };
}

const since = (reader: RangeReader, before: ReadCount): ReadCount => ({
  bytes: reader.read.bytes - before.bytes,
  requests: reader.read.requests - before.requests,
});
