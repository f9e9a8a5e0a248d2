// Rows of bytes in the memory of a WebAssembly instance, and the two calculations over them (kernel.wat). One instance for
// each space, since such a memory grows and never shrinks.
import kernel from "./kernel.wasm";

/** Rows that one call calculates. */
const BATCH_ROWS = 4_096;
/** Bytes of a query at most: 65,536 numbers of 16 bits. */
const QUERY_BYTES = 131_072;
const PAGE_BYTES = 65_536;
const QUERY_AT = 0;
const LIST_AT = QUERY_AT + QUERY_BYTES;
const OUT_AT = LIST_AT + BATCH_ROWS * 4;
const ROWS_AT = OUT_AT + BATCH_ROWS * 4;

type Calculation = (
  ...[rows, list, count, stride, query, out]: [number, number, number, number, number, number]
) => void;

/** What is calculated of each row: its product with a query, or the number of different bits. */
export type RowCalculation = "dots" | "differences";

export class RowMemory {
  /** Bytes of a row: a multiple of 16. */
  readonly stride: number;
  readonly #calls: Record<RowCalculation, Calculation>;
  readonly #memory: WebAssembly.Memory;

  constructor(bytes: number) {
    this.stride = Math.ceil(bytes / 16) * 16;
    const { exports } = new WebAssembly.Instance(kernel);
    this.#calls = exports as unknown as Record<RowCalculation, Calculation>;
    this.#memory = exports.memory as WebAssembly.Memory;
    this.reserve(1);
  }

  /** Makes room for so many rows: half as many again, so that rows one by one do not move everything each time. */
  reserve(rows: number): void {
    const bytes = ROWS_AT + rows * this.stride;
    if (bytes <= this.#memory.buffer.byteLength) return;
    const pages = Math.ceil((bytes - this.#memory.buffer.byteLength) / PAGE_BYTES);
    this.#memory.grow(pages + Math.ceil(Math.min(pages, 64) / 2));
  }

  put(row: number, values: Int8Array | Uint8Array): void {
    this.reserve(row + 1);
    new Uint8Array(this.#memory.buffer).set(
      new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
      ROWS_AT + row * this.stride,
    );
  }

  /** Calculates the rows of a list in order; `visit` gets each row's number and result. */
  each(
    what: RowCalculation,
    query: Int16Array | Uint8Array,
    list: Iterable<Int32Array>,
    visit: (rows: Int32Array, results: Int32Array) => void,
  ): void {
    const { buffer } = this.#memory;
    const call = this.#calls[what];
    new Uint8Array(buffer, QUERY_AT, QUERY_BYTES).fill(0);
    new Uint8Array(buffer).set(new Uint8Array(query.buffer, query.byteOffset, query.byteLength), QUERY_AT);
    const listed = new Int32Array(buffer, LIST_AT, BATCH_ROWS);
    for (const rows of list) {
      for (let from = 0; from < rows.length; from += BATCH_ROWS) {
        const part = rows.subarray(from, from + BATCH_ROWS);
        listed.set(part);
        call(ROWS_AT, LIST_AT, part.length, this.stride, QUERY_AT, OUT_AT);
        visit(part, new Int32Array(buffer, OUT_AT, part.length));
      }
    }
  }
}
