// What the router asks of a pipeline's Worker beside its runs, by RPC: the vectors of a question, by the models that
// made those of the collection, and pictures of moments. Plain values, as they travel between Workers.
import type { Failure } from "./failure.ts";
import type { Space } from "./search.ts";

/** A question for vectors: in words, or by a picture at a signed URL of the router. */
export type QuestionSubject = { text: string } | { url: string };

export interface VectorQuestion {
  subject: QuestionSubject;
  /** Spaces that a vector is needed in. */
  spaces: Space[];
  /** How long the answer may take, ms. */
  patience_ms: number;
}

/** A space that no vector could be computed in. */
export interface MissingVector {
  space: Space;
  failure: Failure;
}

export interface VectorAnswer {
  vectors: { space: Space; values: Float32Array }[];
  missing: MissingVector[];
}

/** A still picture of a film's moment or of a picture, or a short part of a film or of a sound. */
export interface Moment {
  connection: string;
  bucket: string;
  key: string;
  /** The version of the object that it is of: of no other is it ever made. */
  etag: string;
  kind: "frame" | "clip" | "sound";
  /** Seconds. */
  at: number;
  /** Where a part ends, seconds. */
  end?: number | undefined;
  /** The longer side of a frame at most, pixels. */
  size: number;
}

/** Seconds of a clip at most. */
export const MAX_CLIP_SECONDS = 30;

export type MomentAnswer = { bytes: Uint8Array; type: string } | { failure: Failure };
