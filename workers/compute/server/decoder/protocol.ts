// Messages between the decoder child and its parent: jobs, their outputs, and the bytes of the object in between.
// Types only, so that neither process loads what belongs to the other.
import type { Buffer } from "node:buffer";
import type { Failure, Result } from "../../../../src/shapes/failure.ts";
import type { Builtin } from "../../../../src/shapes/model.ts";
import type { PictureFormat } from "./frame/encode.ts";
import type { Span } from "./spans.ts";

/** At most one of `frame_interval`, `scenes` and `keyframes`; times are seconds. */
export interface SplitJob {
  kind: "split";
  url: string;
  frame_interval?: number | undefined;
  scenes?: { threshold?: number | undefined; min?: number | undefined; max?: number | undefined } | undefined;
  keyframes?: true | undefined;
  max_duration?: number | undefined;
  overlap?: number | undefined;
}

/** Spans of one film, or one picture, and what a model takes of their frames. */
export interface EmbedJob {
  kind: "embed";
  url: string;
  media: "video" | "image";
  take: Take;
  /** Frames of a span, at most. */
  count: number;
  /** `index` is the item's place in the request; several spans of one object share one reading of its index. */
  items: { index: number; span?: Span | undefined }[];
}

export interface ImageJob {
  kind: "image";
  url: string;
}

export interface ProbeJob {
  kind: "probe";
  url: string;
}

/** Still pictures at chosen times (`at`) or every so many seconds (`every`). */
export interface FramesJob {
  kind: "frames";
  url: string;
  at?: number[] | undefined;
  every?: number | undefined;
  /** The longer side at most, pixels. */
  size: number;
  format: PictureFormat;
}

/** A span by itself, as a file. */
export interface PartJob {
  kind: "clip" | "audio";
  url: string;
  span: Span;
}

/** The parts of a film's sound in which somebody speaks, between two seconds of it. */
export interface SpeechJob {
  kind: "speech";
  url: string;
  from: number;
  until?: number | undefined;
}

export type DecoderJob = SplitJob | EmbedJob | ImageJob | ProbeJob | FramesJob | PartJob | SpeechJob;

/** One item: its vector, or its frames for a model that runs elsewhere. */
export type SampledItem = Parts & {
  index: number;
  /** Seconds of the frames that were sampled. */
  sampled: number[];
  read: ReadCount;
  version: ObjectVersion;
};

/** Version of an object that was opened. */
export interface ObjectVersion {
  etag: string | undefined;
  size: number;
}

/** Services that a job gets from the process that runs it. */
export interface JobHost {
  /** Bytes of the object that the job is about. */
  bytes: ByteSource;
}

export type Output = Record<string, unknown> | SampledItem | { index: number; error: Failure };

/** Messages of the child to its parent. */
export type FromChild =
  | { type: "output"; output: Output }
  /** Requests for the object: to open it, and for a range of it. */
  | { type: "open"; id: number }
  | { type: "read"; id: number; start: number; end: number; keep: boolean }
  /** Heartbeat: still working. */
  | { type: "alive" }
  /** Start of a step without a heartbeat until its end: most milliseconds of processor time. */
  | { type: "begins"; most: number }
  | { type: "end"; failure?: Failure };

/** Messages of the parent to its child; `taken`: the last output was passed on. */
export type ToChild =
  | { type: "job"; job: DecoderJob }
  | { type: "taken" }
  | { type: "bytes"; id: number; got: Result<OpenedObject> | Result<Piece> };

/** Cost of reading: bytes that came from the source, and requests to it. */
export interface ReadCount {
  bytes: number;
  requests: number;
}

/** Bytes, and what they cost: nothing where another job had read them. */
export interface Piece {
  data: Buffer;
  read: ReadCount;
}

/** An object's version, and the first of its bytes. */
export interface OpenedObject extends Piece {
  size: number;
  etag: string | undefined;
}

/** Where a reader's bytes come from. */
export interface ByteSource {
  open(): Promise<Result<OpenedObject>>;
  /** At least one byte from `start` on, at most up to `end`. `keep`: other jobs are likely to need them too. */
  read(start: number, end: number, keep: boolean): Promise<Result<Piece>>;
}

/** Pixels as a model takes them: their size, and how a frame is brought to it. */
export interface Pixels {
  width: number;
  height: number;
  fit: "cover" | "contain" | "stretch";
  /** With `cover`: what the shorter side is scaled to before the middle is cut out. */
  resize?: number | undefined;
  resample: "bicubic" | "bilinear" | "area";
}

/** The part of a frame that a model takes: its features, its pixels, or a picture. */
export type Take =
  | { as: "features"; builtin: Builtin }
  | ({ as: "pixels" } & Pixels)
  /** JPEG, its longer side at most `size` pixels. */
  | { as: "picture"; size: number };

/**
 * One vector (base64 of float32) of a span's frames, with their own (base64 of int8, row after row); or the frames
 * themselves for a model that runs elsewhere.
 */
export type Parts =
  | { embedding: string; dims: number; frame_vectors?: string | undefined }
  | { frames: Uint8Array[] };
