// Writes tiny ONNX models, byte by byte (onnx.proto3): what the test project's models are made with, and what
// tests of damaged and hostile ones begin with. Knows nothing of the code that reads them.

type Part = Uint8Array | string | bigint | number;

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return [...bytes, Number(rest)];
}

/** Fields of a message: a number is a varint, text and bytes are length-delimited. */
export function message(...fields: [number: number, value: Part][]): Uint8Array {
  return Uint8Array.from(
    fields.flatMap(([number, value]) => {
      if (typeof value === "number" || typeof value === "bigint")
        return [...varint(BigInt(number) << 3n), ...varint(BigInt(value))];
      const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
      return [...varint((BigInt(number) << 3n) | 2n), ...varint(BigInt(bytes.length)), ...bytes];
    }),
  );
}

const TYPES = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float16: 10 } as const;
type Type = keyof typeof TYPES;
/** A dimension by its size, or by a name where it may be any. */
type Shape = (number | string)[];

const valueInfo = (name: string, type: Type, shape: Shape) => {
  const dims = shape.map((size): [number, Part] => [
    1,
    message(typeof size === "number" ? [1, size] : [2, size]),
  ]);
  const tensor = message([1, TYPES[type]], [2, message(...dims)]);
  return message([1, name], [2, message([1, tensor])]);
};

/** A tensor of float32 with its numbers inside. */
export const tensor = (name: string, dims: number[], values: number[]) =>
  message(
    ...dims.map((size): [number, Part] => [1, size]),
    [2, TYPES.float32],
    [8, name],
    [9, new Uint8Array(Float32Array.from(values).buffer)],
  );

export const ints = (name: string, values: number[]) =>
  message([1, name], ...values.map((value): [number, Part] => [8, value]), [20, 7]);
export const int = (name: string, value: number) => message([1, name], [3, value], [20, 2]);

export const node = (type: string, inputs: string[], outputs: string[], ...attributes: Uint8Array[]) =>
  message(
    ...inputs.map((name): [number, Part] => [1, name]),
    ...outputs.map((name): [number, Part] => [2, name]),
    [4, type],
    ...attributes.map((attribute): [number, Part] => [5, attribute]),
  );

export interface Graph {
  inputs: [name: string, type: Type, shape: Shape][];
  outputs: [name: string, type: Type, shape: Shape][];
  nodes: Uint8Array[];
  tensors?: Uint8Array[];
}

/** A whole model, of operator set 13. */
export function model({ inputs, outputs, nodes, tensors = [] }: Graph): Uint8Array {
  const graph = message(
    ...nodes.map((one): [number, Part] => [1, one]),
    [2, "tiny"],
    ...tensors.map((one): [number, Part] => [5, one]),
    ...inputs.map((one): [number, Part] => [11, valueInfo(...one)]),
    ...outputs.map((one): [number, Part] => [12, valueInfo(...one)]),
  );
  return message([1, 8], [2, "weir"], [7, graph], [8, message([2, 13])]);
}
