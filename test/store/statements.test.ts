// Every statement that stands in the source, asked of SQLite: none reads a whole table that grows with the bucket or its
// events. What is put together at run time is asked when a test runs it, by the stand-ins for D1 and for a shard.
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { unstable_splitSqlQuery } from "wrangler";
import { ShardDatabase } from "../../src/store/ledger/shard/database.ts";
import { ShardTables } from "../../src/store/ledger/shard/tables.ts";
import { OLD_TABLES } from "../../src/store/moving/state.ts";
import { SCHEMA } from "../../workers/search/schema.ts";
import { wideScans } from "../support/plans.ts";
import { storageInNode } from "../support/shard-in-node.ts";
import { read, sources } from "../support/source-text.ts";
import { migrationsOf } from "../support/stores.ts";

const BEGIN = "\\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH|REPLACE)\\b";
const STATEMENT = new RegExp(`"${BEGIN}(?:\\\\.|[^"\\n\\\\])*"|\`${BEGIN}[^\`]*\``, "g");

/** Files whose statements may read a whole table, and why. */
const WHOLE: Record<string, string> = {
  "src/store/moving/move.ts": "once, when the old ledger begins to move",
  "workers/search/catalog.ts": "an index is read into memory when its object starts",
  "workers/search/items.ts": "a filter or an order over items looks at each item of the index once",
  "workers/search/columns.ts": "an index is read into memory when its object starts",
  "workers/search/vectors.ts": "an index is read into memory when its object starts",
  "workers/compute/results.ts": "once a store is full, to drop a tenth of it at a time",
  "workers/local/queues.ts": "local work only, over a machine's own queues",
};

/** The ledger after its move, which all statements but those of the move find. */
const ledger = migrated("ledger");
for (const table of OLD_TABLES) ledger.exec(`DROP TABLE ${table}`);
const DATABASES: [string, DatabaseSync][] = [
  ["src/store/moving/", migrated("ledger")],
  ["src/store/ledger/shard/", shard()],
  ["src/store/collections/", migrated("collections")],
  ["workers/search/", search()],
  ["workers/compute/results.ts", ownTables("workers/compute/results.ts")],
  ["workers/local/queues.ts", ownTables("workers/local/queues.ts")],
];

/** The database that the statements of a folder are for. */
const databaseOf = (file: string) => DATABASES.find(([folder]) => file.startsWith(folder))?.[1] ?? ledger;

interface Statement {
  file: string;
  sql: string;
}

/** What a file says, with the file's own constants put in; without what other code puts together. */
const statements: Statement[] = sources("src", "workers").flatMap((file) => {
  const text = read(file);
  return [...text.matchAll(STATEMENT)]
    .map(([quoted]) => filled(quoted.slice(1, -1), text))
    .filter((sql) => !sql.includes("${"))
    .map((sql) => ({ file, sql }));
});

function filled(sql: string, text: string): string {
  return sql.replaceAll(/\$\{(\w+)\}/g, (hole, name) => {
    const constant = new RegExp(`const ${name}\\b[^=]*=\\s*(?:"([^"]*)"|\`([^\`]*)\`);`).exec(text);
    return constant ? filled(constant[1] ?? constant[2] ?? "", text) : hole;
  });
}

describe("a statement of the source", () => {
  test("is there to be asked", () => expect(statements.length).toBeGreaterThan(140));

  test.each([...new Set(statements.map(({ file }) => file))])(
    "of %s reads no whole table that grows",
    (file) => {
      const own = statements.filter((statement) => statement.file === file);
      const found = own.flatMap(({ sql }) => wideScans(databaseOf(file), sql));
      if (file in WHOLE) expect(found, "no longer needs its exception").not.toEqual([]);
      else expect(found).toEqual([]);
    },
  );

  test("that reads a whole table would be found", () => {
    const collections = databaseOf("src/store/collections/d1.ts");
    expect(wideScans(collections, "SELECT 1 FROM items WHERE data = ?")).toHaveLength(1);
    expect(wideScans(collections, "SELECT 1 FROM items WHERE id = ?")).toEqual([]);
    expect(() => storageInNode().sql.exec("SELECT 1 FROM (SELECT * FROM tracked) WHERE key = 1")).toThrow();
  });
});

function migrated(kind: "ledger" | "collections"): DatabaseSync {
  const database = new DatabaseSync(":memory:");
  for (const file of migrationsOf(kind))
    for (const sql of unstable_splitSqlQuery(read(`src/store/migrations/${kind}/${file}`)))
      database.exec(sql);
  return database;
}

function shard(): DatabaseSync {
  const storage = storageInNode();
  new ShardTables(new ShardDatabase(storage));
  return storage.database;
}

function search(): DatabaseSync {
  const database = new DatabaseSync(":memory:");
  database.exec(SCHEMA);
  return database;
}

/** The tables of a Worker that makes them by statements of its own. */
function ownTables(file: string): DatabaseSync {
  const database = new DatabaseSync(":memory:");
  for (const [, sql = ""] of read(file).matchAll(/["`](CREATE (?:TABLE|INDEX) [^"`]*)["`]/g))
    database.exec(sql);
  return database;
}
