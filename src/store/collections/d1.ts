// A collection in D1. Fences are counters of the set's own row; a replacement is one transaction whose
// every statement is conditional on the fence, so a run that was overtaken writes nothing.
import type { D1Database, D1PreparedStatement } from "@cloudflare/workers-types";
import type { NewItem, SetKey, SetLineage, StoredItem, Vector } from "../../shapes/item.ts";
import { chunks } from "../chunks.ts";
import { cutPage } from "../page.ts";
import {
  type Collection,
  type Fence,
  type HeldSet,
  heldBySet,
  type ItemPage,
  type ItemQuery,
} from "./contract.ts";
import { itemId, parseItemId, setId } from "./ids.ts";

export function d1Collection(db: D1Database, collection: string): Collection {
  return {
    async begin(requests) {
      const rows = requests.map((request) => ({ ...request, id: setId(request), collection }));
      const [begun, cancelled] = await db.batch<BegunRow & { run_id: string }>(
        [SQL.begin, SQL.cancelled].map((sql) => db.prepare(sql).bind(JSON.stringify(rows))),
      );
      const begunById = new Map(begun?.results.map((row) => [row.id, row]));
      const ended = new Set(cancelled?.results.map(({ run_id }) => run_id));
      return rows.map(({ alias, connection, bucket, key, id, run_id }) => {
        const row = begunById.get(id);
        const held = row && heldBy(row);
        return {
          set: { alias, connection, bucket, key },
          token: row?.issued ?? null,
          ...(held && { held }),
          ...(run_id !== undefined && ended.has(run_id) && { cancelled: [run_id] }),
        };
      });
    },

    async replace(fence, lineage, items) {
      const id = setId(fence.set);
      const head = db.prepare(SQL.commit).bind(id, fence.token, items.length, JSON.stringify(lineage));
      const clear = [SQL.clearVectors, SQL.clearItems].map((sql) => db.prepare(sql).bind(id, fence.token));
      const ended = db.prepare(SQL.isCancelled).bind(lineage.run_id);
      const results = await db.batch([head, ...clear, ...inserts(db, collection, id, fence, items), ended]);
      if (results[0]?.meta.changes === 1) return "stored";
      return results.at(-1)?.results.length ? "cancelled" : "superseded";
    },

    async cancel({ run_id }) {
      await db.batch([
        db.prepare(SQL.forget).bind(Date.now() - CANCELLED_MS),
        db.prepare(SQL.cancel).bind(run_id, Date.now()),
      ]);
    },

    isCancelled: async ({ run_id }) =>
      (await db.prepare(SQL.isCancelled).bind(run_id).first<unknown>()) !== null,

    list: (query) => listItems(db, collection, query),

    async get(id) {
      const row = await db.prepare(SQL.get).bind(collection, id).first<ItemRow>();
      return row ? ((await inflate(db, [row]))[0] ?? null) : null;
    },

    async describe(sets) {
      const ids = sets.map(setId);
      const { results } = await db.prepare(SQL.describe).bind(collection, JSON.stringify(ids)).all<HeldRow>();
      const rows = new Map(results.map((row) => [row.id, row]));
      return ids.map((id) => {
        const row = rows.get(id);
        return row ? heldOf(row) : null;
      });
    },

    async sets({ limit, after }) {
      const { results } = await db
        .prepare(SQL.sets)
        .bind(collection, after ?? "", limit + 1)
        .all<HeldRow>();
      const { rows, last } = cutPage(results, limit);
      const held = rows.map(heldOf);
      return last ? { held, next: last.id } : { held };
    },
  };
}

/** Reads a page of items: of all sets, of the named ones, or of those that a producer stored. */
async function listItems(
  db: D1Database,
  collection: string,
  { limit, after, sets, producer }: ItemQuery,
): Promise<ItemPage> {
  const from = after === undefined ? null : parseItemId(after);
  const only = sets || producer ? [sets ? JSON.stringify(sets.map(setId)) : null] : [];
  const by = producer
    ? [producer.version ?? null, producer.commit ?? null, producer.not ? JSON.stringify(producer.not) : null]
    : [];
  const { results } = await db
    .prepare(producer ? SQL.listProduced : sets ? SQL.listSets : SQL.list)
    .bind(collection, from?.set ?? "", from?.position ?? -1, limit + 1, ...only, ...by)
    .all<ItemRow>();
  const { rows, last } = cutPage(results, limit);
  const items = await inflate(db, rows);
  return last ? { items, next: last.id } : { items };
}

