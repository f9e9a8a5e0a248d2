// Store of finished embeddings that outlives any container: a Durable Object's SQLite, bounded; the longest unused
// goes first. Knows keys and bytes and nothing of what they mean.
import { DurableObject } from "cloudflare:workers";
import type { ErasableResults, StoredResult } from "../../src/shapes/results.ts";

export interface ResultsBindings {
  /** Megabytes that each of these objects keeps. */
  RESULTS_MB?: string;
}

const MEGABYTE = 1024 * 1024;
const DEFAULT_MB = 256;
/** Precision of `used_at`: a hit costs no write but the day's first. */
const DAY_MS = 24 * 3600 * 1000;

/** The class behind the `RESULTS` binding of every pipeline Worker. One run's object always asks the same one. */
export class Results extends DurableObject<ResultsBindings> implements ErasableResults {
  readonly #sql = this.ctx.storage.sql;

  constructor(ctx: DurableObjectState, env: ResultsBindings) {
    super(ctx, env);
    // Vectors last: who looks for what is old reads none of them.
    this.#sql.exec(
      "CREATE TABLE IF NOT EXISTS results (key TEXT PRIMARY KEY, used_at INTEGER NOT NULL, vector BLOB NOT NULL, frames BLOB, object TEXT) WITHOUT ROWID",
    );
    // A store from before frames, or objects, were kept.
    const columns = this.#sql
      .exec<{ name: string }>("SELECT name FROM pragma_table_info('results')")
      .toArray();
    for (const [name, type] of Object.entries({ frames: "BLOB", object: "TEXT" }))
      if (!columns.some((column) => column.name === name))
        this.#sql.exec(`ALTER TABLE results ADD COLUMN ${name} ${type}`);
  }

  async find(keys: string[]): Promise<StoredResult[]> {
    const rows = this.#sql
      .exec<{ key: string; vector: ArrayBuffer; frames: ArrayBuffer | null }>(
        "SELECT key, vector, frames FROM results WHERE key IN (SELECT value FROM json_each(?))",
        JSON.stringify(keys),
      )
      .toArray();
    const now = Date.now();
    this.#sql.exec(
      "UPDATE results SET used_at = ?2 WHERE key IN (SELECT value FROM json_each(?1)) AND used_at < ?2 - ?3",
      JSON.stringify(rows.map(({ key }) => key)),
      now,
      DAY_MS,
    );
    return rows.map(({ key, vector, frames }) => ({
      key,
      vector: new Uint8Array(vector),
      ...(frames && { frames: new Uint8Array(frames) }),
    }));
  }

  async keep(results: StoredResult[]): Promise<void> {
    const now = Date.now();
    for (const { key, vector, frames, object } of results)
      this.#sql.exec(
        "INSERT OR REPLACE INTO results (key, used_at, vector, frames, object) VALUES (?, ?, ?, ?, ?)",
        key,
        now,
        vector,
        frames ?? null,
        object ?? null,
      );
    const maxBytes = Number(this.env.RESULTS_MB || DEFAULT_MB) * MEGABYTE;
    // A tenth at a time, so that a full store is not looked through at every call.
    for (let gone = 1; gone > 0 && this.#sql.databaseSize > maxBytes; )
      gone = this.#sql.exec(OLDEST_TENTH).rowsWritten;
  }

  async erase(object: string, dry: boolean): Promise<number> {
    const where = "FROM results WHERE object IS NULL OR object = ?";
    const { count } = this.#sql.exec<{ count: number }>(`SELECT count(*) AS count ${where}`, object).one();
    if (!dry) this.#sql.exec(`DELETE ${where}`, object);
    return count;
  }
}

const OLDEST_TENTH = `
  DELETE FROM results WHERE key IN (
    SELECT key FROM results ORDER BY used_at LIMIT (SELECT 1 + count(*) / 10 FROM results))`;
