// All vectors of a shard: in SQLite in chunks of rows, in memory by space (space.ts). They are loaded when the first
// query needs them, whole where they fit and as binary codes where they do not.
import { type Space, spaceId } from "../../src/shapes/search.ts";
import type { PackedVectors } from "../../src/store/index/pack.ts";
import { CHUNK_ROWS, type RowChunk, SpaceRows, type WholeRows } from "./space.ts";

/** Bytes of vectors that are kept whole. Memory of 128 MB is for all that an isolate holds. */
const WHOLE_BYTES = 80_000_000;
/** Bytes of one chunk, about: what is read of SQLite for a candidate. */
const CHUNK_BYTES = 8_192;
/** Vectors that the middles of their dimensions are taken of. */
const SAMPLE_CHUNKS = 2_000;
/** Rows that one statement reads. */
const READ_ROWS = 500;

interface ChunkRow {
  [name: string]: SqlStorageValue;
  id: number;
  space: number;
  docs: ArrayBuffer;
  squares: ArrayBuffer;
  data: ArrayBuffer;
}

interface SpaceCount {
  [name: string]: SqlStorageValue;
  space: number;
  live: number;
}

const chunkOf = ({ id, docs, squares, data }: ChunkRow): RowChunk => ({
  id,
  docs: new Uint32Array(docs),
  squares: new Uint32Array(squares),
  data: new Int8Array(data),
});

export class ShardVectors {
  readonly #sql: SqlStorage;
  readonly #wholeBytes: number;
  readonly #spaces: Map<string, number>;
  #loaded: Map<number, SpaceRows> | undefined;
  /** Rows of sets that have arrived, by the id of their space; counted when they are first needed. */
  #counts: Map<number, number> | undefined;
  #isWhole = true;

  constructor(sql: SqlStorage, wholeBytes = WHOLE_BYTES) {
    this.#sql = sql;
    this.#wholeBytes = wholeBytes;
    const rows = sql.exec<{ id: number; name: string }>("SELECT id, name FROM spaces");
    this.#spaces = new Map([...rows].map(({ id, name }) => [name, id]));
  }

