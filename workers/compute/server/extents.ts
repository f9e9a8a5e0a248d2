// The pieces of one object that are in memory, each at its place in it. The decoder's reader (decoder/file/reader.ts)
// holds those of its job, the parent's cache (objects/objects.ts) those of all jobs. Knows no network and no media.
import type { Buffer } from "node:buffer";

interface Extent {
  start: number;
  data: Buffer;
}

/** Pieces of one object, in the order in which they came. Positions are bytes from the object's start. */
export class Extents {
  #extents: Extent[] = [];
  #bytes = 0;

  /** Bytes of all pieces together. */
  get bytes(): number {
    return this.#bytes;
  }

  add(start: number, data: Buffer): void {
    this.#extents.push({ start, data });
    this.#bytes += data.length;
  }

  /** Bytes from `start` up to `end` at most, out of one piece: perhaps fewer. Undefined where no piece has `start`. */
  slice(start: number, end: number): Buffer | undefined {
    const extent = this.#extents.find((each) => each.start <= start && start < each.start + each.data.length);
    return extent?.data.subarray(start - extent.start, end - extent.start);
  }

  /** The position behind `position` at which the next piece begins; `end` where none begins before it. */
  nextStart(position: number, end: number): number {
    return this.#extents.reduce(
      (least, { start }) => (start > position ? Math.min(least, start) : least),
      end,
    );
  }

  /** Drops the oldest pieces until the rest has at most `maxBytes`. The newest stays. Returns the bytes that went. */
  shrink(maxBytes: number): number {
    const before = this.#bytes;
    while (this.#bytes > maxBytes && this.#extents.length > 1)
      this.#bytes -= this.#extents.shift()?.data.length ?? 0;
    return before - this.#bytes;
  }

  clear(): void {
    this.#extents = [];
    this.#bytes = 0;
  }
}
