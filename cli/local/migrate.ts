// Applies migrations to the local databases with wrangler, only where a migration is new.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { runNode } from "../io/children.ts";
import { WRANGLER } from "../project/project.ts";

interface Database {
  binding: string;
  migrations_dir?: string;
}

/**
 * Migrates every database of the router. Remembers in the state folder what was applied, since wrangler takes seconds
 * to check.
 */
export async function migrate(root: string, persist: string, env: NodeJS.ProcessEnv): Promise<void> {
  const { d1_databases = [] } = parse(readFileSync(join(root, "wrangler.toml"), "utf8")) as {
    d1_databases?: Database[];
  };
  const note = join(persist, "migrated.json");
  const isKept = existsSync(note) && existsSync(join(persist, "v3/d1"));
  const applied: Record<string, string> = isKept ? JSON.parse(readFileSync(note, "utf8")) : {};
  // One after the other: in a new folder, parallel migrations find the database locked (SQLITE_BUSY) and fail.
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
