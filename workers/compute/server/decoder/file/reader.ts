// Reader of one object for the decoder: bytes by position, in few and growing pieces, none asked for twice. They come
// from the parent, by message (objects/session.ts). Knows nothing of media.
import { Buffer } from "node:buffer";
import { FailureError, fail, type Result } from "../../../../../src/shapes/failure.ts";
import { Extents } from "../../extents.ts";
import type { ByteSource, OpenedObject, ReadCount } from "../protocol.ts";

/** Bytes that a jump to a new place asks for, and the most to which sequential reads double them. */
const JUMP_BYTES = 32 * 1024;
const MAX_WINDOW_BYTES = 1024 * 1024;
/** Bytes that stay in memory during a job; the rest of a long film's index is the parent's to keep. */
const MAX_CACHE_BYTES = 24 * 1024 * 1024;

/** An object open for reading. Its failures are thrown as {@link FailureError} and also kept in `failure`. */
export class RangeReader {
  readonly name: string;
  readonly size: number;
  readonly etag: string | undefined;
  /** The first failure to read, for callers whose stack goes through native code that only sees an error code. */
  failure: FailureError | undefined;
  readonly read: ReadCount;
  #bytes: ByteSource;
  #extents = new Extents();
  #ahead: { start: number; end: number; arrived: Promise<unknown> }[] = [];
  #lastEnd = -1;
  #window = JUMP_BYTES;

  private constructor(name: string, bytes: ByteSource, { size, etag, data, read }: OpenedObject) {
    this.name = name;
    this.size = size;
    this.etag = etag;
    this.read = { ...read };
    this.#bytes = bytes;
    this.#keep(0, data);
  }

  /** Opens an object by its first bytes, which come with its size and version. */
  static async open(name: string, bytes: ByteSource): Promise<Result<RangeReader>> {
    const opened = await bytes.open();
    if (!opened.ok) return opened;
    if (opened.value.size === 0) return fail("bad_media", `${name} is empty`, { where: name });
    return { ok: true, value: new RangeReader(name, bytes, opened.value) };
  }

  /**
   * Bytes at `position`: at least one, at most `size`, empty at the end. Fewer than `size` is normal; the
   * rest is the next call's. `expected` is how many bytes the caller knows it will need from here on.
   */
  async at(position: number, size: number, expected = 0): Promise<Buffer> {
    if (position >= this.size) return NO_BYTES;
    await this.#ahead.find(({ start, end }) => start <= position && position < end)?.arrived;
    const held = this.#extents.slice(position, position + size);
    if (held) return held;
    const near = position >= this.#lastEnd && position - this.#lastEnd < this.#window;
    this.#window = near ? Math.min(this.#window * 2, MAX_WINDOW_BYTES) : JUMP_BYTES;
    const window = expected > 0 ? expected : this.#window;
    const end = Math.min(position + window, this.#extents.nextStart(position, this.size));
    return (await this.#fetch(position, end, expected === 0)).subarray(0, size);
  }

  /** Asks for bytes that will be needed soon, without waiting. A failure to get them comes out of `at`. */
  ahead(start: number, bytes: number): void {
    const end = Math.min(start + bytes, this.size);
    if (start >= end || this.#extents.slice(start, end) || this.#ahead.some((other) => other.start === start))
      return;
    const arrived = this.#fetch(start, end, false).then(
      () => true,
      () => false,
    );
    const flight = { start, end, arrived };
    this.#ahead.push(flight);
    void arrived.then(() => {
      this.#ahead = this.#ahead.filter((other) => other !== flight);
    });
  }

  /** Exactly the bytes from `start` to `end`, which must lie inside the object. */
  async exactly(start: number, end: number): Promise<Uint8Array> {
    const whole = new Uint8Array(end - start);
    for (let position = start; position < end; ) {
      const piece =
        this.#extents.slice(position, end) ??
        (await this.#fetch(position, Math.min(Math.max(end, position + JUMP_BYTES), this.size), true));
      whole.set(piece.subarray(0, end - position), position - start);
      position += piece.length;
    }
    return whole;
  }

  close(): void {
    this.#extents.clear();
  }

  async #fetch(start: number, end: number, keep: boolean): Promise<Buffer> {
    const got = await this.#bytes.read(start, end, keep);
    if (!got.ok) {
      this.failure = new FailureError(got.failure);
      throw this.failure;
    }
    const { data, read } = got.value;
    this.read.bytes += read.bytes;
    this.read.requests += read.requests;
    this.#keep(start, data);
    return data;
  }

  #keep(start: number, data: Buffer): void {
    this.#extents.add(start, data);
    this.#lastEnd = start + data.length;
    this.#extents.shrink(MAX_CACHE_BYTES);
  }
}

const NO_BYTES = Buffer.alloc(0);

/** A `bad_media` failure that names the object. */
export function damaged(reader: RangeReader, what: string): FailureError {
  return new FailureError(fail("bad_media", `${reader.name} ${what}`, { where: reader.name }).failure);
}

/** The failure of a file that needs a key. */
export const encrypted = (reader: RangeReader): FailureError =>
  damaged(reader, "is encrypted, and there is no key to read it with");
