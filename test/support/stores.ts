// Real D1 and R2 (miniflare, the copy that wrangler runs) for tests of what is kept in them.

import { globSync, readFileSync } from "node:fs";
import type { D1Database, R2Bucket } from "@cloudflare/workers-types";
import { Miniflare } from "miniflare";
import { unstable_splitSqlQuery } from "wrangler";

export interface Stores {
  ledger: D1Database;
  collections: D1Database;
  bucket: R2Bucket;
  close(): Promise<void>;
}

export async function openStores(): Promise<Stores> {
  const script = { type: "esm" as const, contents: "export default { fetch: () => new Response() };" };
  const mf = new Miniflare({
    workers: [
      {
        config: {
          name: "stores",
          compatibilityDate: "2026-10-01",
          manifest: { mainModule: "index.mjs", modules: { "index.mjs": script } },
          env: {
            LEDGER: { type: "d1", id: "ledger" },
            COLLECTIONS: { type: "d1", id: "collections" },
            BUCKET: { type: "r2", name: "bucket" },
          },
        },
      },
    ],
  });
  const ledger = (await mf.getD1Database("LEDGER")) as unknown as D1Database;
  const collections = (await mf.getD1Database("COLLECTIONS")) as unknown as D1Database;
  await migrate(ledger, "ledger");
  await migrate(collections, "collections");
  return {
    ledger,
    collections,
    bucket: (await mf.getR2Bucket("BUCKET")) as unknown as R2Bucket,
    close: () => mf.dispose(),
  };
}

/** As wrangler does: the folder's files in the order of their numbers, split as wrangler splits them. */
async function migrate(db: D1Database, name: string): Promise<void> {
  const folder = new URL(`../../src/store/migrations/${name}/`, import.meta.url);
  for (const file of globSync("*.sql", { cwd: folder }).sort()) {
    const statements = unstable_splitSqlQuery(readFileSync(new URL(file, folder), "utf8"));
    await db.batch(statements.map((text) => db.prepare(text)));
  }
}