/** Items as JSON through json_each; vectors as one blob cut up by offset, so that floats never become text. */
function inserts(db: D1Database, collection: string, set: string, fence: Fence, items: NewItem[]) {
  const statements: D1PreparedStatement[] = [];
  const rows = items.map((item, position) => ({ id: itemId(set, position), position, data: item.data }));
  for (const part of chunks(rows, (row) => row.data.length + 100)) {
    statements.push(db.prepare(SQL.insertItems).bind(JSON.stringify(part), set, collection, fence.token));
  }
  const vectors = items.flatMap((item, position) =>
    item.vectors.map((vector) => ({ vector, item: itemId(set, position) })),
  );
  for (const part of chunks(vectors, ({ vector }) => vector.values.byteLength)) {
    const blob = new Uint8Array(part.reduce((sum, { vector }) => sum + vector.values.byteLength, 0));
    let offset = 0;
    const index = part.map(({ vector, item }) => {
      blob.set(bytesOf(vector.values), offset);
      const row = {
        item,
        path: vector.path,
        model: vector.model,
        recipe: vector.recipe,
        dims: vector.values.length,
        offset,
        span: vector.span,
      };
      offset += vector.values.byteLength;
      return row;
    });
    statements.push(db.prepare(SQL.insertVectors).bind(JSON.stringify(index), set, blob, fence.token));
  }
  return statements;
}

/** How long a cancelled run is remembered: by then, no message of it is left in any queue. */
const CANCELLED_MS = 30 * 86_400_000;

interface BegunRow {
  id: string;
  issued: number;
  committed: number;
  items: number;
  lineage: string | null;
}

function heldBy({ lineage, items }: BegunRow): Fence["held"] {
  if (lineage === null) return undefined;
  return heldBySet(JSON.parse(lineage) as SetLineage, items);
}

const bytesOf = (values: Float32Array) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

interface ItemRow extends SetKey {
  id: string;
  position: number;
  data: string;
  lineage: string;
}
interface VectorRow {
  item_id: string;
  path: string;
  model: string | null;
  span: string | null;
  recipe: string | null;
  vector: ArrayBuffer | number[];
}

interface HeldRow extends SetKey {
  id: string;
  items: number;
  etag: string | null;
}
const heldOf = ({ alias, connection, bucket, key, items, etag }: HeldRow): HeldSet => {
  return { set: { alias, connection, bucket, key }, items, etag };
};

async function inflate(db: D1Database, rows: ItemRow[]): Promise<StoredItem[]> {
  if (rows.length === 0) return [];
  const { results } = await db
    .prepare(SQL.vectors)
    .bind(JSON.stringify(rows.map((row) => row.id)))
    .all<VectorRow>();
  const byItem = Map.groupBy(results, (row) => row.item_id);
  return rows.map(({ id, position, data, lineage, alias, connection, bucket, key }) => ({
    id,
    position,
    set: { alias, connection, bucket, key },
    lineage: JSON.parse(lineage) as SetLineage,
    data: JSON.parse(data) as Record<string, unknown>,
    vectors: (byItem.get(id) ?? []).map(vectorOf),
  }));
}

function vectorOf(row: VectorRow): Vector {
  const values = new Float32Array(new Uint8Array(row.vector).slice().buffer);
  const vector: Vector = { path: row.path, values };
  if (row.model !== null) vector.model = row.model;
  if (row.span !== null) vector.span = JSON.parse(row.span);
  if (row.recipe !== null) vector.recipe = JSON.parse(row.recipe);
  return vector;
}

const HELD = "(SELECT committed FROM item_sets WHERE id = ?1) = ?2";
const COLUMNS = "i.id, i.position, i.data, s.lineage, s.alias, s.connection, s.bucket, s.key";
const AFTER = "i.collection = ?1 AND (i.set_id, i.position) > (?2, ?3)";

const HELD_COLUMNS = "id, alias, connection, bucket, key, items, lineage ->> '$.etag' AS etag";

