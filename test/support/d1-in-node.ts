// A stand-in for D1 over Node's own SQLite, for tests that open many small ledgers: the same SQL, a batch as one
// transaction. What hangs on D1 itself (its limits, its splitter) is tested over real D1 (stores.ts).
import { readFileSync } from "node:fs";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import type { D1Database } from "@cloudflare/workers-types";
import { unstable_splitSqlQuery } from "wrangler";
import { refuseWideScans } from "./plans.ts";
import { type Kind, migrationsOf } from "./stores.ts";

interface Bound {
  sql: string;
  values: SQLInputValue[];
}

export interface D1InNode {
  db: D1Database;
  /** The same database, for whoever looks at all of it. */
  database: DatabaseSync;
  /** What is done with each call: `work` does it. */
  between: (work: () => unknown) => unknown;
}

const statements = new Map<Kind, string[]>();

function statementsOf(kind: Kind): string[] {
  const known =
    statements.get(kind) ??
    migrationsOf(kind).flatMap((file) =>
      unstable_splitSqlQuery(
        readFileSync(new URL(`../../src/store/migrations/${kind}/${file}`, import.meta.url), "utf8"),
      ),
    );
  statements.set(kind, known);
  return known;
}

/** An empty ledger, or a database of collections, with all its migrations. */
export function openD1InNode(kind: Kind = "ledger"): D1InNode {
  const database = new DatabaseSync(":memory:");
  for (const text of statementsOf(kind)) database.exec(text);
  const bound = new WeakMap<object, Bound>();
  const known = new Set<string>();
  const runOne = ({ sql, values }: Bound) => {
    if (!known.has(sql)) refuseWideScans(database, sql);
    known.add(sql);
    const statement = database.prepare(sql);
    const results = statement.all(...values);
    const changes = Number(Object.values(database.prepare("SELECT changes()").get() ?? {})[0]);
    // Not as D1 counts them, with indexes and what is passed by, but the more the more there is to do.
    const meta = { changes, rows_read: results.length, rows_written: changes };
    return { results: results.map((row) => ({ ...row })), meta, success: true };
  };
  const self: D1InNode = { db: {} as D1Database, database, between: (work) => work() };
  const call = async (work: () => unknown) => {
    await Promise.resolve();
    return self.between(work);
  };
  const statement = (one: Bound): object => {
    const prepared = {
      bind: (...values: SQLInputValue[]) => statement({ ...one, values }),
      all: () => call(() => runOne(one)),
      run: () => call(() => runOne(one)),
      first: () => call(() => runOne(one).results[0] ?? null),
    };
    bound.set(prepared, one);
    return prepared;
  };
  self.db = {
    prepare: (sql: string) => statement({ sql, values: [] }),
    batch: (all: object[]) =>
      call(() => {
        database.exec("BEGIN");
        try {
          const results = all.map((one) => runOne(bound.get(one) ?? { sql: "", values: [] }));
          database.exec("COMMIT");
          return results;
        } catch (error) {
          database.exec("ROLLBACK");
          throw error;
        }
      }),
  } as unknown as D1Database;
  return self;
}
