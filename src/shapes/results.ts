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
  /** Hash of the object that was read (`objectHex`); absent of a text, which is nobody's. */
  object?: string | undefined;
}

export interface ResultStore {
  /** The stored vectors of these keys; each key at most once, in any order. */
  find(keys: string[]): Promise<StoredResult[]>;
  keep(results: StoredResult[]): Promise<void>;
}

/** A store as an erasure sees it. */
export interface ErasableResults extends ResultStore {
  /**
   * Erases what was read of an object, and what is of nobody or of nobody knows whom, since a text may be the object's:
   * all of it can be computed again. Returns how much there was.
   */
  erase(object: string, dry: boolean): Promise<number>;
}
