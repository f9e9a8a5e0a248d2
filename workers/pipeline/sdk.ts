// The package that handlers import: `import { definePipeline, FileTools } from "weir"`. All of it works only inside a run;
// the Worker around that (worker.ts, run.ts) is not visible to handlers.
import type { Event } from "../../src/shapes/event.ts";
import { currentRun } from "./context.ts";
import type {
  Chunk,
  FramesOptions,
  ImageInfo,
  Picture,
  Probe,
  Said,
  SplitOptions,
  TranscribeOptions,
  Transcript,
} from "./media.ts";

export type {
  Chunk,
  Event,
  FramesOptions,
  ImageInfo,
  Picture,
  Probe,
  Said,
  SplitOptions,
  TranscribeOptions,
  Transcript,
};

/** Weir's services for a handler. */
export interface Weir {
  /**
   * A signed, expiring URL of an object, readable in ranges. Fails the run for good when the bucket is not
   * the source connection's, and skips it when the object is not there.
   */
  fileUrl(bucket: string, key: string): Promise<string>;
  embed: {
    /**
     * Embeds one span of a video with a model of models.json. Calls made together travel together; a vector that is
     * kept from before, of the same bytes by the same definition, is not computed again.
     */
    video(chunk: Chunk, model: string): Promise<Float32Array>;
    /** Embeds a whole image. */
    image(fileUrl: string, model: string): Promise<Float32Array>;
    /** Embeds a text of at most 100,000 characters; its model cuts off the part that it has no room for. */
    text(text: string, model: string): Promise<Float32Array>;
  };
  /**
   * What is said in a film, or in a chunk of it, and when. Only sound with a voice in it is sent to the model, in
   * windows of at most 30 seconds. Segments are items as they are: `return (await weir.transcribe(fileUrl)).segments`.
   * What was heard before, of the same bytes by the same definition, is not asked for again. Fails the run for good
   * where the file has no sound.
   */
  transcribe(source: Chunk | string, options?: TranscribeOptions): Promise<Transcript>;
}

/** Second argument of a handler. */
export interface HandlerContext {
  weir: Weir;
  /** Aborts when the run's time is up. */
  signal: AbortSignal;
  /** Adds a line to the run's log (the last 100 lines are kept, 8 KB of them). */
  log(...parts: unknown[]): void;
}

/**
 * A handler turns one event into items that are stored: an array, an (async) iterable, or a single object.
 * Every element must be a JSON object; `Float32Array`s in it are stored as vectors.
 */
export type Handler = (event: Event, context: HandlerContext) => unknown;

/** A pipeline as its folder declares it. */
export interface Pipeline {
  handler: Handler;
}

/** Declares a pipeline: the default export of `pipelines/<alias>/handler.ts`. */
export function definePipeline(handler: Handler): Pipeline {
  return { handler };
}

export const FileTools = {
  /**
   * Plans a video's chunks without cutting it. By default half-open spans `[t, min(t + frameInterval,
   * duration))`, seconds, the last one short; only the container's index is read for them. By `scenes`, the
   * keyframes are decoded, and what lies between those that differ. Fails the run for good when the file is
   * no video, or not a whole one.
   */
  splitVideo: (fileUrl: string, options: SplitOptions = {}): Promise<Chunk[]> =>
    currentRun().compute.split(fileUrl, options),

  /** Still pictures of a video at chosen times, in their order; times past its end are left out. */
  frames: (fileUrl: string, options: FramesOptions): Promise<Picture[]> =>
    currentRun().compute.frames(fileUrl, options),

  /** Container, duration and streams of a video, or the size of an image, from the file's index alone. */
  probe: (fileUrl: string): Promise<Probe> => currentRun().compute.probe(fileUrl),

  /**
   * A chunk by itself, as MP4. Its packets are copied where it starts with a keyframe and MP4 takes its
   * codec; otherwise the picture is encoded again. At most two minutes.
   */
  clip: (chunk: Chunk): Promise<Uint8Array> => currentRun().compute.part("/v1/clip", chunk),

  /** A chunk's sound, as WAV: 16 kHz, one channel, 16 bits. Fails the run for good where there is none. */
  audio: (chunk: Chunk): Promise<Uint8Array> => currentRun().compute.part("/v1/audio", chunk),

  /** Size, format and dominant colours of an image. */
  imageInfo: (fileUrl: string): Promise<ImageInfo> => currentRun().compute.image(fileUrl),
};