const SQL = {
  describe: `
    SELECT ${HELD_COLUMNS} FROM item_sets
    WHERE collection = ?1 AND committed > 0 AND id IN (SELECT value FROM json_each(?2))`,
  sets: `SELECT ${HELD_COLUMNS} FROM item_sets WHERE collection = ?1 AND items > 0 AND id > ?2 ORDER BY id LIMIT ?3`,
  begin: `
    INSERT INTO item_sets (id, collection, alias, connection, bucket, key, issued)
    SELECT j.value ->> '$.id', j.value ->> '$.collection', j.value ->> '$.alias', j.value ->> '$.connection',
      j.value ->> '$.bucket', j.value ->> '$.key', 1
    FROM json_each(?1) AS j WHERE j.value ->> '$.key' != ''
    ON CONFLICT (id) DO UPDATE SET issued = issued + 1, collection = excluded.collection
    RETURNING id, issued, committed, items, lineage`,
  commit: `
    UPDATE item_sets SET committed = ?2, items = ?3, lineage = ?4
    WHERE id = ?1 AND committed <= ?2
      AND NOT EXISTS (SELECT 1 FROM cancelled_runs WHERE run_id = ?4 ->> '$.run_id')`,
  cancelled: `
    SELECT c.run_id FROM json_each(?1) AS j CROSS JOIN cancelled_runs AS c ON c.run_id = j.value ->> '$.run_id'`,
  isCancelled: "SELECT run_id FROM cancelled_runs WHERE run_id = ?1",
  cancel: "INSERT INTO cancelled_runs (run_id, at) VALUES (?1, ?2) ON CONFLICT (run_id) DO NOTHING",
  forget: "DELETE FROM cancelled_runs WHERE at < ?1",
  clearVectors: `DELETE FROM vectors WHERE set_id = ?1 AND ${HELD}`,
  clearItems: `DELETE FROM items WHERE set_id = ?1 AND ${HELD}`,
  insertItems: `
    INSERT INTO items (id, set_id, collection, position, data)
    SELECT j.value ->> '$.id', ?2, ?3, j.value ->> '$.position', j.value ->> '$.data'
    FROM json_each(?1) AS j WHERE (SELECT committed FROM item_sets WHERE id = ?2) = ?4`,
  insertVectors: `
    INSERT INTO vectors (item_id, path, set_id, model, span, recipe, dims, vector)
    SELECT j.value ->> '$.item', j.value ->> '$.path', ?2, j.value ->> '$.model', j.value -> '$.span',
      j.value -> '$.recipe',
      j.value ->> '$.dims', substr(?3, (j.value ->> '$.offset') + 1, (j.value ->> '$.dims') * 4)
    FROM json_each(?1) AS j WHERE (SELECT committed FROM item_sets WHERE id = ?2) = ?4`,
  list: `
    SELECT ${COLUMNS} FROM items AS i JOIN item_sets AS s ON s.id = i.set_id
    WHERE ${AFTER} ORDER BY i.set_id, i.position LIMIT ?4`,
  listSets: `
    SELECT ${COLUMNS} FROM items AS i JOIN item_sets AS s ON s.id = i.set_id
    WHERE ${AFTER} AND i.set_id IN (SELECT value FROM json_each(?5)) ORDER BY i.set_id, i.position LIMIT ?4`,
  listProduced: `
    SELECT ${COLUMNS} FROM items AS i JOIN item_sets AS s ON s.id = i.set_id
    WHERE ${AFTER} AND i.set_id IN (
      SELECT id FROM item_sets AS m
      WHERE m.collection = ?1 AND m.items > 0 AND (?5 IS NULL OR m.id IN (SELECT value FROM json_each(?5)))
        AND (?6 IS NULL OR m.lineage ->> '$.version' = ?6) AND (?7 IS NULL OR m.lineage ->> '$.commit' = ?7)
        AND (?8 IS NULL OR NOT EXISTS (
          SELECT 1 FROM json_each(?8) AS now WHERE now.key = m.alias AND now.value = m.lineage ->> '$.version')))
    ORDER BY i.set_id, i.position LIMIT ?4`,
  get: `SELECT ${COLUMNS} FROM items AS i JOIN item_sets AS s ON s.id = i.set_id WHERE i.collection = ?1 AND i.id = ?2`,
  vectors:
    "SELECT item_id, path, model, span, recipe, vector FROM vectors WHERE item_id IN (SELECT value FROM json_each(?1)) ORDER BY path",
};
