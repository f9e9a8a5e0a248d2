// Erases sets of objects from collections: rows of D1 with their items and vectors, objects of R2. A run that had begun
// stores nothing any more: in D1 its fence is gone with the row, in R2 its id stays in the set's object, without a key.
import type { D1Database, R2Bucket, R2Object } from "@cloudflare/workers-types";
import { covers, type ErasureScope, type ObjectName } from "../../shapes/erasure.ts";
import { keyDigitsOfId, keyHex, partsOfRun } from "../../shapes/event-id.ts";
import type { SetLineage } from "../../shapes/item.ts";
import type { ErasableStore, ErasurePage, UnitCount } from "../erasure/contract.ts";
import { type Head, putSet, type ReadHead, readHeads } from "./r2.ts";
import { PRODUCED_BY } from "./written.ts";

/** Rows of D1, and objects of R2, that one page looks at. */
const PAGE_ROWS = 2_000;
const PAGE_OBJECTS = 200;

/** A database of collections, whatever collections it has. */
export const erasableDatabase = (name: string, db: D1Database): ErasableStore => ({
  name,
  async erase(page) {
    const { scope, at = "" } = page;
    const text = scope.key ?? scope.prefix ?? "";
    const [rows, last] = await db.batch<SetRow>([
      db.prepare(SQL.find).bind(at, PAGE_ROWS, scope.connection, scope.bucket, text),
      db.prepare(SQL.last).bind(at, PAGE_ROWS),
    ]);
    const sets = (rows?.results ?? []).filter(
      (row) => covers(scope, row) && isOld(page, row.lineage === null ? null : JSON.parse(row.lineage)),
    );
    const units = sets.flatMap(({ id, items, vectors }): UnitCount[] => [
      { table: "item_sets", unit: id, count: 1 },
      { table: "items", unit: id, count: items },
      { table: "vectors", unit: id, count: vectors },
    ]);
    if (sets.length > 0) {
      await page.note({ units: units.filter(({ count }) => count > 0), objects: sets.map(nameOf) });
      const ids = JSON.stringify(sets.map(({ id }) => id));
      if (!page.dry) await db.batch(SQL.remove.map((sql) => db.prepare(sql).bind(ids)));
    }
    return (last?.results[0] as { last: string | null } | undefined)?.last ?? undefined;
  },
});

interface SetRow extends ObjectName {
  id: string;
  lineage: string | null;
  items: number;
  vectors: number;
}

const nameOf = ({ connection, bucket, key }: ObjectName): ObjectName => ({ connection, bucket, key });

/**
 * Whether a set was stored by then, or is of an event of then. One that was never stored is that of a run which has not
 * ended: at first of one that is cancelled now, later of one that a new upload runs.
 */
const isOld = (
  { erased_at, again }: ErasurePage,
  lineage: Pick<SetLineage, "event_time" | "stored_at"> | null,
): boolean =>
  (lineage === null && !again) ||
  (lineage !== null &&
    (Date.parse(lineage.stored_at) <= erased_at || Date.parse(lineage.event_time) <= erased_at));

const PAGE = "SELECT id, connection, bucket, key, lineage FROM item_sets WHERE id > ?1 ORDER BY id LIMIT ?2";
const SQL = {
  find: `
    WITH page AS (${PAGE})
    SELECT page.*, (SELECT count(*) FROM items WHERE set_id = page.id) AS items,
      (SELECT count(*) FROM vectors WHERE set_id = page.id) AS vectors
    FROM page WHERE connection = ?3 AND bucket = ?4 AND substr(key, 1, length(?5)) = ?5`,
  last: `WITH page AS (${PAGE}) SELECT CASE WHEN count(*) = ?2 THEN max(id) END AS last FROM page`,
  remove: ["vectors", "items", "item_sets"].map(
    (table) =>
      `DELETE FROM ${table} WHERE ${table === "item_sets" ? "id" : "set_id"} IN (SELECT value FROM json_each(?1))`,
  ),
};

/** A collection in a bucket. */
export const erasableFolder = (bucket: R2Bucket, collection: string): ErasableStore => ({
  name: `R2 collection ${collection}`,
  async erase(page) {
    const { at, scope } = page;
    const listed = await bucket.list({
      ...{ prefix: `${collection}/`, limit: PAGE_OBJECTS, include: ["customMetadata"] },
      ...(at !== undefined && { startAfter: at }),
    });
    const near = listed.objects.filter((object) => mayBeOf(scope, object)).map(({ key }) => key);
    const found = (await readHeads(bucket, near)).filter(
      ({ head }) => covers(scope, head.set) && isOld(page, head.lineage ?? null),
    );
    if (found.length > 0) {
      const units = found.map(({ key, head }) => ({ table: "sets", unit: key, count: head.items }));
      await page.note({ units, objects: found.map(({ head }) => nameOf(head.set)) });
      if (!page.dry) for (const one of found) await eraseObject(bucket, one);
    }
    return listed.truncated ? listed.objects.at(-1)?.key : undefined;
  },
});

/** Whether a set's object may be of the scope: the id of the run that stored it has digits of its key's hash. */
function mayBeOf({ key }: ErasureScope, { customMetadata }: R2Object): boolean {
  const by = customMetadata?.[PRODUCED_BY];
  if (key === undefined || by === undefined) return true;
  const event = partsOfRun((JSON.parse(by) as { run_id: string }).run_id)?.event_id;
  return event === undefined || keyDigitsOfId(event) === keyHex(key).slice(0, keyDigitsOfId(event).length);
}

/** Erases a set's object, if it is still as it was read. Of one whose runs were cancelled their ids stay, and no key. */
async function eraseObject(bucket: R2Bucket, { key, etag, head }: ReadHead): Promise<void> {
  const { set, cancelled } = head;
  const marker: Head = { set: { alias: set.alias, connection: "", bucket: "", key: "" }, items: 0 };
  if (!cancelled) await bucket.delete(key);
  else
    await putSet(bucket, key, etag, { ...marker, cancelled }, JSON.stringify({ ...marker, cancelled }), {});
}
