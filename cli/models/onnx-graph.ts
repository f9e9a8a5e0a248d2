// What an ONNX file says of itself (inputs, outputs, weights in other files), and the same model with those weights
// inside: compute trusts one file by one hash, and opens no other. Pure: bytes in, bytes out (onnx.proto3).
import {
  DATA_LOCATION_FIELD,
  EXTERNAL_DATA_FIELD,
  FieldReader,
  MAX_DEPTH,
  MESSAGES,
  type Message,
} from "../../workers/compute/server/inference/onnx-file.ts";

export interface TensorInfo {
  name: string;
  type: ElementType | undefined;
  /** A number, or the name of a dimension that may be any. */
  shape: (number | string)[];
}
export type ElementType = "float32" | "uint8" | "int32" | "int64" | "float16" | "float64";
const ELEMENT_TYPES: Record<number, ElementType> = {
  1: "float32",
  2: "uint8",
  6: "int32",
  7: "int64",
  10: "float16",
  11: "float64",
};

export interface GraphInfo {
  inputs: TensorInfo[];
  outputs: TensorInfo[];
  /** Other files that hold weights, relative to the model's own. */
  external: string[];
}

const GRAPH_FIELD = 7;
const RAW_DATA_FIELD = 9;

/** @throws RangeError for what is no ONNX model */
export function graphInfo(bytes: Uint8Array): GraphInfo {
  const [graph] = fieldsOf(bytes, GRAPH_FIELD);
  if (!graph) throw new RangeError("it has no graph");
  const weights = new Set(fieldsOf(graph, 5).map((tensor) => textOf(tensor, 8)));
  const external = new Set<string>();
  joinInto(bytes, "model", 0, (entry) => {
    external.add(entry.location);
    return new Uint8Array();
  });
  return {
    inputs: fieldsOf(graph, 11)
      .map(tensorInfo)
      .filter(({ name }) => !weights.has(name)),
    outputs: fieldsOf(graph, 12).map(tensorInfo),
    external: [...external],
  };
}

export interface ExternalEntry {
  location: string;
  offset: number;
  /** Undefined: to the end of the file. */
  length: number | undefined;
}

/** The model's bytes, in pieces, with every tensor of another file inside. `read` gives the bytes of one. */
export function joined(bytes: Uint8Array, read: (entry: ExternalEntry) => Uint8Array): Uint8Array[] {
  return joinInto(bytes, "model", 0, read) ?? [bytes];
}

/** A message with the tensors in it replaced; undefined where none is to be. */
function joinInto(
  bytes: Uint8Array,
  message: Message,
  depth: number,
  read: (entry: ExternalEntry) => Uint8Array,
): Uint8Array[] | undefined {
  if (depth > MAX_DEPTH) throw new RangeError("it is nested too deeply");
  if (message === "tensor") return joinTensor(bytes, read);
  const inside: Record<number, Message | undefined> = MESSAGES[message];
  const reader = new FieldReader(bytes);
  const pieces: Uint8Array[] = [];
  let copied = 0;
  while (!reader.done) {
    const start = reader.position;
    const { number, type } = reader.field();
    const next = type === 2 ? inside[number] : undefined;
    const changed = next && joinInto(reader.bytes, next, depth + 1, read);
    if (!changed) continue;
    pieces.push(bytes.subarray(copied, start), ...lengthDelimited(number, changed));
    copied = reader.position;
  }
  if (pieces.length === 0) return undefined;
  pieces.push(bytes.subarray(copied));
  return pieces;
}

function joinTensor(bytes: Uint8Array, read: (entry: ExternalEntry) => Uint8Array): Uint8Array[] | undefined {
  const fields = new Map(
    fieldsOf(bytes, EXTERNAL_DATA_FIELD).map((entry) => [textOf(entry, 1), textOf(entry, 2)]),
  );
  const location = fields.get("location");
  if (location === undefined) return undefined;
  const length = fields.get("length");
  const data = read({
    location,
    offset: Number(fields.get("offset") ?? 0),
    length: length === undefined ? undefined : Number(length),
  });
  const reader = new FieldReader(bytes);
  const pieces: Uint8Array[] = [];
  while (!reader.done) {
    const start = reader.position;
    const { number } = reader.field();
    if (number === EXTERNAL_DATA_FIELD || number === DATA_LOCATION_FIELD) continue;
    pieces.push(bytes.subarray(start, reader.position));
  }
  return [...pieces, ...lengthDelimited(RAW_DATA_FIELD, [data])];
}

function lengthDelimited(number: number, pieces: Uint8Array[]): Uint8Array[] {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return [Uint8Array.from([...varint((number << 3) | 2), ...varint(length)]), ...pieces];
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  // No shifts: a length may have more than 31 bits.
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

function tensorInfo(bytes: Uint8Array): TensorInfo {
  const [type] = fieldsOf(bytes, 2);
  const [tensor] = type ? fieldsOf(type, 1) : [];
  const [shape] = tensor ? fieldsOf(tensor, 2) : [];
  return {
    name: textOf(bytes, 1),
    type: tensor && ELEMENT_TYPES[numberOf(tensor, 1)],
    shape: (shape ? fieldsOf(shape, 1) : []).map((dim) => {
      const size = numberOf(dim, 1);
      return size > 0 ? size : textOf(dim, 2);
    }),
  };
}

/** Every length-delimited field of a number. */
function fieldsOf(bytes: Uint8Array, number: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  const reader = new FieldReader(bytes);
  while (!reader.done) {
    const field = reader.field();
    if (field.number === number && field.type === 2) found.push(reader.bytes);
  }
  return found;
}

const textOf = (bytes: Uint8Array, number: number): string =>
  new TextDecoder().decode(fieldsOf(bytes, number)[0] ?? new Uint8Array());

function numberOf(bytes: Uint8Array, number: number): number {
  const reader = new FieldReader(bytes);
  while (!reader.done) {
    const field = reader.field();
    if (field.number === number && field.type === 0) return Number(field.value);
  }
  return 0;
}
