// Boxes and their fields in memory: what the item tables of HEIF are read with. Past its end a field is zero, so
// what is damaged comes to nothing rather than to an exception.
import type { Buffer } from "node:buffer";

export interface BoxView {
  type: string;
  body: Buffer;
}

/** Boxes one after the other, as far as they are whole. */
export function boxesIn(bytes: Buffer): BoxView[] {
  const boxes: BoxView[] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const size = bytes.readUInt32BE(at) || bytes.length - at;
    if (size < 8 || at + size > bytes.length) break;
    boxes.push({ type: bytes.toString("latin1", at + 4, at + 8), body: bytes.subarray(at + 8, at + size) });
    at += size;
  }
  return boxes;
}

/** The boxes in a box, behind so many bytes of its own. */
export const childrenOf = (body: Buffer, own: number): BoxView[] => boxesIn(body.subarray(own));

/** Numbers one after the other, most significant byte first. */
export class Fields {
  readonly #bytes: Buffer;
  #at = 0;
  flags = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** The version of a full box; its flags are kept. */
  version(): number {
    const version = this.u8();
    this.flags = this.uint(3);
    return version;
  }

  u8 = (): number => this.uint(1);
  u16 = (): number => this.uint(2);
  u32 = (): number => this.uint(4);

  /** A number of up to eight bytes. */
  uint(size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + (this.#bytes[this.#at + i] ?? 0);
    this.#at += size;
    return value;
  }

  letters(count: number): string {
    this.#at += count;
    return this.#bytes.toString("latin1", this.#at - count, this.#at);
  }

  get isOver(): boolean {
    return this.#at >= this.#bytes.length;
  }
}
