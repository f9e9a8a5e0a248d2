// A span's sound, decoded and resampled to one shape, each piece at its place in time: tasks/audio.ts writes it as WAV,
// and tasks/clip.ts has it encoded where MP4 has no room for the film's own codec. Decoder child only.
import { Buffer } from "node:buffer";
import {
  AV_CODEC_FLAG2_SKIP_MANUAL,
  AV_FRAME_DATA_SKIP_SAMPLES,
  AV_FRAME_FLAG_DISCARD,
  AV_NOPTS_VALUE,
  AV_SAMPLE_FMT_S16,
  AVERROR_EAGAIN,
  AVERROR_EOF,
  type AVSampleFormat,
  AVSEEK_FLAG_BACKWARD,
} from "node-av/constants";
import {
  avChannelLayoutDefault,
  avSampleFmtIsPlanar,
  Codec,
  CodecContext,
  Frame,
  Packet,
  SoftwareResampleContext,
  type Stream,
} from "node-av/lib";
import { damaged } from "../file/reader.ts";
import { reportProgress } from "../progress.ts";
import type { Span } from "../spans.ts";
import type { Container } from "./container.ts";

/** Decoding starts so many seconds early: codecs need some packets, of up to 128 ms, until they sound right. */
const RUN_UP_SECONDS = 0.5;
/** Containers round the times of packets; what is off by more than this (s), and half a packet, is a gap. */
const ROUNDING_SECONDS = 2e-3;
/** Frames in a row that are all off by more than so much (s), and are then believed. */
const BELIEVED_FRAMES = 8;
const BELIEVED_OFFSET_SECONDS = 5e-3;
/**
 * A gap (s) where packets say that they last longer or shorter than they do: MPEG-TS gives the time of the first of
 * several, and FFmpeg counts on from it by the rate of sound that the film began with.
 */
const SURE_GAP_SECONDS = 0.7;

/** Shape that sound is resampled to. */
export interface SoundShape {
  /** Samples per second. */
  rate: number;
  channels: number;
  format: AVSampleFormat;
}
/** A stretch of sound. `at` counts samples from the start of the span, below zero for what comes before it. */
export interface SoundPiece {
  at: number;
  count: number;
  /** Its samples: of all channels, or of each where the format is planar. */
  planes: Buffer[];
}

/**
 * The sound of a span and a little around it, piece by piece; silence is where no piece is. `origin` is the
 * container's time of the film's first frame, seconds. Throws `bad_media` for sound that nothing here decodes.
 */
export async function* hear(
  container: Container,
  stream: Stream,
  span: Span,
  origin: number,
  shape: SoundShape,
): AsyncGenerator<SoundPiece> {
  const decoder = openDecoder(container, stream);
  const placer = new Placer(shape, span.start + origin);
  const [packet, frame] = [new Packet(), new Frame()];
  try {
    packet.alloc();
    frame.alloc();
    const unit = stream.timeBase.toDouble();
    const from = BigInt(Math.floor((span.start + origin - RUN_UP_SECONDS) / unit));
    const { context } = container;
    // A jump to before its first packet fails in MP3, and leaves the reader behind it.
    if ((await context.seekFrame(stream.index, from, AVSEEK_FLAG_BACKWARD)) < 0)
      await context.seekFrame(stream.index, 0n, AVSEEK_FLAG_BACKWARD);
    while (
      (placer.cursor ?? span.start + origin) < span.end + origin &&
      (await context.readFrame(packet)) >= 0
    ) {
      if (packet.streamIndex === stream.index) {
        decoder.sendPacketSync(packet);
        placer.promised = Number(packet.duration) * unit;
        yield* decoded(decoder, frame, unit, placer);
      }
      packet.unref();
    }
    if (container.reader.failure) throw container.reader.failure;
    decoder.sendPacketSync(null);
    yield* decoded(decoder, frame, unit, placer);
    yield* placer.flush();
  } finally {
    packet.free();
    frame.free();
    placer.close();
    decoder.freeContext();
  }
}

function openDecoder(container: Container, stream: Stream): CodecContext {
  const decoder = new CodecContext();
  const codec = Codec.findDecoder(stream.codecpar.codecId);
  decoder.allocContext3(codec);
  decoder.parametersToContext(stream.codecpar);
  decoder.pktTimebase = stream.timeBase;
  // What a codec needs to get going has times before the film's own, and is cut off by them. Left to the
  // decoder, it would be cut off after a seek too, where it is none.
  decoder.setFlags2(AV_CODEC_FLAG2_SKIP_MANUAL);
  if (codec !== null && decoder.open2Sync(codec) >= 0) return decoder;
  decoder.freeContext();
  throw damaged(container.reader, "has sound that nothing here decodes");
}

function* decoded(decoder: CodecContext, frame: Frame, unit: number, placer: Placer): Generator<SoundPiece> {
  for (;;) {
    const got = decoder.receiveFrameSync(frame);
    if (got === AVERROR_EAGAIN || got === AVERROR_EOF) return;
    if (got >= 0) reportProgress();
    // An edit list leaves this out.
    if (got < 0 || frame.hasFlags(AV_FRAME_FLAG_DISCARD)) continue;
    yield* placer.place(frame, frame.pts === AV_NOPTS_VALUE ? undefined : Number(frame.pts) * unit);
  }
}

