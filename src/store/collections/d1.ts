// A collection in D1. Fences are counters of the set's own row; a replacement is one transaction whose
// every statement is conditional on the fence, so a run that was overtaken writes nothing.
import type { D1Database, D1PreparedStatement } from "@cloudflare/workers-types";
import type { NewItem, SetKey, SetLineage, StoredItem, Vector } from "../../shapes/item.ts";
import { chunks } from "../chunks.ts";
import { framesFromBytes, framesToBytes } from "../frames.ts";
import { cutPage } from "../page.ts";
import {
  type Collection,
  type Fence,
  type HeldSet,
  heldBySet,
  type IndexBacklog,
  type ItemPage,
  type ItemQuery,
  type SetNumber,
} from "./contract.ts";
import { SQL } from "./d1-sql.ts";
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
          order: row?.issued ?? 0,
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

    async numbers({ limit, after }) {
      const page = db.prepare(SQL.numbers).bind(collection, after ?? "", limit + 1);
      const { results } = await page.all<SetNumber>();
      const { rows, last } = cutPage(results, limit);
      return last ? { rows, next: last.id } : { rows };
    },

    backlog: backlogOf(db, collection),
  };
}

/** Sets that were committed and that the index has not acknowledged. */
const backlogOf = (db: D1Database, collection: string): IndexBacklog => ({
  async list({ limit, after }) {
    const page = db.prepare(SQL.unindexed).bind(collection, after ?? "", limit);
    return (await page.all<HeldRow>()).results.map(heldOf);
  },
  async oldest() {
    const row = await db.prepare(SQL.oldestUnindexed).bind(collection).first<{ at: string | null }>();
    return row?.at ?? null;
  },
  async done(sets) {
    const rows = sets.map(({ set, order }) => ({ id: setId(set), order }));
    await db.prepare(SQL.indexed).bind(JSON.stringify(rows)).run();
  },
});

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
  const withFrames = vectors.map(({ vector, item }) => ({
    ...{ vector, item, frames: vector.frames ? framesToBytes(vector.frames) : NO_BYTES },
  }));
  const sizeOf = ({ vector, frames }: (typeof withFrames)[number]) =>
    vector.values.byteLength + frames.length;
  for (const part of chunks(withFrames, sizeOf)) {
    const blob = new Uint8Array(part.reduce((sum, entry) => sum + sizeOf(entry), 0));
    let offset = 0;
    const index = part.map(({ vector, item, frames }) => {
      blob.set(bytesOf(vector.values), offset);
      blob.set(frames, offset + vector.values.byteLength);
      const row = {
        item,
        path: vector.path,
        model: vector.model,
        recipe: vector.recipe,
        dims: vector.values.length,
        offset,
        span: vector.span,
        frames: frames.length,
      };
      offset += vector.values.byteLength + frames.length;
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

const NO_BYTES = new Uint8Array(0);
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
  frames: ArrayBuffer | number[] | null;
}

interface HeldRow extends SetKey {
  id: string;
  items: number;
  committed: number;
  lineage: string;
}
const heldOf = ({ alias, connection, bucket, key, items, committed, lineage }: HeldRow): HeldSet => {
  const parsed = JSON.parse(lineage) as SetLineage;
  const set = { alias, connection, bucket, key };
  return { set, items, etag: parsed.etag, order: committed, lineage: parsed };
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
  if (row.frames !== null) vector.frames = framesFromBytes(new Uint8Array(row.frames));
  return vector;
}
