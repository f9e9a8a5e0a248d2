// Check that an ONNX file holds its own tensors. One that keeps them in other files could name any path, and the
// runtime would open it, so the file is walked before the runtime sees it. Pure: bytes in, a reason out.

/** Length-delimited fields by number, and the message in each (onnx.proto3). What is not here is passed over. */
export const MESSAGES = {
  model: { 7: "graph", 20: "training", 25: "function" },
  training: { 1: "graph", 2: "graph" },
  graph: { 1: "node", 5: "tensor", 15: "sparse" },
  function: { 7: "node", 11: "attribute" },
  node: { 5: "attribute" },
  attribute: { 5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse" },
  sparse: { 1: "tensor", 2: "tensor" },
  tensor: {},
} as const satisfies Record<string, Record<number, string>>;
export type Message = keyof typeof MESSAGES;

export const EXTERNAL_DATA_FIELD = 13;
export const DATA_LOCATION_FIELD = 14;
/** Graphs in attributes of nodes of graphs. */
export const MAX_DEPTH = 64;

/** Why a file is not taken as a model; undefined for one that is. */
export function refusedModel(bytes: Uint8Array): string | undefined {
  try {
    const seen = { graph: false };
    return walk(bytes, "model", 0, seen) ?? (seen.graph ? undefined : "is no ONNX model: it has no graph");
  } catch (error) {
    if (error instanceof RangeError) return `is no ONNX model: ${error.message}`;
    throw error;
  }
}

function walk(
  bytes: Uint8Array,
  message: Message,
  depth: number,
  seen: { graph: boolean },
): string | undefined {
  if (depth > MAX_DEPTH) throw new RangeError("it is nested too deeply");
  const inside: Record<number, Message | undefined> = MESSAGES[message];
  const reader = new FieldReader(bytes);
  while (!reader.done) {
    const { number, type, value } = reader.field();
    if (
      message === "tensor" &&
      (number === EXTERNAL_DATA_FIELD || (number === DATA_LOCATION_FIELD && value !== 0n))
    )
      return "keeps tensors in other files, which are not read";
    const next = type === 2 ? inside[number] : undefined;
    if (next === undefined) continue;
    if (next === "graph") seen.graph = true;
    const reason = walk(reader.bytes, next, depth + 1, seen);
    if (reason) return reason;
  }
  return undefined;
}

/** Protobuf's wire format. Throws RangeError for what is not. */
export class FieldReader {
  readonly #from: Uint8Array;
  #at = 0;
  /** Of the field that was read last, if it was a length-delimited one. */
  bytes: Uint8Array = new Uint8Array();

  constructor(bytes: Uint8Array) {
    this.#from = bytes;
  }

  /** Where the next field begins. */
  get position(): number {
    return this.#at;
  }

  get done(): boolean {
    return this.#at >= this.#from.length;
  }

  field(): { number: number; type: number; value: bigint } {
    const tag = this.#varint();
    // Readers differ in what they make of a tag over 32 bits.
    if (tag > 0xffffffffn || tag < 8n) throw new RangeError("it is damaged");
    const type = Number(tag & 7n);
    const number = Number(tag >> 3n);
    if (type === 0) return { number, type, value: this.#varint() };
    if (type !== 1 && type !== 2 && type !== 5) throw new RangeError("it is damaged");
    this.bytes = this.#take(type === 1 ? 8 : type === 5 ? 4 : Number(this.#varint()));
    return { number, type, value: 1n };
  }

  #varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#from[this.#at++];
      if (byte === undefined) throw new RangeError("it is cut short");
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asUintN(64, value);
    }
    throw new RangeError("it is damaged");
  }

  #take(length: number): Uint8Array {
    if (this.#at + length > this.#from.length) throw new RangeError("it is cut short");
    this.#at += length;
    return this.#from.subarray(this.#at - length, this.#at);
  }
}
