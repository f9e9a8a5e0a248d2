// Sets of a shard, written and removed as a whole: rows of SQLite and what memory holds of them. A set may arrive in
// parts; none of it counts before the last. One transaction for each call; where it fails, memory is read anew.
import { setJson } from "../../src/match/index.ts";
import { covers, type ErasureScope } from "../../src/shapes/erasure.ts";
import type { PackedHead, PackedPart } from "../../src/store/index/pack.ts";
import type { ScopedSets } from "../../src/store/index/shard.ts";
import { Catalog } from "./catalog.ts";
import { Columns } from "./columns.ts";
import { itemOf } from "./items.ts";
import { SortColumns } from "./order.ts";
import { SCHEMA } from "./schema.ts";
import { ShardVectors } from "./vectors.ts";

/** Time after which parts of a set that never became whole are thrown away. */
const STAGED_MS = 3_600_000;

/** A set's row. */
export interface SetRow {
  [name: string]: SqlStorageValue;
  id: number;
  number: number;
  epoch: number;
  items: number;
  head: string;
  docs: ArrayBuffer;
}

/** What memory holds of a shard. */
export interface ShardMemory {
  catalog: Catalog;
  vectors: ShardVectors;
  columns: Columns;
  orders: SortColumns;
}

export class ShardStore {
  readonly sql: SqlStorage;
  readonly #storage: DurableObjectStorage;
  readonly #wholeBytes: number | undefined;
  #memory: ShardMemory | undefined;

  constructor(storage: DurableObjectStorage, wholeBytes?: number) {
    this.#storage = storage;
    this.sql = storage.sql;
    this.#wholeBytes = wholeBytes;
    this.sql.exec(SCHEMA);
  }

