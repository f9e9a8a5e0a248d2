// What filters and orders see of a shard's items, read of SQLite: what all items of a set have in common once for the set,
// and what is an item's own for each.
import { itemJson, setJson } from "../../src/match/index.ts";
import { itemId } from "../../src/store/collections/ids.ts";
import type { Catalog } from "./catalog.ts";

interface DocRow {
  [name: string]: SqlStorageValue;
  span: string | null;
  data: string;
}

interface SetDocs {
  name: string;
  docs: Uint32Array;
  /** What its items have in common. */
  common(): Record<string, unknown>;
}

/** Every set that has items. */
export function* eachSet(sql: SqlStorage): Generator<SetDocs> {
  const rows = sql
    .exec("SELECT name, head, docs FROM sets WHERE items > 0 AND name NOT LIKE '~%'")
    .raw<[string, string, ArrayBuffer]>();
  for (const [name, head, docs] of rows)
    yield { name, docs: new Uint32Array(docs), common: () => setJson(JSON.parse(head)) };
}

/** What is an item's own, of every item. */
export function* eachItem(sql: SqlStorage, catalog: Catalog): Generator<{ doc: number; own: object }> {
  const rows = sql.exec("SELECT id, span, data FROM docs").raw<[number, string | null, string]>();
  for (const [doc, span, data] of rows)
    if (catalog.isLive(doc)) yield { doc, own: ownJson(catalog.itemOf(doc), { span, data }) };
}

/** What is the own of one item of a set. */
export function itemOf(sql: SqlStorage, name: string, position: number, doc: number): object {
  const row = sql.exec<DocRow>("SELECT span, data FROM docs WHERE id = ?", doc).one();
  return ownJson(itemId(name, position), row);
}

const ownJson = (id: string, { span, data }: Pick<DocRow, "span" | "data">) =>
  itemJson({
    id,
    position: Number(id.slice(id.lastIndexOf("_") + 1)),
    data: JSON.parse(data),
    span: span === null ? null : JSON.parse(span),
  });
