// What an erasure leaves in local files: SQLite keeps the bytes of what was deleted in free pages and in its journal until
// they are written again, and wrangler keeps traces of requests. A stack that starts after an erasure removes both
// before anything opens them.
import { existsSync, globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Wrangler's own records of what was requested, below a state folder: nothing of Weir reads them. */
const TRACES = ["v3/observability", "wrangler.log"];
/** Holds when the last erasure had ended that the files were cleaned after, ms. */
const NOTE = "scrubbed.txt";

/**
 * Cleans a state folder where an erasure has ended since it was last cleaned. For a locked folder, whose databases
 * nobody has open.
 *
 * @returns the number of databases that were written anew
 */
export function scrubErased(persist: string): number {
  const databases = globSync("v3/**/*.sqlite", { cwd: persist }).map((name) => join(persist, name));
  const note = join(persist, NOTE);
  const before = existsSync(note) ? Number(readFileSync(note, "utf8")) : 0;
  const last = Math.max(0, ...databases.filter((path) => path.includes("/d1/")).map(lastErasure));
  if (last <= before) return 0;
  for (const trace of TRACES) rmSync(join(persist, trace), { recursive: true, force: true });
  const kept = databases.filter((path) => existsSync(path));
  for (const path of kept) rewrite(path);
  writeFileSync(note, String(last));
  return kept.length;
}

/** When the last erasure on record ended, ms; 0 where there is none, or no ledger. */
function lastErasure(path: string): number {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const ledger = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'erasures'").get();
    return ledger ? Number(database.prepare("SELECT max(ended_at) AS at FROM erasures").get()?.at ?? 0) : 0;
  } finally {
    database.close();
  }
}

/** Writes a database anew without what was deleted; its journal ends with the last connection. */
function rewrite(path: string): void {
  const database = new DatabaseSync(path);
  try {
    database.exec("VACUUM");
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  } finally {
    database.close();
  }
}
