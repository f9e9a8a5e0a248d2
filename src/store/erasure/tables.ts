// Erases what rows of the ledger's D1 database say of objects: refused records and kept answers go; rows that are on
// record for another reason (the audit log, replays, pauses) stay, with a hash in place of the name.
import type { D1Database, D1PreparedStatement } from "@cloudflare/workers-types";
import type { ErasableStore, ErasurePage, ListObjects, UnitCount } from "./contract.ts";
import { type Mentions, mentionsOf } from "./mentions.ts";

/** A table whose rows may name objects, in columns of text. */
interface NamingTable {
  table: string;
  /** What tells its rows apart, as SQL: `rowid` where it is not said. */
  row?: string;
  columns: string[];
  /** When a row was written, ms; absent where rows are not kept for long. */
  at?: string;
  /** Rows that name an object go; else they stay, with a hash in its place. */
  goes: boolean;
}

export const NAMING_TABLES: readonly NamingTable[] = [
  { table: "rejections", columns: ["failure", "raw"], at: "at", goes: true },
  { table: "idempotency", columns: ["key", "answer"], at: "at", goes: true },
  { table: "audit_log", columns: ["target", "detail"], at: "at", goes: false },
  { table: "paused", row: "alias", columns: ["reason"], at: "at", goes: false },
  { table: "deaths", row: "alias || ' ' || minute", columns: ["detail"], goes: false },
  // A replay that is under way writes its plan anew with every page: the second sweep finds what it brings back.
  { table: "replays", columns: ["request", "plan", "cursor"], at: "created_at", goes: false },
];

/** Rows of one page. */
const PAGE_ROWS = 500;
/** Keys that are looked for in texts one by one, at most; the others are found by their prefix. */
const MAX_KEYS = 10_000;

/** The tables, one after another; `mark` stands in the place of a name. */
export const erasableTables = (db: D1Database, list: ListObjects, mark: string): ErasableStore => ({
  name: "weir-ledger",
  async erase(page) {
    const { number, after } =
      page.at === undefined ? { number: 0, after: null } : (JSON.parse(page.at) as Place);
    const one = NAMING_TABLES[number];
    if (!one) return undefined;
    const rows = await readRows(db, one, after, page.erased_at);
    if (rows.length > 0)
      await eraseRows(db, one, rows, page, mentionsOf(page.scope, await keysOf(list), mark));
    const last = rows.at(-1)?.row;
    const next: Place =
      rows.length === PAGE_ROWS && last ? { number, after: last } : { number: number + 1, after: null };
    return next.number < NAMING_TABLES.length ? JSON.stringify(next) : undefined;
  },
});

/** Number of the table, and its last row that was looked at. */
interface Place {
  number: number;
  after: string | number | null;
}

type NamingRow = Record<string, string | number | null> & { row: string | number };

async function readRows(
  db: D1Database,
  { table, row = "rowid", columns, at }: NamingTable,
  after: Place["after"],
  erased_at: number,
): Promise<NamingRow[]> {
  const time = at === undefined ? "" : ` AND ${at} <= ?3`;
  const sql = `SELECT ${row} AS row, ${columns.join()} FROM ${table}
    WHERE ${row} > ?1${time} ORDER BY 1 LIMIT ?2`;
  const bindings = [after ?? (row === "rowid" ? 0 : ""), PAGE_ROWS, ...(at === undefined ? [] : [erased_at])];
  return (
    await db
      .prepare(sql)
      .bind(...bindings)
      .all<NamingRow>()
  ).results;
}

async function keysOf(list: ListObjects): Promise<string[]> {
  const keys: string[] = [];
  for (let after: string | undefined; ; ) {
    const { objects, next } = await list(after, 1_000);
    keys.push(...objects.map(({ key }) => key));
    if (next === undefined || keys.length >= MAX_KEYS) return keys;
    after = next;
  }
}

async function eraseRows(
  db: D1Database,
  { table, row: name = "rowid", columns, goes }: NamingTable,
  rows: NamingRow[],
  page: ErasurePage,
  mentions: Mentions,
): Promise<void> {
  const named = rows.filter((row) =>
    columns.some((column) => {
      const text = row[column];
      return typeof text === "string" && (mentions.isIn(text) || (goes && mentions.hasRunIn(text)));
    }),
  );
  if (named.length === 0) return;
  const units = named.map(({ row }): UnitCount => ({ table, unit: String(row), count: 1 }));
  await page.note({ units });
  if (page.dry) return;
  const redacted = (text: string | number | null | undefined) =>
    typeof text === "string" ? mentions.redact(text) : (text ?? null);
  await db.batch(
    named.map((row): D1PreparedStatement => {
      if (goes) return db.prepare(`DELETE FROM ${table} WHERE ${name} = ?1`).bind(row.row);
      const set = columns.map((column, index) => `${column} = ?${index + 2}`).join();
      return db
        .prepare(`UPDATE ${table} SET ${set} WHERE ${name} = ?1`)
        .bind(row.row, ...columns.map((column) => redacted(row[column])));
    }),
  );
}
