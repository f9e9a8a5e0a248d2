// Moves sets between the databases of a collection, after their number was raised. The earlier database is narrowed
// first, so that what moves changes no more; then a set is copied whole unless it is there already, then deleted where
// it was. Cut off anywhere, and done by several at once, the end is the same.
import type { D1Database, D1PreparedStatement } from "@cloudflare/workers-types";
import type { SetKey } from "../../shapes/item.ts";
import { chunks } from "../chunks.ts";
import { findSets, isSettled, narrow, type SetShard, settle } from "./shards.ts";

/** Sets looked at in one step, and items that are copied in one transaction (a larger set is one by itself). */
const PAGE_SETS = 100;
const GROUP_ITEMS = 500;
/** Rows that one query answers. */
const PAGE_ROWS = 500;

/** Brings these sets to a shard, and what is known of these runs having been cancelled. */
export async function pullSets(shard: SetShard, ids: string[], runIds: string[]): Promise<void> {
  await narrowAll(shard.earlier);
  await Promise.all(shard.earlier.map(({ db }) => copyCancelled(db, shard.db, runIds)));
  // The latest place first: what it has of a set is newer than what an earlier one still has.
  for (const { db } of shard.earlier) {
    const here = await findSets(db, ids);
    if (here.size > 0) await moveSets(db, shard.db, [...here]);
  }
}

/** What one step has done: the number of sets that moved, and whether no more is left to do. */
interface SpreadStep {
  moved: number;
  settled: boolean;
}

/** Moves the next page of the sets that live in a shard and are elsewhere yet. */
export async function spreadPage(shard: SetShard): Promise<SpreadStep> {
  if (await isSettled(shard)) return { moved: 0, settled: true };
  const { place, earlier } = shard;
  await narrowAll(earlier);
  for (const { db } of earlier) {
    const page = db.prepare(SQL.page).bind(place.low, place.high, PAGE_SETS);
    const ids = (await page.all<{ id: string }>()).results.map(({ id }) => id);
    if (ids.length === 0) continue;
    await moveSets(db, shard.db, ids);
    return { moved: ids.length, settled: false };
  }
  for (const { db } of earlier) await copyAllCancelled(db, shard.db);
  await settle(shard);
  return { moved: 0, settled: true };
}

/** All of them, before anything is copied: no earlier database may take what another has given away. */
async function narrowAll(earlier: SetShard[]): Promise<void> {
  await Promise.all(earlier.map((shard) => narrow(shard).run()));
}

interface SetRow extends SetKey {
  id: string;
  collection: string;
  issued: number;
  committed: number;
  items: number;
  lineage: string | null;
  indexed: number;
}

async function moveSets(from: D1Database, to: D1Database, ids: string[]): Promise<void> {
  const { results } = await from.prepare(SQL.sets).bind(JSON.stringify(ids)).all<SetRow>();
  for (const group of groupsOf(results)) {
    const groupIds = JSON.stringify(group.map(({ id }) => id));
    const copies = [...(await copyItems(from, to, groupIds)), ...(await copyVectors(from, to, groupIds))];
    // The set's own row is the last: where it is there already, nothing of the copy is written.
    await to.batch([...copies, to.prepare(SQL.insertSets).bind(JSON.stringify(group))]);
    await from.batch(
      [SQL.deleteVectors, SQL.deleteItems, SQL.deleteSets].map((sql) => from.prepare(sql).bind(groupIds)),
    );
  }
}

function groupsOf(rows: SetRow[]): SetRow[][] {
  const groups: SetRow[][] = [];
  let items = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    if (items + row.items > GROUP_ITEMS) {
      groups.push([]);
      items = 0;
    }
    groups.at(-1)?.push(row);
    items += row.items;
  }
  return groups;
}

interface ItemCopy {
  id: string;
  set_id: string;
  collection: string;
  position: number;
  data: string;
}

async function copyItems(from: D1Database, to: D1Database, ids: string): Promise<D1PreparedStatement[]> {
  const rows = await readAll<ItemCopy>((last) =>
    from.prepare(SQL.items).bind(ids, last?.set_id ?? "", last?.position ?? -1, PAGE_ROWS),
  );
  return [...Map.groupBy(rows, (row) => row.collection)].flatMap(([collection, all]) =>
    [...chunks(all, (row) => row.data.length + 100)].map((part) => {
      const items = part.map(({ id, position, data }) => ({ id, position, data }));
      return to.prepare(SQL.insertItems).bind(JSON.stringify(items), collection);
    }),
  );
}

interface VectorCopy {
  item_id: string;
  path: string;
  set_id: string;
  model: string | null;
  span: string | null;
  recipe: string | null;
  dims: number;
  vector: ArrayBuffer | number[];
  frames: ArrayBuffer | number[] | null;
}

/** Vectors as one blob cut up by offset, as in d1.ts. */
async function copyVectors(from: D1Database, to: D1Database, ids: string): Promise<D1PreparedStatement[]> {
  const rows = await readAll<VectorCopy>((last) =>
    from.prepare(SQL.vectors).bind(ids, last?.set_id ?? "", last?.item_id ?? "", last?.path ?? "", PAGE_ROWS),
  );
  const parts = rows.map(({ vector, frames, ...row }) => ({
    ...{ row, vector: new Uint8Array(vector), frames: new Uint8Array(frames ?? []) },
  }));
  const sizeOf = ({ vector, frames }: (typeof parts)[number]) => vector.length + frames.length;
  return [...chunks(parts, sizeOf)].map((part) => {
    const blob = new Uint8Array(part.reduce((sum, entry) => sum + sizeOf(entry), 0));
    let offset = 0;
    const index = part.map(({ row, vector, frames }) => {
      const at = offset;
      blob.set(vector, at);
      blob.set(frames, at + vector.length);
      offset += vector.length + frames.length;
      return { ...row, offset: at, frames: frames.length };
    });
    return to.prepare(SQL.insertVectors).bind(JSON.stringify(index), blob);
  });
}

