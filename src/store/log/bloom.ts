// A bloom filter over the keys of a segment's lines: it says for most objects, without a look at the lines, that there
// is none of them. A key's hash is random already, so its own digits are the positions. Pure.
import { Buffer } from "node:buffer";

/** Bits for each key and probes of them: one answer in a hundred is a false yes. */
const BITS_PER_KEY = 10;
const PROBES = 7;
const MIN_BYTES = 8;

/** A filter over lines' hashes; only the key's part of a hash counts (`keyHex`), whatever bucket it is in. */
export function buildBloom(hashes: Iterable<string>): Uint8Array {
  const keys = new Set([...hashes].map((hash) => hash.slice(8, 24)));
  const bits = new Uint8Array(Math.max(MIN_BYTES, Math.ceil((keys.size * BITS_PER_KEY) / 8)));
  for (const key of keys) {
    for (const position of positionsOf(key, bits.length * 8)) {
      bits[position >> 3] = (bits[position >> 3] ?? 0) | (1 << (position & 7));
    }
  }
  return bits;
}

/** False where no line is of an object with this hash. */
export function mayHold(bloom: Uint8Array, hash: string): boolean {
  return positionsOf(hash.slice(8, 24), bloom.length * 8).every(
    (position) => ((bloom[position >> 3] ?? 0) >> (position & 7)) & 1,
  );
}

/** By double hashing. The first digits of a hash are not used: all lines of one part of a day share them. */
function positionsOf(key: string, bits: number): number[] {
  const [start, step] = [Number.parseInt(key.slice(0, 8), 16), Number.parseInt(key.slice(8), 16) | 1];
  return Array.from({ length: PROBES }, (_, probe) => (start + probe * (step >>> 0)) % bits);
}

export const textOfBloom = (bloom: Uint8Array) => Buffer.from(bloom).toString("base64");
export const bloomOfText = (text: string): Uint8Array => Buffer.from(text, "base64");