  /** Memory, read of SQLite when it is first needed. */
  memory(): ShardMemory {
    if (this.#memory) return this.#memory;
    this.#discardStaged();
    const catalog = new Catalog(this.sql);
    const vectors = new ShardVectors(this.sql, this.#wholeBytes);
    const [columns, orders] = [new Columns(this.sql, catalog), new SortColumns(this.sql, catalog)];
    this.#memory = { catalog, vectors, columns, orders };
    return this.#memory;
  }

  set(name: string): SetRow | undefined {
    return this.sql
      .exec<SetRow>("SELECT id, number, epoch, items, head, docs FROM sets WHERE name = ?", name)
      .toArray()[0];
  }

  meta(name: string): string | undefined {
    return this.sql.exec<{ value: string }>("SELECT value FROM meta WHERE name = ?", name).toArray()[0]
      ?.value;
  }

  setMeta(name: string, value: string): void {
    this.sql.exec("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", name, value);
  }

  /** Takes a part of a set. With the last one, the set is replaced, unless a newer one is there. */
  replace(part: PackedPart, epoch: number): "stored" | "superseded" | "staged" {
    const memory = this.memory();
    try {
      return this.#storage.transactionSync(() => this.#replace(part, epoch, memory));
    } catch (error) {
      this.#memory = undefined;
      throw error;
    }
  }

  #replace(part: PackedPart, epoch: number, memory: ShardMemory) {
    const staged = `~${part.ticket}`;
    const held = this.set(part.id);
    // A rebuilding takes the collection at its word, but for what a run has stored since it began.
    const isOlder = part.epoch === undefined || (held?.epoch ?? 0) >= part.epoch;
    if (held && held.number > part.order && isOlder) {
      this.#remove(staged, memory);
      return "superseded";
    }
    if (part.first) this.#remove(staged, memory);
    const before = part.first ? undefined : this.set(staged);
    if (!part.first && !before) throw new Error("a part of a set came without the parts before it");
    const id = before?.id ?? memory.catalog.takeSet();
    const docs = memory.catalog.takeDocs(part.docs.length);
    const all = Uint32Array.from([...(before ? new Uint32Array(before.docs) : []), ...docs]);
    const head = JSON.stringify(part.head);
    const at = part.head.lineage.stored_at;
    this.sql.exec(
      `INSERT OR REPLACE INTO sets (id, name, number, epoch, object, items, at, head, docs) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[id, staged, part.order, epoch, part.object, all.length, at, head, all.buffer],
    );
    this.#insertDocs(part, docs);
    for (const vectors of part.vectors) memory.vectors.insert(id, vectors, (position) => all[position] ?? 0);
    if (!part.last) return "staged";
    this.#remove(part.id, memory);
    this.sql.exec("UPDATE sets SET name = ? WHERE id = ?", part.id, id);
    memory.catalog.add(id, part.id, part.object, [...all]);
    memory.vectors.show(id);
    this.#showColumns(part.id, part.head, all, memory);
    return "stored";
  }

  #insertDocs({ docs, head }: PackedPart, ids: readonly number[]): void {
    docs.forEach(({ data, span, prose, grams }, i) => {
      const id = ids[i] ?? 0;
      this.sql.exec(
        "INSERT INTO docs (id, span, data) VALUES (?, ?, ?)",
        id,
        span && JSON.stringify(span),
        data,
      );
      this.sql.exec(
        "INSERT INTO words (rowid, prose, name, grams) VALUES (?, ?, ?, ?)",
        ...[id, prose, head.set.key.toWellFormed(), grams],
      );
    });
  }

  #showColumns(name: string, { set, lineage }: PackedHead, docs: Uint32Array, memory: ShardMemory): void {
    const { columns, orders } = memory;
    if (columns.isEmpty && orders.isEmpty) return;
    const own = [...docs].map((doc, position) => ({ doc, own: itemOf(this.sql, name, position, doc) }));
    const stored = { common: setJson({ set, lineage }), docs: own };
    columns.put(stored);
    orders.put(stored);
  }

  /** Removes a set, also one that is still arriving. Its number goes with it. */
  #remove(name: string, { catalog, vectors }: ShardMemory): void {
    const row = this.set(name);
    if (!row) return;
    const docs = [...new Uint32Array(row.docs)];
    const isArriving = name.startsWith("~");
    this.#erase(row.id, docs, isArriving, vectors);
    if (isArriving) catalog.free(row.id, docs);
    else catalog.drop(row.id, docs);
  }

  #erase(id: number, docs: readonly number[], isArriving: boolean, vectors?: ShardVectors): void {
    const ids = JSON.stringify(docs);
    this.sql.exec("DELETE FROM docs WHERE id IN (SELECT value FROM json_each(?))", ids);
    this.sql.exec("DELETE FROM words WHERE rowid IN (SELECT value FROM json_each(?))", ids);
    if (vectors) vectors.remove(id, isArriving);
    else this.sql.exec("DELETE FROM vectors WHERE set_id = ?", id);
    this.sql.exec("DELETE FROM sets WHERE id = ?", id);
  }

  /** Removes whole sets. */
  removeAll(names: readonly string[]): void {
    const memory = this.memory();
    try {
      this.#storage.transactionSync(() => {
        for (const name of names) this.#remove(name, memory);
      });
    } catch (error) {
      this.#memory = undefined;
      throw error;
    }
  }

  /** Sets of objects of a scope, also those that are still arriving, after one, by name. */
  setsOf(scope: ErasureScope, erasedAt: number, after: string, limit: number): ScopedSets {
    const rows = this.sql
      .exec<{ name: string; head: string; items: number; vectors: number }>(
        `SELECT name, head, items,
           coalesce((SELECT sum(length(squares) / 4) FROM vectors WHERE set_id = sets.id), 0) AS vectors
         FROM sets WHERE name > ?1 AND head ->> '$.set.connection' = ?2 AND head ->> '$.set.bucket' = ?3
           AND substr(head ->> '$.set.key', 1, length(?4)) = ?4 ORDER BY name LIMIT ?5`,
        ...[after, scope.connection, scope.bucket, scope.key ?? scope.prefix ?? "", limit],
      )
      .toArray();
    const last = rows.at(-1);
    const sets = rows.flatMap(({ name, head, items, vectors }) => {
      const { set, lineage } = JSON.parse(head) as PackedHead;
      const times = [lineage.stored_at, lineage.event_time].map((time) => Date.parse(time));
      return covers(scope, set) && Math.min(...times) <= erasedAt ? [{ id: name, set, items, vectors }] : [];
    });
    return { sets, ...(last && rows.length === limit && { next: last.name }) };
  }

  /** Merges the index of words, so that nothing is left in it of what was removed. */
  purgeWords(): void {
    this.sql.exec("INSERT INTO words (words) VALUES ('optimize')");
  }

  #discardStaged(): void {
    // A run that takes this long is over; one that began again has another ticket.
    const rows = this.sql
      .exec<{ id: number; docs: ArrayBuffer; at: string }>("SELECT id, docs, at FROM sets WHERE name >= '~'")
      .toArray();
    const old = new Date(Date.now() - STAGED_MS).toISOString();
    for (const { id, docs, at } of rows) if (at < old) this.#erase(id, [...new Uint32Array(docs)], true);
  }
}
