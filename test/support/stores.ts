// Real D1 and R2 (miniflare, the copy that wrangler runs) for tests of what is kept in them.

import { globSync, readFileSync } from "node:fs";
import type { D1Database, R2Bucket } from "@cloudflare/workers-types";
import { Miniflare } from "miniflare";
import { unstable_splitSqlQuery } from "wrangler";
import { D1_WORKER, d1ByFetch } from "./d1-by-fetch.ts";

export interface Stores {
  ledger: D1Database;
  collections: D1Database;
  /** Databases that a collection may be spread over, the first of which is `collections`. */
  shards: D1Database[];
  bucket: R2Bucket;
  /** The archive's own bucket. */
  archive: R2Bucket;
  close(): Promise<void>;
}

/** Real stores; `more` are further ledgers, with no table yet, and `shards` the number of collections databases. */
export async function openStores(
  more: string[] = [],
  shards = 1,
): Promise<Stores & { ledgers: D1Database[] }> {
  const names = Array.from({ length: shards }, (_, index) =>
    index === 0 ? "COLLECTIONS" : `COLLECTIONS_${index + 1}`,
  );
  const script = { type: "esm" as const, contents: D1_WORKER };
  const mf = new Miniflare({
    workers: [
      {
        config: {
          name: "stores",
          compatibilityDate: "2026-10-01",
          compatibilityFlags: ["nodejs_compat"],
          manifest: { mainModule: "index.mjs", modules: { "index.mjs": script } },
          env: {
            LEDGER: { type: "d1", id: "ledger" },
            ...Object.fromEntries(more.map((name) => [name, { type: "d1", id: name } as const])),
            ...Object.fromEntries(names.map((name) => [name, { type: "d1", id: name } as const])),
            BUCKET: { type: "r2", name: "bucket" },
            ARCHIVE: { type: "r2", name: "archive" },
          },
        },
      },
    ],
  });
  const byFetch = (name: string) => d1ByFetch(name, (url, init) => mf.dispatchFetch(url, init));
  const ledger = byFetch("LEDGER");
  const databases = names.map(byFetch);
  await migrate(ledger, "ledger");
  for (const database of databases) await migrate(database, "collections");
  return {
    ledger,
    ledgers: more.map(byFetch),
    collections: databases[0] as D1Database,
    shards: databases,
    bucket: (await mf.getR2Bucket("BUCKET")) as unknown as R2Bucket,
    archive: (await mf.getR2Bucket("ARCHIVE")) as unknown as R2Bucket,
    close: () => mf.dispose(),
  };
}

export type Kind = "ledger" | "collections";
const folderOf = (kind: Kind) => new URL(`../../src/store/migrations/${kind}/`, import.meta.url);

/** Migrations by file name, in the order in which they are applied. */
export const migrationsOf = (kind: Kind): string[] => globSync("*.sql", { cwd: folderOf(kind) }).sort();

/** As wrangler does: the folder's files in the order of their numbers, split as wrangler splits them. */
export async function migrate(db: D1Database, kind: Kind, files = migrationsOf(kind)): Promise<void> {
  for (const file of files) {
    const statements = unstable_splitSqlQuery(readFileSync(new URL(file, folderOf(kind)), "utf8"));
    await db.batch(statements.map((text) => db.prepare(text)));
  }
}
