// Options and answers of compute's media calls, and the Chunk that a handler holds. compute.ts sends and reads them;
// sdk.ts shows them to handlers.
import { z } from "zod";
import type { Failure } from "../../src/shapes/failure.ts";

export interface SplitOptions {
  /** Seconds per chunk; 10 when no way to split is named. */
  frameInterval?: number;
  /**
   * A chunk for each scene. `threshold` is the mean difference of two frames' pixels, 0 to 1, from which on
   * it is a cut (0.1); a scene shorter than `min` seconds joins the next, one longer than `max` is divided.
   */
  scenes?: { threshold?: number; min?: number; max?: number };
  /** A chunk from each keyframe to the next. */
  keyframes?: true;
  /** Seconds of the film, from its start, that are split at all. */
  maxDuration?: number;
  /** Seconds by which each chunk reaches into those after it. */
  overlap?: number;
}

export type FramesOptions = (
  | { /** Times of the frames, seconds. */ at: number[] }
  | { /** Seconds from frame to frame, the first at 0. */ every: number }
) & {
  /** The longer side at most, pixels; 640 when absent, 4096 the most. */
  size?: number;
  /** `jpeg` when absent. */
  format?: "jpeg" | "png" | "webp";
};

/** A part of a video: `[start, end)`, seconds. Its signed URL is kept out of anything that is stored. */
export class Chunk {
  readonly index: number;
  readonly start: number;
  readonly end: number;
  readonly firstFrame: number;
  readonly lastFrame: number;
  /** Frames a second, of the whole film. */
  readonly fps: number;
  /** Seconds of the keyframes inside. */
  readonly keyframes: number[];
  readonly #url: string;

  constructor(url: string, from: z.infer<typeof splitSchema>["chunks"][number]) {
    this.#url = url;
    this.index = from.index;
    this.start = from.start;
    this.end = from.end;
    this.firstFrame = from.first_frame;
    this.lastFrame = from.last_frame;
    this.fps = from.fps;
    this.keyframes = from.keyframes;
  }

  get url(): string {
    return this.#url;
  }
}

export const splitSchema = z.object({
  chunks: z.array(
    z.object({
      index: z.number(),
      start: z.number(),
      end: z.number(),
      first_frame: z.number(),
      last_frame: z.number(),
      fps: z.number(),
      keyframes: z.array(z.number()),
    }),
  ),
});

export const imageSchema = z.object({
  width: z.number(),
  height: z.number(),
  format: z.string(),
  /** Dominant colours with their share of the picture, largest first. */
  colors: z.array(z.object({ hex: z.string(), share: z.number() })),
});
export type ImageInfo = z.infer<typeof imageSchema>;

export const probeSchema = z.object({
  kind: z.enum(["video", "image"]),
  /** `MP4`, `Matroska`, `JPEG` … */
  container: z.string(),
  /** Bytes. */
  size: z.number(),
  /** Duration of a film, seconds; a picture has none. */
  duration: z.number().optional(),
  /** Size of a picture as it is shown; of a film, each stream has its own. */
  width: z.number().optional(),
  height: z.number().optional(),
  streams: z.array(
    z.object({
      index: z.number(),
      type: z.enum(["video", "audio", "subtitle", "other"]),
      codec: z.string(),
      /** Size as shown, after a turn by `rotation` degrees clockwise. */
      width: z.number().optional(),
      height: z.number().optional(),
      rotation: z.number().optional(),
      fps: z.number().optional(),
      frames: z.number().optional(),
      sample_rate: z.number().optional(),
      channels: z.number().optional(),
    }),
  ),
});
export type Probe = z.infer<typeof probeSchema>;

/** A still picture of a film's moment. */
export interface Picture {
  /** Start of the frame that is shown at the chosen time, seconds. */
  time: number;
  width: number;
  height: number;
  format: "jpeg" | "png" | "webp";
  bytes: Uint8Array;
}

export interface TranscribeOptions {
  /** A model of models.json with `"task": "transcribe"`; the only one that the pipeline may use, when absent. */
  model?: string;
  /** Language that is spoken (ISO 639-1: `en`), for the model; it finds out by itself when absent. */
  language?: string;
}

/** A text, and when it is said: seconds of the film. Returned as an item, it is found with its second. */
export interface Said {
  text: string;
  start: number;
  end: number;
}

/** Speech of a film, or of a chunk of it. Times are seconds of the film, for a chunk as well. */
export interface Transcript {
  text: string;
  /** Language by the model, as it writes it (`en`, `english`); null where it does not say. */
  language: string | null;
  /** Sentences, or what the model takes together, in the order of time. */
  segments: Said[];
  /** Empty where the model gives no times of words. */
  words: Said[];
  /** Seconds of sound that the model was given: those with a voice in them. */
  heardSeconds: number;
}

export const failureSchema = z.custom<Failure>(
  (value) => z.object({ kind: z.string(), detail: z.string() }).safeParse(value).success,
);
/** Version of the object that compute read. */
const readVersion = z.object({ etag: z.string().optional(), size: z.number() });
const errorLineSchema = z.object({ index: z.int(), error: failureSchema });
export const vectorLineSchema = z.union([
  z.object({
    index: z.int(),
    embedding: z.base64(),
    model: z.string(),
    version: readVersion.optional(),
    /** Seconds of a span's frames, and their vectors as int8, row after row. */
    sampled: z.array(z.number()).optional(),
    frame_vectors: z.base64().optional(),
  }),
  errorLineSchema,
]);
export const picturesLineSchema = z.union([
  z.object({
    index: z.int(),
    pictures: z.array(z.base64()).min(1),
    version: readVersion,
    /** Seconds of the pictures. */
    sampled: z.array(z.number()).optional(),
  }),
  errorLineSchema,
]);
/** A window of speech, WAV; at last, where to go on, and that the answer is whole. */
export const speechLineSchema = z.union([
  z.object({ start: z.number(), end: z.number(), data: z.base64(), version: readVersion }),
  z.object({ next: z.number().nullable(), version: readVersion }),
  z.object({ error: failureSchema }),
  z.object({ done: z.int() }),
]);
const saidSchema = z.array(z.object({ text: z.string(), start: z.number(), end: z.number() }));
/** What a model heard in a window, in the window's own seconds. */
export const heardSchema = z.object({
  language: z.string().nullable(),
  segments: saidSchema,
  words: saidSchema,
});
export type Heard = z.infer<typeof heardSchema>;
/** A stretch of a film with a voice in it, to be sent to a model. */
export interface SpeechWindow {
  start: number;
  end: number;
  wav: Uint8Array<ArrayBuffer>;
  version: z.infer<typeof readVersion>;
}
export const frameLineSchema = z.union([
  z.object({
    time: z.number(),
    width: z.number(),
    height: z.number(),
    format: z.enum(["jpeg", "png", "webp"]),
    data: z.base64(),
  }),
  z.object({ error: failureSchema }),
  /** The last line of a whole answer. */
  z.object({ done: z.int() }),
]);