/** Resamples frames that follow one another, and begins anew where they do not or are of another shape. */
class Placer {
  /** The container's time at which the next frame follows, seconds. */
  cursor: number | undefined;
  /** Seconds that the packet of the next frames says it lasts; 0 where it does not. */
  promised = 0;
  #shape: SoundShape;
  #start: number;
  #resampler: SoftwareResampleContext | undefined;
  #inputShape = "";
  #next = 0;
  /** Whether the frame before was of a packet that promised another length. */
  #misled = false;
  /** By how much the latest frames came later than the ones before them ended, seconds. */
  #late: number[] = [];

  constructor(shape: SoundShape, start: number) {
    this.#shape = shape;
    this.#start = start;
  }

  /** Takes a frame of a time, in seconds; of none, it follows the one before. */
  *place(frame: Frame, time: number | undefined): Generator<SoundPiece> {
    const { sampleRate, format, channelLayout } = frame;
    const seconds = frame.nbSamples / sampleRate;
    const inputShape = [sampleRate, format, channelLayout.nbChannels, channelLayout.mask].join();
    const misled = this.promised > 0 && Math.abs(this.promised - seconds) > ROUNDING_SECONDS;
    const follows = this.cursor ?? time ?? this.#start;
    const late = time === undefined ? 0 : this.#lateness(time - follows, seconds, misled);
    const jumps = late !== 0;
    // Where another sound begins, it does so when it says, unless that is next to nothing.
    const begins = inputShape !== this.#inputShape && time !== undefined && !this.#misled;
    const at = begins && Math.abs(time - follows) > BELIEVED_OFFSET_SECONDS ? time : follows + late;
    this.#misled = misled;
    if (jumps || inputShape !== this.#inputShape) {
      yield* this.flush();
      this.#resampler = this.#resamplerOf(frame);
      this.#inputShape = inputShape;
      this.#next = Math.round((at - this.#start) * this.#shape.rate);
    }
    this.cursor = at + seconds;
    yield* this.#convert(frame.extendedData ?? [], frame.nbSamples - paddingOf(frame));
  }

  /** By how much a frame is to be moved that is `off` from where the one before ended, and lasts `seconds`. */
  #lateness(off: number, seconds: number, misled: boolean): number {
    if (Math.abs(off) > (misled ? SURE_GAP_SECONDS : Math.max(ROUNDING_SECONDS, seconds / 2))) {
      this.#late = [];
      return off;
    }
    if (misled) return 0;
    this.#late = [...this.#late, off].slice(-BELIEVED_FRAMES);
    const [first = 0] = this.#late;
    const agree = this.#late.every(
      (each) => Math.abs(each) > BELIEVED_OFFSET_SECONDS && Math.sign(each) === Math.sign(first),
    );
    if (!agree || this.#late.length < BELIEVED_FRAMES) return 0;
    const mean = this.#late.reduce((sum, each) => sum + each, 0) / BELIEVED_FRAMES;
    this.#late = [];
    return mean;
  }

  /** Yields what the resampler still holds. */
  *flush(): Generator<SoundPiece> {
    if (this.#resampler) yield* this.#convert(null, 0);
    this.close();
  }

  close(): void {
    this.#resampler?.free();
    this.#resampler = undefined;
  }

  *#convert(samples: Buffer[] | null, count: number): Generator<SoundPiece> {
    const { channels, format } = this.#shape;
    const most = this.#resampler?.getOutSamples(count) ?? 0;
    if (!this.#resampler || most <= 0) return;
    const width = format === AV_SAMPLE_FMT_S16 ? 2 : 4;
    const planes = avSampleFmtIsPlanar(format)
      ? Array.from({ length: channels }, () => Buffer.alloc(most * width))
      : [Buffer.alloc(most * width * channels)];
    const got = this.#resampler.convertSync(planes, most, samples, count);
    if (got < 0) throw new Error("the resampler failed");
    const size = (got * width * channels) / planes.length;
    if (got > 0) yield { at: this.#next, count: got, planes: planes.map((plane) => plane.subarray(0, size)) };
    this.#next += got;
  }

  #resamplerOf({ channelLayout, format, sampleRate }: Frame): SoftwareResampleContext {
    const resampler = new SoftwareResampleContext();
    const layout = avChannelLayoutDefault(this.#shape.channels);
    const [to, from] = [this.#shape.format, format as AVSampleFormat];
    resampler.allocSetOpts2(layout, to, this.#shape.rate, channelLayout, from, sampleRate);
    if (resampler.init() < 0) throw new Error("the resampler cannot be set up");
    return resampler;
  }
}

/** Samples at the end of a frame that only fill it up. */
function paddingOf(frame: Frame): number {
  const skipped = frame.getSideData(AV_FRAME_DATA_SKIP_SAMPLES);
  return skipped && skipped.length >= 8 ? Math.min(frame.nbSamples, skipped.readUInt32LE(4)) : 0;
}
