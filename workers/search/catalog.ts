// What a shard always has in memory of its sets and docs: who belongs to whom, and which numbers are free. Docs are
// numbered densely, since filters and scores are arrays over them.
import { itemId } from "../../src/store/collections/ids.ts";

const NONE = -1;

/** Arrays that grow by doubling. */
function grown<T extends Int32Array | Uint32Array | Float64Array>(array: T, length: number, fill: number): T {
  if (length <= array.length) return array;
  const Kind = array.constructor as new (length: number) => T;
  const larger = new Kind(Math.max(length, array.length * 2, 1024));
  if (fill !== 0) larger.fill(fill as never);
  larger.set(array as never);
  return larger;
}

export class Catalog {
  /** Docs are numbered from 0 up to, and without, this. */
  docs = 0;
  sets = 0;
  liveDocs = 0;
  liveSets = 0;
  /** Set of each doc; −1 where there is none. */
  #setOf = new Int32Array(0);
  #positionOf = new Int32Array(0);
  /** 128 bits of a set's id as four numbers. */
  #names = new Uint32Array(0);
  /** The same as text, of sets that a list has named. */
  readonly #texts: string[] = [];
  #objects = new Float64Array(0);
  #freeDocs: number[] = [];
  #freeSets: number[] = [];

  constructor(sql: SqlStorage) {
    const usedDocs: number[][] = [];
    const usedSets: number[] = [];
    const cursor = sql
      .exec("SELECT id, name, object, docs FROM sets ORDER BY id")
      .raw<[number, string, number, ArrayBuffer]>();
    for (const [id, name, object, blob] of cursor) {
      const docs = [...new Uint32Array(blob)];
      usedDocs.push(docs);
      usedSets.push(id);
      if (!name.startsWith("~")) this.add(id, name, object, docs);
    }
    const last = usedDocs.reduce((most, docs) => docs.reduce((top, id) => Math.max(top, id + 1), most), 0);
    this.docs = Math.max(this.docs, last);
    this.sets = Math.max(this.sets, (usedSets.at(-1) ?? -1) + 1);
    const taken = new Uint8Array(this.docs);
    for (const docs of usedDocs) for (const id of docs) taken[id] = 1;
    for (let id = this.docs - 1; id >= 0; id--) if (!taken[id]) this.#freeDocs.push(id);
    const held = new Set(usedSets);
    for (let id = this.sets - 1; id >= 0; id--) if (!held.has(id)) this.#freeSets.push(id);
  }

  /** Numbers for new docs: free ones first. */
  takeDocs(count: number): number[] {
    return Array.from({ length: count }, () => this.#freeDocs.pop() ?? this.docs++);
  }

  takeSet(): number {
    return this.#freeSets.pop() ?? this.sets++;
  }

  add(set: number, name: string, object: number, docs: readonly number[]): void {
    this.#names = grown(this.#names, (set + 1) * 4, 0);
    this.#objects = grown(this.#objects, set + 1, 0);
    for (let i = 0; i < 4; i++) this.#names[set * 4 + i] = Number.parseInt(name.slice(i * 8, i * 8 + 8), 16);
    this.#texts[set] = "";
    this.#objects[set] = object;
    this.sets = Math.max(this.sets, set + 1);
    docs.forEach((doc, position) => {
      this.docs = Math.max(this.docs, doc + 1);
      this.#setOf = grown(this.#setOf, doc + 1, NONE);
      this.#positionOf = grown(this.#positionOf, doc + 1, 0);
      this.#setOf[doc] = set;
      this.#positionOf[doc] = position;
    });
    this.liveDocs += docs.length;
    if (docs.length > 0) this.liveSets++;
  }

  /** Forgets a set. Its numbers are free from now on. */
  drop(set: number, docs: readonly number[]): void {
    for (const doc of docs) {
      this.#setOf[doc] = NONE;
      this.#freeDocs.push(doc);
    }
    this.#freeSets.push(set);
    this.liveDocs -= docs.length;
    if (docs.length > 0) this.liveSets--;
  }

  /** Frees the numbers of a set that never counted. */
  free(set: number, docs: readonly number[]): void {
    for (const doc of docs) this.#freeDocs.push(doc);
    this.#freeSets.push(set);
  }

  isLive = (doc: number): boolean => (this.#setOf[doc] ?? NONE) >= 0;
  setOf = (doc: number): number => this.#setOf[doc] ?? NONE;
  objectOf = (doc: number): number => this.#objects[this.#setOf[doc] ?? 0] ?? 0;

  itemOf(doc: number): string {
    const set = this.setOf(doc);
    const name = this.#texts[set] || this.#textOf(set);
    return itemId(name, this.#positionOf[doc] ?? 0);
  }

  #textOf(set: number): string {
    let name = "";
    for (let i = 0; i < 4; i++) name += (this.#names[set * 4 + i] ?? 0).toString(16).padStart(8, "0");
    this.#texts[set] = name;
    return name;
  }

  /** Less than 0 where the first doc's item comes before the other's: by set, then by position. */
  compareItems(a: number, b: number): number {
    const [setA, setB] = [this.setOf(a), this.setOf(b)];
    if (setA === setB) return (this.#positionOf[a] ?? 0) - (this.#positionOf[b] ?? 0);
    for (let i = 0; i < 4; i++) {
      const [partA, partB] = [this.#names[setA * 4 + i] ?? 0, this.#names[setB * 4 + i] ?? 0];
      if (partA !== partB) return partA - partB;
    }
    return 0;
  }

  /** Numbers of all live docs. */
  *live(): Generator<number> {
    for (let doc = 0; doc < this.docs; doc++) if (this.isLive(doc)) yield doc;
  }
}
