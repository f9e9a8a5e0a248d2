// Objects that a pipeline keeps items of, with the version and commit that produced them: all, those of one version or
// commit, or the stale ones, by key. Read from the ledger, without a look at the collection.
import type { D1Database } from "@cloudflare/workers-types";
import { cutPage } from "../store/page.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import type { ListQuery } from "./ledger.ts";

interface Row {
  connection: string;
  bucket: string;
  key: string;
  etag: string | null;
  size: number | null;
  items: number;
  version: string | null;
  commit_id: string | null;
  models: string | null;
  stored_at: number | null;
}

export interface ProducedQuery extends ListQuery {
  prefix?: string | undefined;
  version?: string | undefined;
  commit?: string | undefined;
  stale?: boolean;
}

/** One page. An object is stale when another version than the deployed one made its items. */
export async function listObjects(
  db: D1Database,
  pipeline: { alias: string; version: string },
  { limit, cursor, prefix, version, commit, stale }: ProducedQuery,
) {
  const list = `objects ${pipeline.alias}`;
  const after = decodeCursor(list, cursor, 3) ?? ["", "", ""];
  const producer = [version ?? null, commit ?? null, stale ? pipeline.version : null];
  const { results } = await db
    .prepare(SQL)
    .bind(pipeline.alias, ...producer, ...after, limit + 1, prefix ?? null)
    .all<Row>();
  const { rows, last } = cutPage(results, limit);
  const data = rows.map(({ connection, bucket, key, etag, size, items, version, ...row }) => ({
    object: { connection, bucket, key, etag, size },
    items,
    version,
    commit: row.commit_id,
    models: JSON.parse(row.models ?? "[]") as string[],
    stale: version !== pipeline.version,
    stored_at: row.stored_at === null ? null : new Date(row.stored_at).toISOString(),
  }));
  if (!last) return { data };
  return { data, next: encodeCursor(list, [last.bucket, last.key, last.connection]) };
}

const SQL = `
  SELECT connection, bucket, key, etag, size, items, version, commit_id, models, stored_at FROM tracked
  WHERE alias = ?1 AND items > 0
    AND (?2 IS NULL OR version = ?2) AND (?3 IS NULL OR commit_id = ?3) AND (?4 IS NULL OR version IS NOT ?4)
    AND (bucket, key, connection) > (?5, ?6, ?7) AND (?9 IS NULL OR substr(key, 1, length(?9)) = ?9)
  ORDER BY bucket, key, connection LIMIT ?8`;
