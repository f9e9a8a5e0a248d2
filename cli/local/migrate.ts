// The local databases' migrations: applied by wrangler, one database after the other, and only where something is new.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { runNode } from "../io/children.ts";
import { WRANGLER } from "./wrangler.ts";

interface Database {
  binding: string;
  migrations_dir?: string;
}

/** Brings every database of the router up to date. What was applied is noted beside the state: wrangler takes seconds to see it. */
export async function migrate(root: string, persist: string, env: NodeJS.ProcessEnv): Promise<void> {
  const { d1_databases = [] } = parse(readFileSync(join(root, "wrangler.toml"), "utf8")) as {
    d1_databases?: Database[];
  };
  const note = join(persist, "migrated.json");
  const isKept = existsSync(note) && existsSync(join(persist, "v3/d1"));
  const applied: Record<string, string> = isKept ? JSON.parse(readFileSync(note, "utf8")) : {};
  // One after the other: side by side, in a folder that is new, one finds it locked (SQLITE_BUSY) and fails.
  for (const { binding, migrations_dir = "migrations" } of d1_databases) {
    const hash = hashOf(join(root, migrations_dir));
    if (applied[binding] === hash) continue;
    const where = ["--local", "--persist-to", persist, "-c", "wrangler.toml"];
    await runNode([WRANGLER, "d1", "migrations", "apply", binding, ...where], { cwd: root, env });
    applied[binding] = hash;
    writeFileSync(note, JSON.stringify(applied));
  }
}

function hashOf(folder: string): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest("hex");
}
