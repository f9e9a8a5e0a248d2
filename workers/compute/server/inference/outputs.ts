// Vectors out of a model's output: the rows of its tensor, the parts of each pooled into one. Everything that
// models.json says of them is checked here. Pure.
import type { Tensor } from "onnxruntime-node";
import { pooled } from "../../../../src/shapes/vector.ts";
import { badModel } from "./bad-model.ts";

/** Shape that models.json promises of an output. */
export interface TensorShape {
  rows: number;
  /** Undefined: as many as there are. */
  dimensions: number | undefined;
  pooling: "none" | "mean" | "cls" | "last";
  /** For each row, which of its parts count; all, when absent. */
  masks?: readonly (readonly number[])[];
}

/** One vector for each row. Throws {@link FailureError} `bad_model` where the tensor is not as declared. */
export function rowsOf(
  file: string,
  output: Tensor,
  { rows, dimensions, pooling, masks }: TensorShape,
): Float32Array[] {
  const dims = [...output.dims];
  while (dims.length > 2 && dims.at(-1) === 1) dims.pop();
  const parts = dims.length === 3 ? (dims[1] ?? 0) : 1;
  const width = dims.at(-1) ?? 0;
  const shape = `[${output.dims.join(", ")}]`;
  if (dims[0] !== rows || (dims.length !== 2 && dims.length !== 3) || !(parts > 0))
    throw badModel(`${file}: its output has the shape ${shape}, for ${rows} inputs`);
  if (dimensions !== undefined && width !== dimensions)
    throw badModel(`${file}: it gives ${width} numbers (${shape}); models.json says ${dimensions}`);
  if ((dims.length === 3) !== (pooling !== "none"))
    throw badModel(
      `${file}: its output has the shape ${shape}, and models.json says "pooling": "${pooling}"`,
    );
  const values = numbersOf(file, output);
  return Array.from({ length: rows }, (_, row) => {
    const part = (index: number) =>
      values.subarray((row * parts + index) * width, (row * parts + index + 1) * width);
    const mask = masks?.[row];
    const counted = Array.from({ length: parts }, (_, index) => index).filter(
      (index) => mask === undefined || mask[index] === 1,
    );
    if (pooling === "mean") return pooled(counted.map(part), "mean");
    return Float32Array.from(part(pooling === "last" ? (counted.at(-1) ?? 0) : 0));
  });
}

function numbersOf(file: string, { type, data }: Tensor): Float32Array {
  // Halves come as their bits where the runtime does not know the type.
  if (data instanceof Uint16Array) return Float32Array.from(new Float16Array(data.slice().buffer));
  if (type === "float32" || type === "float16" || type === "float64")
    return Float32Array.from(data as Float32Array);
  throw badModel(`${file}: its output holds ${type}, not floats`);
}
