// A shard's SQLite, as its logic sees it: what a Durable Object's storage and Node's own SQLite both can do. Counts the
// rows that are written, since they are what a ledger costs.

/** What a column may hold; blobs are bound as bytes. */
export type SqlValue = string | number | null | ArrayBuffer;
export type SqlRow = Record<string, SqlValue>;

/** The part of a Durable Object's `storage` that a shard uses. */
export interface ShardStorage {
  sql: {
    exec(query: string, ...bindings: unknown[]): { toArray(): SqlRow[]; readonly rowsWritten: number };
    /** Bytes in use. */
    readonly databaseSize: number;
  };
  /** Runs the closure; whatever it throws, none of its writes stay. */
  transactionSync<T>(closure: () => T): T;
}

/** A shard's database. Every statement is read to its end at once. */
export class ShardDatabase {
  readonly #storage: ShardStorage;
  /** Since the object was started, as Cloudflare counts them. */
  rowsWritten = 0;

  constructor(storage: ShardStorage) {
    this.#storage = storage;
  }

  all<Row extends object>(query: string, ...bindings: unknown[]): Row[] {
    const cursor = this.#storage.sql.exec(query, ...bindings);
    const rows = cursor.toArray();
    this.rowsWritten += cursor.rowsWritten;
    return rows as unknown as Row[];
  }

  first<Row extends object>(query: string, ...bindings: unknown[]): Row | undefined {
    return this.all<Row>(query, ...bindings)[0];
  }

  transaction<T>(closure: () => T): T {
    return this.#storage.transactionSync(closure);
  }

  get bytes(): number {
    return this.#storage.sql.databaseSize;
  }
}
