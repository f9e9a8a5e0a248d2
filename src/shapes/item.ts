// An Item is one thing that a handler returned; a set of items belongs to one object of one pipeline and
// is replaced as a whole. Lineage says where an item came from, down to the commit and the model.
import type { Event } from "./event.ts";
import type { Recipe } from "./model.ts";

/** A vector's place in its item (`embedding`, `faces.0.vector`) and what computed it. */
export interface Vector {
  path: string;
  /** Little-endian float32. */
  values: Float32Array;
  /** Model that really ran; absent when the handler brought the vector itself. */
  model?: string;
  /** The part of the video it describes, seconds, half-open. */
  span?: { start: number; end: number };
  /** Definition of the model, and how its parts became one vector. */
  recipe?: Recipe;
  /** The sampled frames that the span's vector follows from; absent where it is of one picture or a text. */
  frames?: SampledVectors;
}

/** Vectors of a span's sampled frames. */
export interface SampledVectors {
  /** Their places in the film, seconds, in order. */
  seconds: number[];
  /** One after another, each as int8 whose greatest number is 127. */
  values: Int8Array;
}

/** Identifies a set of items. */
export interface SetKey {
  alias: string;
  connection: string;
  bucket: string;
  key: string;
}

/** What all items of a set have in common. */
export interface SetLineage {
  event_id: string;
  run_id: string;
  version: string;
  commit: string;
  etag: string | null;
  version_id: string | null;
  size: number | null;
  event_time: Event["time"];
  stored_at: string;
  /**
   * Hash of the content type, metadata and tags that the handler was shown. Absent where no handler ran, as for an
   * object that is gone.
   */
  view?: string;
  /** How many pipelines stand between a person's object and these items: 1, and 1 more for each before it. */
  hops?: number;
  /** Content type and metadata of the object as the run saw it, which filters over items name. */
  content_type?: string;
  metadata?: Record<string, string>;
}

/** One item, ready to store: JSON text with each vector taken out, and the vectors. */
export interface NewItem {
  data: string;
  vectors: Vector[];
}

/** One item as it is read back. */
export interface StoredItem {
  id: string;
  position: number;
  set: SetKey;
  lineage: SetLineage;
  data: Record<string, unknown>;
  vectors: Vector[];
}
