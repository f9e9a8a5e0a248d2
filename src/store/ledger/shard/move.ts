// Rows of objects on their way from one shard to another, when the number of shards is raised. Objects move in the order
// of the first digits of their keys' hashes, a page of such digits at a time, whole: never half of an object.
import type { MovedPage } from "../contract.ts";
import type { ShardTables } from "./tables.ts";

/** Digits of a key's hash, by which objects move: as many as an event's id has of it. */
export const MOVE_DIGITS = 10;
/** Past all digits. */
export const ALL_MOVED = "g";
const SHARD_DIGITS = 4;
/** Rows of each table that are looked at for a page. */
const PAGE_ROWS = 100;
/** Identities in one part of a page: they are small. */
const PART_IDENTITIES = 20_000;

const RUN_COLUMNS = [
  "lower(hex(object)) AS object",
  "lower(hex(id)) AS id",
  ...["alias", "status", "progress", "due_at", "created_at", "closed_at", "replay_id", "detail", "event"],
];
const TRACKED_COLUMNS = [
  ...["alias", "bucket", "key", "connection", "lower(hex(object)) AS object", "run_id", "stored_at", "items"],
  ...["etag", "size", "version", "commit_id", "models"],
];
const IDENTITY_COLUMNS = [
  "lower(hex(object)) AS object",
  "minute",
  "lower(hex(id)) AS id",
  "lower(hex(names)) AS names",
];
const BLOBS = new Set(["object", "id", "names"]);

/** The shard, of `count`, that an object with these first digits belongs to. */
export const shardOfDigits = (digits: string, count: number): number =>
  Number.parseInt(digits.slice(0, SHARD_DIGITS), 16) % count;

/** All tables that hold rows by object. */
const tablesOf = (tables: ShardTables) => [
  tables.runs,
  "letters",
  "tracked",
  ...tables.weeks.map((week) => `ids_${week}`),
];

/** What finds tracked objects by hash: it costs a row for each, while objects move and not before. */
export function prepareMove({ database }: ShardTables): void {
  database.all("CREATE INDEX IF NOT EXISTS tracked_by_object ON tracked (object)");
}

export function endMove({ database }: ShardTables): void {
  database.all("DROP INDEX IF EXISTS tracked_by_object");
}

/** The next page: the digits that it ends with and those, up to there, of objects that are here. Undefined: no more. */
export function nextPage(tables: ShardTables, after: string): { upTo: string; digits: string[] } | undefined {
  const found = new Set<string>();
  let upTo = ALL_MOVED;
  for (const table of tablesOf(tables)) {
    const rows = tables.database.all<{ digits: string }>(
      `SELECT lower(hex(substr(object, 1, 5))) AS digits FROM ${table}
       WHERE object > unhex(?) ORDER BY object LIMIT ${PAGE_ROWS}`,
      after === "" ? "" : after.padEnd(32, "f"),
    );
    for (const { digits } of rows) found.add(digits);
    const last = rows.at(-1)?.digits;
    if (rows.length === PAGE_ROWS && last !== undefined && last < upTo) upTo = last;
  }
  if (found.size === 0) return undefined;
  return { upTo, digits: [...found].filter((digits) => digits <= upTo).sort() };
}

const ofDigits = "object BETWEEN unhex(?) AND unhex(?)";
/** An identity's object is 8 bytes, any other 16: the shorter sorts before what it begins. */
const range = (digits: string) => [digits.padEnd(16, "0"), digits.padEnd(32, "f")];

/** Everything of objects with these digits, in parts that a call can carry: at least one. */
export function* partsOf(tables: ShardTables, digits: string[], upTo: string): Generator<MovedPage> {
  const read = (table: string, columns: string[], one: string) =>
    tables.database.all(`SELECT ${columns.join()} FROM ${table} WHERE ${ofDigits}`, ...range(one));
  let part = emptyPart(upTo, 0);
  for (const one of digits) {
    part.runs.push(...read(tables.runs, RUN_COLUMNS, one));
    part.letters.push(...read("letters", RUN_COLUMNS, one));
    part.tracked.push(...read("tracked", TRACKED_COLUMNS, one));
    for (const week of tables.weeks) {
      const rows = read(`ids_${week}`, IDENTITY_COLUMNS, one);
      for (let from = 0; from < rows.length; from += PART_IDENTITIES)
        part.identities.push({ week, rows: rows.slice(from, from + PART_IDENTITIES) });
    }
    if (!isLarge(part)) continue;
    yield part;
    part = emptyPart(upTo, part.part + 1);
  }
  yield { ...part, last: true };
}

const emptyPart = (upTo: string, part: number): MovedPage => ({
  ...{ runs: [], letters: [], tracked: [], identities: [] },
  ...{ upTo, part, last: false },
});

const isLarge = ({ runs, letters, tracked, identities }: MovedPage) =>
  runs.length + letters.length + tracked.length >= PAGE_ROWS ||
  identities.reduce((sum, { rows }) => sum + rows.length, 0) >= PART_IDENTITIES;

/** Takes in rows of another shard. */
export function adoptRows(tables: ShardTables, page: MovedPage): void {
  insertRows(tables, tables.runs, page.runs);
  insertRows(tables, "letters", page.letters);
  insertRows(tables, "tracked", page.tracked);
  for (const { week, rows } of page.identities) insertRows(tables, tables.identities(week), rows);
  for (const { alias } of page.tracked as { alias: string }[]) tables.trackedAliases.add(alias);
}

function insertRows(tables: ShardTables, table: string, rows: unknown[]): void {
  for (const row of rows as Record<string, unknown>[]) {
    const names = Object.keys(row);
    const values = names.map((name) => (BLOBS.has(name) ? "unhex(?)" : "?"));
    tables.database.all(
      `INSERT INTO ${table} (${names.join()}) VALUES (${values.join()})`,
      ...Object.values(row),
    );
  }
}

/** Deletes everything of objects with these digits. */
export function deleteRows(tables: ShardTables, digits: string[]): void {
  tables.lateChanges++;
  for (const table of tablesOf(tables))
    for (const one of digits) tables.database.all(`DELETE FROM ${table} WHERE ${ofDigits}`, ...range(one));
}
