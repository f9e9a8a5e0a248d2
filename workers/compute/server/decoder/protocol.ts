// What the decoder child and its parent say to each other: jobs, their outputs, and the bytes of the object between
// them. Types only, so that neither process loads what belongs to the other.

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

export type DecoderJob = SplitJob | EmbedJob | ImageJob | ProbeJob | FramesJob | PartJob;

/** One item: its vector, or its frames for a model that runs elsewhere. */
export type SampledItem = Parts & {
  index: number;
  /** Seconds of the frames that were sampled. */
  sampled: number[];
  read: ReadCount;
  version: ObjectVersion;
};

/** Which version of an object was opened. */
export interface ObjectVersion {
  etag: string | undefined;
  size: number;
}

/** What a job may ask of the process that runs it. */
export interface JobHost {
  /** The object that the job is about. */
  bytes: ByteSource;
}

export type Output = Record<string, unknown> | SampledItem | { index: number; error: Failure };

/** What the child says to its parent. */
export type FromChild =
  | { type: "output"; output: Output }
  /** Asks for the object: to be opened, or for a range of it. */
  | { type: "open"; id: number }
  | { type: "read"; id: number; start: number; end: number; keep: boolean }
  /** A frame was decoded or a packet encoded, since it last asked or answered. */
  | { type: "alive" }
  /** A step begins that nothing is heard of until its end: most milliseconds of processor time. */
  | { type: "begins"; most: number }
  | { type: "end"; failure?: Failure };

export type ToChild =
  | { type: "job"; job: DecoderJob }
  | { type: "taken" }
  | { type: "bytes"; id: number; got: Result<OpenedObject> | Result<Piece> };

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
  /** At least one byte from `start` on, at most up to `end`. `keep`: others are likely to want them too. */
  read(start: number, end: number, keep: boolean): Promise<Result<Piece>>;
}

export interface Pixels {
  width: number;
  height: number;
  fit: "cover" | "contain" | "stretch";
  /** With `cover`: what the shorter side is scaled to before the middle is cut out. */
  resize?: number | undefined;
  resample: "bicubic" | "bilinear" | "area";
}

export type Take =
  | { as: "features"; builtin: Builtin }
  | ({ as: "pixels" } & Pixels)
  /** JPEG, its longer side at most `size` pixels. */
  | { as: "picture"; size: number };

/** Several of these become one vector, or travel on as they are. */
export type Parts = { embedding: string; dims: number } | { frames: Uint8Array[] };
