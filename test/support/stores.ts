// Real D1 and R2 (miniflare, the copy that wrangler runs) for tests of what is kept in them.

import { globSync, readFileSync } from "node:fs";
import type { D1Database, R2Bucket } from "@cloudflare/workers-types";
import { Miniflare } from "miniflare";
import { unstable_splitSqlQuery } from "wrangler";
import { D1_WORKER, d1ByFetch } from "./d1-by-fetch.ts";

export interface Stores {
  ledger: D1Database;
  collections: D1Database;
  bucket: R2Bucket;
  /** The archive's own bucket. */
  archive: R2Bucket;
  close(): Promise<void>;
}

/** Real stores; `more` are further ledgers, with no table yet. */
export async function openStores(more: string[] = []): Promise<Stores & { ledgers: D1Database[] }> {
  const script = { type: "esm" as const, contents: D1_WORKER };
  const mf = new Miniflare({
    workers: [
      {
        config: {
          name: "stores",
          compatibilityDate: "2026-10-01",
          manifest: { mainModule: "index.mjs", modules: { "index.mjs": script } },
          env: {
            LEDGER: { type: "d1", id: "ledger" },
            ...Object.fromEntries(more.map((name) => [name, { type: "d1", id: name } as const])),
            COLLECTIONS: { type: "d1", id: "collections" },
            BUCKET: { type: "r2", name: "bucket" },
            ARCHIVE: { type: "r2", name: "archive" },
          },
        },
      },
    ],
  });
  const byFetch = (name: string) => d1ByFetch(name, (url, init) => mf.dispatchFetch(url, init));
  const ledger = byFetch("LEDGER");
  const collections = (await mf.getD1Database("COLLECTIONS")) as unknown as D1Database;
  await migrate(ledger, "ledger");
  await migrate(collections, "collections");
  return {
    ledger,
    ledgers: more.map(byFetch),
    collections,
    bucket: (await mf.getR2Bucket("BUCKET")) as unknown as R2Bucket,
    archive: (await mf.getR2Bucket("ARCHIVE")) as unknown as R2Bucket,
    close: () => mf.dispose(),
  };
}

type Kind = "ledger" | "collections";
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