/** Every row of a query that answers a page after a row. */
async function readAll<Row>(page: (last: Row | undefined) => D1PreparedStatement): Promise<Row[]> {
  const rows: Row[] = [];
  for (;;) {
    const { results } = await page(rows.at(-1)).all<Row>();
    rows.push(...results);
    if (results.length < PAGE_ROWS) return rows;
  }
}

interface CancelledRow {
  run_id: string;
  at: number;
}

async function copyCancelled(from: D1Database, to: D1Database, runIds: string[]): Promise<void> {
  if (runIds.length === 0) return;
  const { results } = await from.prepare(SQL.cancelled).bind(JSON.stringify(runIds)).all<CancelledRow>();
  if (results.length > 0) await to.prepare(SQL.insertCancelled).bind(JSON.stringify(results)).run();
}

async function copyAllCancelled(from: D1Database, to: D1Database): Promise<void> {
  const rows = await readAll<CancelledRow>((last) =>
    from.prepare(SQL.allCancelled).bind(last?.run_id ?? "", PAGE_ROWS),
  );
  for (const part of chunks(rows, ({ run_id }) => run_id.length + 100))
    await to.prepare(SQL.insertCancelled).bind(JSON.stringify(part)).run();
}

const OF_SETS = "IN (SELECT value FROM json_each(?1))";
/** Only what has been given away may be deleted, whoever asks for it. */
const GIVEN_AWAY = (id: string) => `EXISTS (SELECT 1 FROM shard WHERE ${id} < low OR ${id} >= high)`;
const SET_OF = (id: string) => `substr(${id}, 5, 32)`;

const SQL = {
  page: "SELECT id FROM item_sets WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3",
  sets: `
    SELECT id, collection, alias, connection, bucket, key, issued, committed, items, lineage, indexed
    FROM item_sets WHERE id ${OF_SETS} ORDER BY id`,
  items: `
    SELECT id, set_id, collection, position, data FROM items
    WHERE set_id ${OF_SETS} AND (set_id, position) > (?2, ?3) ORDER BY set_id, position LIMIT ?4`,
  vectors: `
    SELECT item_id, path, set_id, model, span, recipe, dims, vector, frames FROM vectors
    WHERE set_id ${OF_SETS} AND (set_id, item_id, path) > (?2, ?3, ?4) ORDER BY set_id, item_id, path LIMIT ?5`,
  insertItems: `
    INSERT INTO items (id, set_id, collection, position, data)
    SELECT j.value ->> '$.id', ${SET_OF("j.value ->> '$.id'")}, ?2, j.value ->> '$.position', j.value ->> '$.data'
    FROM json_each(?1) AS j
    WHERE NOT EXISTS (SELECT 1 FROM item_sets WHERE id = ${SET_OF("j.value ->> '$.id'")})`,
  insertVectors: `
    INSERT INTO vectors (item_id, path, set_id, model, span, recipe, dims, vector, frames)
    SELECT j.value ->> '$.item_id', j.value ->> '$.path', j.value ->> '$.set_id', j.value ->> '$.model',
      j.value ->> '$.span', j.value ->> '$.recipe', j.value ->> '$.dims',
      substr(?2, (j.value ->> '$.offset') + 1, (j.value ->> '$.dims') * 4),
      CASE WHEN j.value ->> '$.frames' > 0
        THEN substr(?2, (j.value ->> '$.offset') + (j.value ->> '$.dims') * 4 + 1, j.value ->> '$.frames') END
    FROM json_each(?1) AS j WHERE NOT EXISTS (SELECT 1 FROM item_sets WHERE id = j.value ->> '$.set_id')`,
  insertSets: `
    INSERT INTO item_sets (id, collection, alias, connection, bucket, key, issued, committed, items, lineage, indexed)
    SELECT j.value ->> '$.id', j.value ->> '$.collection', j.value ->> '$.alias', j.value ->> '$.connection',
      j.value ->> '$.bucket', j.value ->> '$.key', j.value ->> '$.issued', j.value ->> '$.committed',
      j.value ->> '$.items', j.value ->> '$.lineage', j.value ->> '$.indexed'
    FROM json_each(?1) AS j WHERE true ON CONFLICT (id) DO NOTHING`,
  deleteVectors: `DELETE FROM vectors WHERE set_id ${OF_SETS} AND ${GIVEN_AWAY("set_id")}`,
  deleteItems: `DELETE FROM items WHERE set_id ${OF_SETS} AND ${GIVEN_AWAY("set_id")}`,
  deleteSets: `DELETE FROM item_sets WHERE id ${OF_SETS} AND ${GIVEN_AWAY("id")}`,
  cancelled: `SELECT run_id, at FROM cancelled_runs WHERE run_id ${OF_SETS}`,
  allCancelled: "SELECT run_id, at FROM cancelled_runs WHERE run_id > ?1 ORDER BY run_id LIMIT ?2",
  insertCancelled: `
    INSERT INTO cancelled_runs (run_id, at) SELECT j.value ->> '$.run_id', j.value ->> '$.at'
    FROM json_each(?1) AS j WHERE true ON CONFLICT (run_id) DO NOTHING`,
};
