// The arithmetic that ends every embedding, wherever its model runs: several vectors as one, a length of one, and rows of
// int8, which is what search compares.
import { type Failure, FailureError } from "./failure.ts";

/** Several vectors as one: their mean, or the greatest of each number. */
export function pooled(vectors: readonly Float32Array[], how: "mean" | "max"): Float32Array {
  const [first, ...others] = vectors;
  const sum = Float64Array.from(first ?? []);
  for (const vector of others) {
    for (const [i, value] of vector.entries())
      sum[i] = how === "mean" ? (sum[i] ?? 0) + value : Math.max(sum[i] ?? value, value);
  }
  return Float32Array.from(how === "mean" ? sum.map((value) => value / vectors.length) : sum);
}

/** The vector as it is stored. Throws `bad_model` for one that is none. */
export function finished(vector: Float32Array, normalise: boolean): Float32Array {
  if (!vector.every(Number.isFinite)) {
    const failure: Failure = {
      kind: "bad_model",
      detail: "the model gives NaN or infinity",
      where: "models.json",
    };
    throw new FailureError(failure);
  }
  if (!normalise) return vector;
  const length = Math.hypot(...vector);
  return length === 0 ? vector.fill(1 / Math.sqrt(vector.length)) : vector.map((value) => value / length);
}

/** A vector as int8, its greatest number 127: its direction within a thousandth, its length left out. */
export function quantised(values: Float32Array): Int8Array {
  let greatest = 0;
  for (const value of values) greatest = Math.max(greatest, Math.abs(value));
  const scale = greatest === 0 ? 0 : 127 / greatest;
  return Int8Array.from(values, (value) => Math.round(value * scale));
}

/** The vectors of a span's frames as int8, row after row. */
export function quantisedRows(frames: readonly Float32Array[]): Int8Array {
  const dimensions = frames[0]?.length ?? 0;
  const rows = new Int8Array(frames.length * dimensions);
  // A frame without any structure gets equal parts, like a picture.
  for (const [row, frame] of frames.entries())
    rows.set(quantised(finished(frame.slice(), true)), row * dimensions);
  return rows;
}
