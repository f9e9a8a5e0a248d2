// Erasures on record: what is to be erased and where the next page begins, what pages have found, and at the end the
// receipt alone. A page counts once however often it is done, by the name of what goes at once.
import type { D1Database } from "@cloudflare/workers-types";
import type { ErasedCount, ErasureScope, ObjectName, Receipt } from "../../shapes/erasure.ts";
import { cutPage } from "../page.ts";
import type { ListObjects, PageFinds } from "./contract.ts";
import { putTombstone } from "./tombstones.ts";

/** `settling`: the first sweep is over, and what was on its way then has time to arrive. */
export type ErasureStatus = "sweeping" | "settling" | "done";

export interface ErasureRecord {
  id: string;
  status: ErasureStatus;
  dry_run: boolean;
  connection: string;
  hash: string;
  /** Null once the erasure is done. */
  scope: ErasureScope | null;
  key_id: string;
  key_name: string;
  sweep: 1 | 2;
  /** Name of the store, empty for the first. */
  store: string;
  cursor: string | null;
  page: number;
  erased_at: number;
  moved_at: number;
  ended_at: number | null;
  trouble: string | null;
  /** Of a plan, the counts alone. */
  receipt: Receipt | null;
}

type ErasureRow = Omit<ErasureRecord, "dry_run" | "scope" | "receipt"> & {
  dry_run: number;
  scope: string | null;
  receipt: string | null;
};

const recordOf = ({ dry_run, scope, receipt, ...row }: ErasureRow): ErasureRecord => ({
  ...row,
  dry_run: dry_run === 1,
  scope: scope === null ? null : (JSON.parse(scope) as ErasureScope),
  receipt: receipt === null ? null : (JSON.parse(receipt) as Receipt),
});

/** Puts an erasure on record, with its tombstone and, where it is of one key, its object. */
export async function insertErasure(db: D1Database, erasure: ErasureRecord): Promise<void> {
  const { id, dry_run, connection, hash, scope, key_id, key_name, erased_at } = erasure;
  if (!scope) throw new Error("an erasure begins with a scope");
  await db.batch([
    db
      .prepare(
        `INSERT INTO erasures (id, status, dry_run, connection, hash, scope, key_id, key_name, sweep, store, page, erased_at, moved_at)
         VALUES (?1, 'sweeping', ?2, ?3, ?4, ?5, ?6, ?7, 1, '', 0, ?8, ?8)`,
      )
      .bind(id, Number(dry_run), connection, hash, JSON.stringify(scope), key_id, key_name, erased_at),
    ...(dry_run ? [] : [putTombstone(db, hash, scope, erased_at)]),
    ...(scope.key === undefined
      ? []
      : [db.prepare(SQL.object).bind(id, JSON.stringify([{ bucket: scope.bucket, key: scope.key }]))]),
  ]);
}

export async function getErasure(db: D1Database, id: string): Promise<ErasureRecord | null> {
  const row = await db.prepare("SELECT * FROM erasures WHERE id = ?").bind(id).first<ErasureRow>();
  return row && recordOf(row);
}

/** The erasure of the same scope that is not done yet. */
export async function findOpen(
  db: D1Database,
  hash: string,
  dry_run: boolean,
): Promise<ErasureRecord | null> {
  const row = await db
    .prepare("SELECT * FROM erasures WHERE hash = ?1 AND dry_run = ?2 AND status != 'done' LIMIT 1")
    .bind(hash, Number(dry_run))
    .first<ErasureRow>();
  return row && recordOf(row);
}

/** Erasures that are not done yet, the oldest first. */
export async function listOpen(db: D1Database): Promise<ErasureRecord[]> {
  const sql =
    "SELECT * FROM erasures INDEXED BY erasures_open WHERE status != 'done' ORDER BY erased_at LIMIT 100";
  return (await db.prepare(sql).all<ErasureRow>()).results.map(recordOf);
}

/** Puts on record what a page holds. Again changes nothing. */
export async function noteFinds(
  db: D1Database,
  { id, sweep }: Pick<ErasureRecord, "id" | "sweep">,
  store: string,
  { units, objects = [] }: PageFinds,
): Promise<void> {
  const rows = units.map(({ table, unit, count }) => ({
    place: `${sweep} ${unit}`,
    what: JSON.stringify([store, table]),
    count,
  }));
  const names = objects.map(({ bucket, key }) => ({ bucket, key }));
  const statements = [];
  for (let at = 0; at < rows.length; at += NOTED_ROWS)
    statements.push(db.prepare(SQL.counts).bind(id, JSON.stringify(rows.slice(at, at + NOTED_ROWS))));
  for (let at = 0; at < names.length; at += NOTED_ROWS)
    statements.push(db.prepare(SQL.object).bind(id, JSON.stringify(names.slice(at, at + NOTED_ROWS))));
  if (statements.length > 0) await db.batch(statements);
}
/** Rows of one statement: a bound text stays under D1's 2 MB. */
const NOTED_ROWS = 500;

