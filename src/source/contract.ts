// The contract of a Source, a store of objects as Weir reads it. A Source answers what is there *now*; events are only
// hints. r2.ts and s3.ts are siblings behind this contract, open.ts picks one by the connection's kind.

/** One look at an object. */
export interface Observed {
  /** Without quotes. */
  etag: string;
  /** Bytes. */
  size: number;
  version_id: string | null;
  content_type: string | null;
  /** Names in lower case. */
  metadata: Record<string, string>;
}

/** One object of a listing, with the attributes that the store lists. */
export interface Listed {
  key: string;
  size: number;
  etag: string;
  /** Present where the store lists it (R2). */
  content_type?: string | null;
  metadata?: Record<string, string>;
}

export interface Listing {
  objects: Listed[];
  /** Where the next page begins; absent on the last. */
  next?: string;
}

/** Every method throws a `FailureError`: `source_refused`, `unavailable`, `forbidden` for a foreign bucket. */
export interface Source {
  /** The object as it is now, or null when it is not there. One HEAD. */
  observe(bucket: string, key: string): Promise<Observed | null>;
  /** Its tags; `{}` where the store has none. One request. */
  tags(bucket: string, key: string): Promise<Record<string, string>>;
  /**
   * Where the store keeps it out of reach (`GLACIER`), if its bytes cannot be read until somebody restores it; null
   * where they can, or nobody can tell. One ranged GET of one byte: its headers alone do not say it everywhere.
   */
  archivedIn(bucket: string, key: string): Promise<string | null>;
  /** A URL that anybody can read the object by, in ranges, until `expires` (ms since the epoch). */
  url(bucket: string, key: string, expires: number): Promise<string>;
  /** One page of the bucket's objects, by key, at most 1,000. */
  list(
    bucket: string,
    query: { prefix?: string | undefined; cursor?: string | undefined; limit: number },
  ): Promise<Listing>;
}

/** An object that is to be put. */
export interface ObjectUpload {
  body: ReadableStream;
  /** Bytes; the body has no more and no less. */
  size: number;
  content_type: string;
  /** Names in lower case. */
  metadata: Record<string, string>;
}
