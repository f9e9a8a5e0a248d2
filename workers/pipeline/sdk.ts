// What handlers import: `import { definePipeline, FileTools } from "weir"`. Everything here works only
// inside a run; the Worker around it (worker.ts, run.ts) is not visible to handlers.
import type { Event } from "../../src/shapes/event.ts";
import type { Chunk, ImageInfo, SplitOptions } from "./compute.ts";
import { currentRun } from "./context.ts";

export type { Chunk, Event, ImageInfo, SplitOptions };

/** What Weir offers a handler for the object at hand. */
export interface Weir {
  /**
   * A signed, expiring URL of an object, readable in ranges. Fails the run for good when the bucket is not
   * the source connection's, and skips it when the object is not there.
   */
  fileUrl(bucket: string, key: string): Promise<string>;
  embed: {
    /** Embeds one span of a video. Calls made together travel together. */
    video(chunk: Chunk, model: string): Promise<Float32Array>;
    /** Embeds a whole image. */
    image(fileUrl: string, model: string): Promise<Float32Array>;
  };
}

export interface HandlerContext {
  weir: Weir;
  /** Aborts when the run's time is up. */
  signal: AbortSignal;
  /** Adds a line to the run's log (the last 100 lines are kept). */
  log(...parts: unknown[]): void;
}

/**
 * A handler turns one event into what is stored: an array, an (async) iterable, or a single object.
 * Every element must be a JSON object; `Float32Array`s in it are stored as vectors.
 */
export type Handler = (event: Event, context: HandlerContext) => unknown;

export interface Pipeline {
  handler: Handler;
}

/** Declares a pipeline: the default export of `pipelines/<alias>/handler.ts`. */
export function definePipeline(handler: Handler): Pipeline {
  return { handler };
}

export const FileTools = {
  /**
   * Plans a video's chunks without cutting it: half-open spans `[t, min(t + frameInterval, duration))`,
   * seconds, the last one short. Reads only the container's index.
   */
  splitVideo: (fileUrl: string, options: SplitOptions = {}): Promise<Chunk[]> =>
    currentRun().compute.split(fileUrl, options),

  /** Size, format and dominant colours of an image. */
  imageInfo: (fileUrl: string): Promise<ImageInfo> => currentRun().compute.image(fileUrl),
};