/** Turns to the next page, if nobody else has. Returns whether it did. */
export async function turnErasure(
  db: D1Database,
  at: Pick<ErasureRecord, "id" | "page">,
  to: Pick<ErasureRecord, "status" | "sweep" | "store" | "cursor">,
  now: number,
): Promise<boolean> {
  const { meta } = await db
    .prepare(
      `UPDATE erasures SET page = page + 1, status = ?3, sweep = ?4, store = ?5, cursor = ?6, moved_at = ?7, trouble = NULL
       WHERE id = ?1 AND page = ?2`,
    )
    .bind(at.id, at.page, to.status, to.sweep, to.store, to.cursor, now)
    .run();
  return meta.changes === 1;
}

export async function noteTrouble(db: D1Database, id: string, trouble: string): Promise<void> {
  await db.prepare("UPDATE erasures SET trouble = ?2 WHERE id = ?1").bind(id, trouble).run();
}

/** Ends an erasure: what it knew in the clear goes with the same transaction. */
export async function endErasure(
  db: D1Database,
  { id, page }: Pick<ErasureRecord, "id" | "page">,
  receipt: object,
  now: number,
): Promise<void> {
  await db.batch([
    db
      .prepare(
        `UPDATE erasures SET page = page + 1, status = 'done', scope = NULL, cursor = NULL, trouble = NULL, receipt = ?3,
           ended_at = ?4, moved_at = ?4 WHERE id = ?1 AND page = ?2 AND status != 'done'`,
      )
      .bind(id, page, JSON.stringify(receipt), now),
    ...["erasure_counts", "erasure_objects"].map((table) =>
      db
        .prepare(
          `DELETE FROM ${table} WHERE erasure = ?1 AND EXISTS (SELECT 1 FROM erasures WHERE id = ?1 AND status = 'done')`,
        )
        .bind(id),
    ),
  ]);
}

/** What pages have found so far, by store and table. */
export async function countErased(db: D1Database, id: string): Promise<ErasedCount[]> {
  const { results } = await db.prepare(SQL.sums).bind(id).all<{ what: string; count: number }>();
  return results.map(({ what, count }) => {
    const [store, table] = JSON.parse(what) as [string, string];
    return { store, table, count };
  });
}

/** The objects that were found so far, in pages. */
export const listFound =
  (db: D1Database, { id, connection }: Pick<ErasureRecord, "id" | "connection">): ListObjects =>
  async (after, limit) => {
    const [bucket, key] = after === undefined ? ["", ""] : (JSON.parse(after) as [string, string]);
    const { results } = await db
      .prepare(SQL.objects)
      .bind(id, bucket, key, limit + 1)
      .all<Omit<ObjectName, "connection">>();
    const { rows, last } = cutPage(results, limit);
    const objects = rows.map((row) => ({ connection, ...row }));
    return last ? { objects, next: JSON.stringify([last.bucket, last.key]) } : { objects };
  };

export async function countFound(db: D1Database, id: string): Promise<number> {
  const sql = "SELECT count(*) AS count FROM erasure_objects WHERE erasure = ?1";
  return (await db.prepare(sql).bind(id).first<{ count: number }>())?.count ?? 0;
}

const SQL = {
  counts: `
    INSERT INTO erasure_counts (erasure, place, what, count)
    SELECT ?1, j.value ->> '$.place', j.value ->> '$.what', j.value ->> '$.count' FROM json_each(?2) AS j WHERE true
    ON CONFLICT (erasure, place, what) DO UPDATE SET count = max(count, excluded.count)`,
  object: `
    INSERT INTO erasure_objects (erasure, bucket, key)
    SELECT ?1, j.value ->> '$.bucket', j.value ->> '$.key' FROM json_each(?2) AS j WHERE true ON CONFLICT DO NOTHING`,
  sums: "SELECT what, sum(count) AS count FROM erasure_counts WHERE erasure = ?1 GROUP BY what ORDER BY what",
  objects: `
    SELECT bucket, key FROM erasure_objects WHERE erasure = ?1 AND (bucket, key) > (?2, ?3)
    ORDER BY bucket, key LIMIT ?4`,
};
