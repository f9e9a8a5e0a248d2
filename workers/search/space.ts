// The vectors of one space in memory: whole (int8), or, where a shard has more than memory holds, as binary codes whose
// best candidates are read from SQLite and compared whole. vectors.ts loads them and keeps them up to date.
import type { Space } from "../../src/shapes/search.ts";
import { RowMemory } from "./kernel.ts";
import { codeOf, cosine, product, queryVector } from "./query-vector.ts";

/** Rows that are compared whole after a choice by codes: two for each that a ranking may hold, and some. */
const CANDIDATES = 4_000;
const LIST_ROWS = 4_096;
const NONE = -1;

/** Rows of one chunk of SQLite. */
export interface RowChunk {
  id: number;
  docs: Uint32Array;
  squares: Uint32Array;
  data: Int8Array;
}

/** Rows of a chunk at most, as its places are numbered. */
export const CHUNK_ROWS = 65_536;

/** The place of a row in a chunk as one number. */
const placeOf = (chunk: number, row: number): number => chunk * CHUNK_ROWS + row;

/** Reads the whole rows at places, each with its number in the list. */
export type WholeRows = (places: readonly number[], dimensions: number) => Iterable<[number, Int8Array]>;

/** Which docs may be found. */
export type DocMask = (doc: number) => boolean;

export class SpaceRows {
  readonly space: Space;
  /** Rows that hold a vector. */
  live = 0;
  readonly #memory: RowMemory;
  /** The middle of each dimension, of vectors of length one; undefined where rows are whole. */
  readonly #middle: Float64Array | undefined;
  readonly #code: Uint8Array<ArrayBuffer> | undefined;
  readonly #free: number[] = [];
  #rows = 0;
  #docOf = new Int32Array(0);
  #chunkOf = new Int32Array(0);
  #placeOf = new Uint16Array(0);
  #squares = new Uint32Array(0);

  constructor(space: Space, middle?: Float64Array) {
    this.space = space;
    this.#middle = middle;
    this.#code = middle && new Uint8Array(Math.ceil(space.dimensions / 8));
    this.#memory = new RowMemory(this.#code?.length ?? space.dimensions);
  }

  /** Makes room for so many rows at once. */
  reserve(rows: number): void {
    if (rows <= this.#docOf.length) return;
    const length = Math.max(rows, Math.ceil(this.#docOf.length * 1.5), 256);
    this.#docOf = widened(this.#docOf, new Int32Array(length).fill(NONE));
    this.#chunkOf = widened(this.#chunkOf, new Int32Array(length).fill(NONE));
    this.#placeOf = widened(this.#placeOf, new Uint16Array(length));
    this.#squares = widened(this.#squares, new Uint32Array(length));
    this.#memory.reserve(rows);
  }

  add({ id, docs, squares, data }: RowChunk): void {
    const { dimensions } = this.space;
    docs.forEach((doc, place) => {
      const row = this.#free.pop() ?? this.#rows++;
      this.reserve(row + 1);
      const values = data.subarray(place * dimensions, (place + 1) * dimensions);
      const sum = squares[place] ?? 0;
      this.#memory.put(row, this.#coded(values, sum));
      this.#docOf[row] = doc;
      this.#chunkOf[row] = id;
      this.#placeOf[row] = place;
      this.#squares[row] = sum;
      this.live++;
    });
  }

  #coded(values: Int8Array, squares: number): Int8Array | Uint8Array {
    return this.#middle ? codeOf(values, Math.sqrt(squares), this.#middle, this.#code) : values;
  }

  drop(chunk: number): void {
    for (let row = this.#chunkOf.indexOf(chunk); row >= 0; row = this.#chunkOf.indexOf(chunk, row + 1)) {
      this.#docOf[row] = NONE;
      this.#chunkOf[row] = NONE;
      this.#free.push(row);
      this.live--;
    }
  }

  /** Calls `visit` with the doc of each row. */
  eachDoc(visit: (doc: number) => void): void {
    for (let row = 0; row < this.#rows; row++)
      if ((this.#docOf[row] ?? NONE) >= 0) visit(this.#docOf[row] ?? 0);
  }

  /** Offers each doc that the mask lets through the cosine of each of its rows; by codes, only of the best rows. */
  score(
    values: Float32Array,
    mask: DocMask | undefined,
    wholeRows: WholeRows,
    offer: (doc: number, score: number) => void,
  ): void {
    const query = queryVector(values);
    if (!this.#middle) {
      this.#memory.each("dots", query.values, this.#lists(mask), (rows, products) => {
        for (let i = 0; i < rows.length; i++) {
          const row = rows[i] ?? 0;
          offer(this.#docOf[row] ?? 0, cosine(products[i] ?? 0, query, this.#squares[row] ?? 0));
        }
      });
      return;
    }
    const code = codeOf(query.values, query.length, this.#middle);
    // By place, so that what lies together is read together.
    const rows = this.#candidates(code, mask).sort((a, b) => this.#placed(a) - this.#placed(b));
    const places = rows.map((row) => this.#placed(row));
    for (const [at, values] of wholeRows(places, this.space.dimensions)) {
      const row = rows[at] ?? 0;
      const dot = product(query.values, values);
      offer(this.#docOf[row] ?? 0, cosine(dot, query, this.#squares[row] ?? 0));
    }
  }

  /** A row's place in SQLite, as one number. */
  #placed = (row: number): number => placeOf(this.#chunkOf[row] ?? NONE, this.#placeOf[row] ?? 0);

  /** The rows whose codes differ least from the query's; all where they are few. */
  #candidates(code: Uint8Array, mask: DocMask | undefined): number[] {
    const counts = new Int32Array(this.space.dimensions + 2);
    const found = new Int32Array(this.live);
    const distances = new Uint16Array(this.live);
    let size = 0;
    this.#memory.each("differences", code, this.#lists(mask), (rows, differences) => {
      for (let i = 0; i < rows.length; i++) {
        const distance = differences[i] ?? 0;
        found[size] = rows[i] ?? 0;
        distances[size++] = distance;
        counts[distance] = (counts[distance] ?? 0) + 1;
      }
    });
    let limit = 0;
    for (let sum = 0; limit < counts.length; limit++) {
      sum += counts[limit] ?? 0;
      if (sum >= CANDIDATES) break;
    }
    const chosen: number[] = [];
    for (let i = 0; i < size && chosen.length < 2 * CANDIDATES; i++)
      if ((distances[i] ?? 0) <= limit) chosen.push(found[i] ?? 0);
    return chosen;
  }

  /** Lists of the rows whose docs may be found. Each list is good until the next. */
  *#lists(mask: DocMask | undefined): Generator<Int32Array> {
    const list = new Int32Array(LIST_ROWS);
    let size = 0;
    for (let row = 0; row < this.#rows; row++) {
      const doc = this.#docOf[row] ?? NONE;
      if (doc < 0 || (mask && !mask(doc))) continue;
      list[size++] = row;
      if (size === LIST_ROWS) {
        yield list;
        size = 0;
      }
    }
    if (size > 0) yield list.subarray(0, size);
  }
}

function widened<T extends Int32Array | Uint16Array | Uint32Array>(from: T, to: T): T {
  to.set(from as never);
  return to;
}