  /** Writes rows of one space. `docs` are the docs of positions from `from` on. Call `show` once they count. */
  insert(
    set: number,
    { space, positions, seconds, squares, values }: PackedVectors,
    docOf: (position: number) => number,
  ): void {
    const id = this.#idOf(space);
    const { dimensions } = space;
    const rows = Math.max(1, Math.floor(CHUNK_BYTES / dimensions));
    for (let from = 0; from < positions.length; from += rows) {
      const to = Math.min(positions.length, from + rows);
      const part = seconds.slice(from, to);
      this.#sql.exec(
        "INSERT INTO vectors (set_id, space, docs, squares, seconds, data) VALUES (?, ?, ?, ?, ?, ?)",
        set,
        id,
        Uint32Array.from(positions.subarray(from, to), docOf).buffer,
        squares.slice(from, to).buffer,
        part.every(Number.isNaN) ? null : part.buffer,
        values.slice(from * dimensions, to * dimensions).buffer,
      );
    }
  }

  #idOf(space: Space): number {
    const name = spaceId(space);
    const known = this.#spaces.get(name);
    if (known !== undefined) return known;
    const { id } = this.#sql
      .exec<{ id: number }>("INSERT INTO spaces (name) VALUES (?) RETURNING id", name)
      .one();
    this.#spaces.set(name, id);
    return id;
  }

  /** Shows the rows of a set to queries. */
  show(set: number): void {
    if (this.#counts)
      for (const { space, live } of this.#sql.exec<SpaceCount>(
        `${COUNTED} WHERE set_id = ? GROUP BY space`,
        set,
      ))
        this.#count(space, live);
    if (!this.#loaded) return;
    for (const row of this.#sql.exec<ChunkRow>(`${CHUNKS} WHERE set_id = ?`, set))
      this.#rowsOf(row.space).add(chunkOf(row));
    if (this.#isWhole && this.#bytes() > this.#wholeBytes) this.#loaded = undefined;
  }

  /** Hides and deletes the rows of a set; of one that is still arriving, none counted. */
  remove(set: number, isArriving: boolean): void {
    const gone = this.#sql.exec<{ id: number } & SpaceCount>(
      "DELETE FROM vectors WHERE set_id = ? RETURNING id, space, length(squares) / 4 AS live",
      set,
    );
    for (const { id, space, live } of gone) {
      this.#loaded?.get(space)?.drop(id);
      if (!isArriving) this.#count(space, -live);
    }
  }

  #count(space: number, more: number): void {
    this.#counts?.set(space, (this.#counts.get(space) ?? 0) + more);
  }

  #bytes(): number {
    let sum = 0;
    for (const { live, space } of this.#loaded?.values() ?? []) sum += live * space.dimensions;
    return sum;
  }

  #rowsOf(id: number): SpaceRows {
    const known = this.#loaded?.get(id);
    if (known) return known;
    const rows = new SpaceRows(this.#spaceOf(id), this.#isWhole ? undefined : this.#middleOf(id));
    this.#loaded?.set(id, rows);
    return rows;
  }

  #spaceOf(id: number): Space {
    const [name = ""] = [...this.#spaces].find(([, known]) => known === id) ?? [];
    const [path, model, definition, dimensions] = JSON.parse(name) as [
      string,
      string | null,
      string | null,
      number,
    ];
    return { path, model, definition, dimensions };
  }

  /** The vectors in memory, by the id of their space. */
  loaded(): Map<number, SpaceRows> {
    if (this.#loaded) return this.#loaded;
    this.#loaded = new Map();
    const counts = [...this.#counted()];
    const bytes = counts.reduce((sum, [space, live]) => sum + live * this.#spaceOf(space).dimensions, 0);
    this.#isWhole = bytes <= this.#wholeBytes;
    for (const [space, live] of counts) this.#rowsOf(space).reserve(live);
    for (const row of this.#sql.exec<ChunkRow>(`${CHUNKS} WHERE ${IS_LIVE}`))
      this.#rowsOf(row.space).add(chunkOf(row));
    return this.#loaded;
  }

  /** The mean of each dimension over vectors of length one: a code says on which side of it a vector is. */
  #middleOf(space: number): Float64Array {
    const { dimensions } = this.#spaceOf(space);
    const sum = new Float64Array(dimensions);
    let rows = 0;
    const sample = this.#sql.exec<ChunkRow>(
      `${CHUNKS} WHERE space = ?1 AND id % (SELECT 1 + count(*) / ${SAMPLE_CHUNKS} FROM vectors) = 0`,
      space,
    );
    for (const row of sample) {
      const { squares, data } = chunkOf(row);
      squares.forEach((square, place) => {
        const length = Math.sqrt(square) || 1;
        for (let i = 0; i < dimensions; i++)
          sum[i] = (sum[i] ?? 0) + (data[place * dimensions + i] ?? 0) / length;
      });
      rows += squares.length;
    }
    return sum.map((value) => value / Math.max(1, rows));
  }

  /** The rows of one space; undefined where the shard has none. */
  rows(space: Space): SpaceRows | undefined {
    const id = this.#spaces.get(spaceId(space));
    return id === undefined ? undefined : this.loaded().get(id);
  }

  /** Rows alone, not the chunks that they stand in: of thousands, each is in a chunk of its own. */
  readonly wholeRows: WholeRows = (places, dimensions) => this.#wholeRows(places, dimensions);

  *#wholeRows(places: readonly number[], dimensions: number): Generator<[number, Int8Array]> {
    for (let from = 0; from < places.length; from += READ_ROWS) {
      const part = places.slice(from, from + READ_ROWS);
      const rows = this.#sql.exec(WHOLE_ROWS, JSON.stringify(part), dimensions).raw<[number, ArrayBuffer]>();
      for (const [at, data] of rows) yield [from + at, new Int8Array(data)];
    }
  }

  /** Every row of one doc of a set: its space, its second (NaN for the vector itself), its numbers. */
  *ofDoc(
    set: number,
    doc: number,
  ): Generator<{ space: Space; second: number; squares: number; values: Int8Array }> {
    const rows = this.#sql.exec<ChunkRow & { seconds: ArrayBuffer | null }>(
      "SELECT id, space, docs, squares, seconds, data FROM vectors WHERE set_id = ? ORDER BY id",
      set,
    );
    for (const row of rows) {
      const { docs, squares, data } = chunkOf(row);
      const space = this.#spaceOf(row.space);
      const seconds = row.seconds && new Float64Array(row.seconds);
      for (const [place, id] of docs.entries()) {
        if (id !== doc) continue;
        const values = data.subarray(place * space.dimensions, (place + 1) * space.dimensions);
        yield { space, second: seconds?.[place] ?? Number.NaN, squares: squares[place] ?? 0, values };
      }
    }
  }

  /** The spaces that have rows, with the number of rows. */
  spaces(): { space: Space; vectors: number }[] {
    return [...this.#counted()]
      .filter(([, live]) => live > 0)
      .map(([space, live]) => ({ space: this.#spaceOf(space), vectors: live }));
  }

  #counted(): Map<number, number> {
    const rows = () => [...this.#sql.exec<SpaceCount>(COUNTS)];
    this.#counts ??= new Map(rows().map(({ space, live }) => [space, live]));
    return this.#counts;
  }
}

/** Rows of a set that is still arriving do not count. */
const IS_LIVE = "set_id IN (SELECT id FROM sets WHERE name NOT LIKE '~%')";
const CHUNKS = "SELECT id, space, docs, squares, data FROM vectors";
const WHOLE_ROWS = `SELECT place.key, substr(vectors.data, 1 + (place.value % ${CHUNK_ROWS}) * ?2, ?2)
  FROM json_each(?1) AS place CROSS JOIN vectors ON vectors.id = place.value / ${CHUNK_ROWS}`;
const COUNTED = "SELECT space, sum(length(squares) / 4) AS live FROM vectors";
const COUNTS = `${COUNTED} WHERE ${IS_LIVE} GROUP BY space`;
