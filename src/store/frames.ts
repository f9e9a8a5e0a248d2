// Vectors of a span's sampled frames as bytes, in collections and among kept embeddings: their number and their seconds as
// float64, then int8.
import { Buffer } from "node:buffer";
import type { SampledVectors } from "../shapes/item.ts";

/** Frames as bytes, for where they are kept: their number, their seconds, their vectors. */
export function framesToBytes({ seconds, values }: SampledVectors): Uint8Array {
  const head = new Float64Array([seconds.length, ...seconds]);
  return new Uint8Array(
    Buffer.concat([
      new Uint8Array(head.buffer),
      new Uint8Array(values.buffer, values.byteOffset, values.length),
    ]),
  );
}

/** The reverse of {@link framesToBytes}. */
export function framesFromBytes(bytes: Uint8Array): SampledVectors {
  // A copy, since float64 must lie at a multiple of 8; a Buffer's own `slice` is none.
  const whole = Uint8Array.from(bytes);
  const [count = 0] = new Float64Array(whole.buffer, 0, 1);
  const seconds = [...new Float64Array(whole.buffer, 8, count)];
  return { seconds, values: new Int8Array(whole.buffer, 8 * (1 + count)) };
}
