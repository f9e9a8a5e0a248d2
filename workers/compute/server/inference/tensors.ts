// Tensors of pixels as a model takes them: layout, order of colours, numbers. Pure arithmetic over RGB bytes that the
// decoder children scaled and cut.
import { Tensor } from "onnxruntime-node";
import type { ImageInput, VideoInput } from "../../../../src/shapes/model.ts";

export const sizeOf = ({ size }: ImageInput | VideoInput): { width: number; height: number } =>
  typeof size === "number" ? { width: size, height: size } : size;

/**
 * The tensor of some rows, each of them the frames that belong together: one for a model of pictures, as many as
 * it takes for a model of film. A frame is RGB, rows without padding.
 */
export function pixelTensor(
  rows: readonly (readonly Uint8Array[])[],
  input: ImageInput | VideoInput,
): Tensor {
  const { width, height } = sizeOf(input);
  const frames = rows[0]?.length ?? 0;
  const plane = width * height;
  const each = plane * 3;
  const step = stepsOf(input.layout, frames, plane);
  const numbers = arrayOf(input, rows.length * frames * each);
  const value = valuesOf(input);
  for (const [row, all] of rows.entries()) {
    for (const [frame, rgb] of all.entries()) {
      const base = row * frames * each + frame * step.frame;
      for (let channel = 0; channel < 3; channel++) {
        const from = input.colour === "rgb" ? channel : 2 - channel;
        const table = value(channel);
        const to = base + channel * step.channel;
        for (let i = 0; i < plane; i++) numbers[to + i * step.pixel] = table[rgb[i * 3 + from] ?? 0] ?? 0;
      }
    }
  }
  const dims = dimsOf(input.layout, rows.length, frames, height, width);
  if (numbers instanceof Uint8Array) return new Tensor("uint8", numbers, dims);
  return numbers instanceof Float32Array
    ? new Tensor("float32", numbers, dims)
    : new Tensor("float16", new Uint16Array(numbers.buffer), dims);
}

type Layout = (ImageInput | VideoInput)["layout"];

/** How far apart neighbours are, within one row. */
function stepsOf(layout: Layout, frames: number, plane: number) {
  switch (layout) {
    case "nchw":
    case "ntchw":
      return { frame: plane * 3, channel: plane, pixel: 1 };
    case "ncthw":
      return { frame: plane, channel: plane * frames, pixel: 1 };
    case "nhwc":
    case "nthwc":
      return { frame: plane * 3, channel: 1, pixel: 3 };
  }
}

function dimsOf(layout: Layout, rows: number, frames: number, height: number, width: number): number[] {
  switch (layout) {
    case "nchw":
      return [rows, 3, height, width];
    case "nhwc":
      return [rows, height, width, 3];
    case "ntchw":
      return [rows, frames, 3, height, width];
    case "ncthw":
      return [rows, 3, frames, height, width];
    case "nthwc":
      return [rows, frames, height, width, 3];
  }
}

type Numbers = Float32Array | Float16Array | Uint8Array;
const arrayOf = ({ dtype }: ImageInput | VideoInput, length: number): Numbers => {
  if (dtype === "uint8") return new Uint8Array(length);
  return dtype === "float16" ? new Float16Array(length) : new Float32Array(length);
};

/** What each byte becomes in a channel, the model's own first one being 0. */
function valuesOf({ dtype, scale, mean, std }: ImageInput | VideoInput): (channel: number) => Float64Array {
  return (channel) =>
    Float64Array.from({ length: 256 }, (_, byte) =>
      dtype === "uint8" ? byte : (byte * scale - (mean[channel] ?? 0)) / (std[channel] ?? 1),
    );
}

/** As many frames as a model of film takes, in the order of time: evenly spread, or some more than once. */
export function exactFrames<T>(frames: readonly T[], count: number): T[] {
  const last = frames.length - 1;
  return Array.from({ length: count }, (_, i) =>
    Math.round(count === 1 ? 0 : (i * last) / (count - 1)),
  ).flatMap((index) => frames.slice(index, index + 1));
}
