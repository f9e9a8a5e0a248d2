// Stored embeddings, by a hash of all that they follow from: object version, span or text, and the model's definition.
// workers/compute/results.ts keeps them; pipeline Workers look them up and add new ones.

/** A vector by its key. */
export interface StoredResult {
  /** 64 hex digits. */
  key: string;
  /** Little-endian float32. */
  vector: Uint8Array;
  /** Vectors of a span's sampled frames, as `framesToBytes` of src/store/frames.ts packs them. */
  frames?: Uint8Array | undefined;
}

export interface ResultStore {
  /** The stored vectors of these keys; each key at most once, in any order. */
  find(keys: string[]): Promise<StoredResult[]>;
  keep(results: StoredResult[]): Promise<void>;
}
