// Statements of a collection in D1 (d1.ts).

const HELD = "(SELECT committed FROM item_sets WHERE id = ?1) = ?2";
const COLUMNS = "i.id, i.position, i.data, s.lineage, s.alias, s.connection, s.bucket, s.key";
const AFTER = "i.collection = ?1 AND (i.set_id, i.position) > (?2, ?3)";

const HELD_COLUMNS = "id, alias, connection, bucket, key, items, committed, lineage";

export const SQL = {
  describe: `
    SELECT ${HELD_COLUMNS} FROM item_sets
    WHERE collection = ?1 AND committed > 0 AND id IN (SELECT value FROM json_each(?2))`,
  sets: `SELECT ${HELD_COLUMNS} FROM item_sets WHERE collection = ?1 AND items > 0 AND id > ?2 ORDER BY id LIMIT ?3`,
  unindexed: `
    SELECT ${HELD_COLUMNS} FROM item_sets INDEXED BY item_sets_unindexed
    WHERE collection = ?1 AND committed > indexed AND id > ?2 ORDER BY id LIMIT ?3`,
  oldestUnindexed: `
    SELECT min(at) AS at FROM (
      SELECT lineage ->> '$.stored_at' AS at FROM item_sets INDEXED BY item_sets_unindexed
      WHERE collection = ?1 AND committed > indexed LIMIT 1000)`,
  indexed: `
    UPDATE item_sets SET indexed = j.value ->> '$.order' FROM json_each(?1) AS j
    WHERE item_sets.id = j.value ->> '$.id' AND item_sets.indexed < j.value ->> '$.order'`,
  numbers: `
    SELECT id, committed AS number, items FROM item_sets
    WHERE collection = ?1 AND items > 0 AND id > ?2 ORDER BY id LIMIT ?3`,
  begin: `
    INSERT INTO item_sets (id, collection, alias, connection, bucket, key, issued)
    SELECT j.value ->> '$.id', j.value ->> '$.collection', j.value ->> '$.alias', j.value ->> '$.connection',
      j.value ->> '$.bucket', j.value ->> '$.key', 1
    FROM json_each(?1) AS j WHERE j.value ->> '$.key' != ''
      AND NOT EXISTS (SELECT 1 FROM cancelled_runs WHERE run_id = j.value ->> '$.run_id')
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
    INSERT INTO vectors (item_id, path, set_id, model, span, recipe, dims, vector, frames)
    SELECT j.value ->> '$.item', j.value ->> '$.path', ?2, j.value ->> '$.model', j.value -> '$.span',
      j.value -> '$.recipe',
      j.value ->> '$.dims', substr(?3, (j.value ->> '$.offset') + 1, (j.value ->> '$.dims') * 4),
      CASE WHEN j.value ->> '$.frames' > 0
        THEN substr(?3, (j.value ->> '$.offset') + (j.value ->> '$.dims') * 4 + 1, j.value ->> '$.frames') END
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
    "SELECT item_id, path, model, span, recipe, vector, frames FROM vectors WHERE item_id IN (SELECT value FROM json_each(?1)) ORDER BY path",
};
