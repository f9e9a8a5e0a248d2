// Puts one Worker of bench/workerd into a workerd of its own, with a ledger whose migrations have been applied.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { R2Bucket } from "@cloudflare/workers-types";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { unstable_splitSqlQuery } from "wrangler";
import { packageRoot } from "../../cli/project/project.ts";

type Options = ConstructorParameters<typeof Miniflare>[0];
type Config = Extract<Options, { workers: unknown }>["workers"][number]["config"];
type Env = Config["env"];

/** `ask` fetches a path and returns its JSON, with the milliseconds that took. */
export async function openInWorkerd(name: string, env: Env, exports: Config["exports"] = {}) {
  const bundled = await build({
    entryPoints: [join(packageRoot, `bench/workerd/${name}.ts`)],
    bundle: true,
    format: "esm",
    target: "esnext",
    external: ["node:*", "cloudflare:*"],
    write: false,
  });
  const contents = bundled.outputFiles[0]?.text ?? "";
  const mf = new Miniflare({
    workers: [
      {
        config: {
          name,
          compatibilityDate: "2026-10-01",
          compatibilityFlags: ["nodejs_compat"],
          manifest: { mainModule: "index.mjs", modules: { "index.mjs": { type: "esm", contents } } },
          exports,
          env: { LEDGER: { type: "d1", id: "ledger" }, ...env },
        },
      },
    ],
  });
  const ledger = await mf.getD1Database("LEDGER");
  const folder = join(packageRoot, "src/store/migrations/ledger");
  for (const file of globSync("*.sql", { cwd: folder }).sort()) {
    const statements = unstable_splitSqlQuery(readFileSync(join(folder, file), "utf8"));
    await ledger.batch(statements.map((text) => ledger.prepare(text)));
  }
  const { origin } = await mf.ready;
  return {
    async ask<T>(path: string): Promise<T & { ms: number }> {
      const began = performance.now();
      const answer = await fetch(origin + path);
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      return { ...((await answer.json()) as T), ms: performance.now() - began };
    },
    /** The bucket that is bound as ARCHIVE. */
    bucket: async () => (await mf.getR2Bucket("ARCHIVE")) as unknown as R2Bucket,
    close: () => mf.dispose(),
  };
}

export const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
