// Reads one object over HTTP in ranges: bytes by position, few requests, nothing read twice. Every range
// after the first must be of the same version (If-Match). Knows nothing of media.
import { Buffer } from "node:buffer";
import { FailureError, fail, type Result } from "../../../src/shapes/failure.ts";
import { type Fetched, fetchRange, objectName } from "./source.ts";
import { Spill } from "./spill.ts";

/** Where reading starts and what a jump to a new place asks for; sequential reads double it up to the most. */
const FIRST = 32 * 1024;
const MOST = 1024 * 1024;
/** What stays in memory; the index of a ten-hour film is under 30 MB. */
const CACHE = 64 * 1024 * 1024;

interface Extent {
  start: number;
  data: Buffer;
}

export interface ReadCount {
  bytes: number;
  requests: number;
}

/** An object open for reading. Its failures are thrown as {@link FailureError} and also kept in `failure`. */
export class RangeReader {
  readonly name: string;
  /** The first failure to read, for callers whose stack goes through native code that only sees an error code. */
  failure: FailureError | undefined;
  readonly read: ReadCount = { bytes: 0, requests: 0 };
  size = 0;
  etag: string | undefined;
  #url: string;
  #fetching: (on: boolean) => void;
  #extents: Extent[] = [];
  #lastEnd = -1;
  #window = FIRST;
  #spill: Spill | undefined;

  private constructor(url: string, fetching: (on: boolean) => void) {
    this.#url = url;
    this.#fetching = fetching;
    this.name = objectName(url);
  }

  /**
   * Reads the first range, which tells size and version. A source that ignores ranges is read once, to disk.
   * `fetching` hears when bytes are waited for and when they are there.
   */
  static async open(url: string, fetching: (on: boolean) => void = () => {}): Promise<Result<RangeReader>> {
    const reader = new RangeReader(url, fetching);
    try {
      await reader.#start();
      if (reader.size === 0) return fail("bad_media", `${reader.name} is empty`, { where: reader.name });
      return { ok: true, value: reader };
    } catch (error) {
      await reader.close();
      if (error instanceof FailureError) return { ok: false, failure: error.failure };
      throw error;
    }
  }

  /**
   * Bytes at `position`: at least one, at most `size`, empty at the end. Fewer than asked is normal; the
   * rest is the next call's. `expected` is how much the caller knows it will want from here on.
   */
  async at(position: number, size: number, expected = 0): Promise<Buffer> {
    if (position >= this.size) return empty;
    const held = this.#held(position);
    if (held) return held.data.subarray(position - held.start, position - held.start + size);
    const near = position >= this.#lastEnd && position - this.#lastEnd < this.#window;
    this.#window = near ? Math.min(this.#window * 2, MOST) : FIRST;
    const next = this.#extents.reduce(
      (least, e) => (e.start > position ? Math.min(least, e.start) : least),
      this.size,
    );
    const end = Math.min(position + (expected > 0 ? expected : this.#window), next);
    return (await this.#fetch(position, end)).subarray(0, size);
  }

  /** Exactly the bytes from `start` to `end`, which must lie inside the object. */
  async exactly(start: number, end: number): Promise<Uint8Array> {
    const whole = new Uint8Array(end - start);
    for (let position = start; position < end; ) {
      const piece = await this.at(position, end - position, Math.max(end - position, FIRST));
      whole.set(piece, position - start);
      position += piece.length;
    }
    return whole;
  }

  async close(): Promise<void> {
    this.#extents = [];
    await this.#spill?.close();
  }

  async #start(): Promise<void> {
    const first = await this.#get(0, FIRST);
    this.etag = first.etag;
    if (first.whole) {
      this.#spill = await Spill.fill(first.whole, this.name, (bytes) => {
        this.read.bytes += bytes;
        this.#fetching(true);
      });
      this.#fetching(false);
      this.size = this.#spill.size;
      return;
    }
    this.size = first.total;
    this.#keep(0, first.data);
  }

  async #fetch(start: number, end: number): Promise<Buffer> {
    if (this.#spill) return this.#spill.read(start, end - start);
    const got = await this.#get(start, end);
    if (got.whole || got.total !== this.size || (this.etag && got.etag !== this.etag)) {
      got.whole?.destroy();
      throw this.#failed(
        "conflict",
        "was overwritten while it was read",
        "Run it again: it will read the new one.",
      );
    }
    if (got.data.length === 0)
      throw this.#failed("unavailable", "came back without the bytes that were asked for");
    this.#keep(start, got.data);
    return got.data;
  }

  async #get(start: number, end: number): Promise<Fetched> {
    this.read.requests += 1;
    this.#fetching(true);
    const got = await fetchRange(this.#url, start, end, this.etag, () => {
      this.read.requests += 1;
    });
    if (!got.ok || !got.value.whole) this.#fetching(false);
    if (!got.ok) {
      this.failure = new FailureError(got.failure);
      throw this.failure;
    }
    this.read.bytes += got.value.data.length;
    return got.value;
  }

  #failed(kind: "conflict" | "unavailable", what: string, next?: string): FailureError {
    const { failure } = fail(kind, `${this.name} ${what}`, { where: this.name, ...(next ? { next } : {}) });
    this.failure = new FailureError(failure);
    return this.failure;
  }

  #held(position: number): Extent | undefined {
    return this.#extents.find((e) => e.start <= position && position < e.start + e.data.length);
  }

  #keep(start: number, data: Buffer): void {
    this.#extents.push({ start, data });
    this.#lastEnd = start + data.length;
    let total = this.#extents.reduce((sum, extent) => sum + extent.data.length, 0);
    while (total > CACHE && this.#extents.length > 1) total -= this.#extents.shift()?.data.length ?? 0;
  }
}

const empty = Buffer.alloc(0);
