// Local files after an erasure: nothing of what was erased can be read from them, and everything else can.
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { scrubErased } from "../../cli/local/scrub.ts";

let persist: string;
beforeEach(() => {
  persist = mkdtempSync(join(tmpdir(), "weir-scrub-"));
});
afterEach(() => rmSync(persist, { recursive: true, force: true }));

const LEDGER = "v3/d1/miniflare-D1DatabaseObject/ledger.sqlite";
const SHARD = "v3/do/weir-ledger-LedgerShard/shard.sqlite";

/** Runs statements as a process does that is then killed: what it wrote stays in the journal. */
function write(name: string, ...statements: string[]): void {
  const path = join(persist, name);
  mkdirSync(dirname(path), { recursive: true });
  const database = new DatabaseSync(path);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0");
  for (const statement of statements) database.exec(statement);
  database.exec("PRAGMA wal_checkpoint(PASSIVE)");
  database.close();
}

const erasure = (endedAt: number) => [
  "CREATE TABLE IF NOT EXISTS erasures (ended_at INTEGER)",
  `INSERT INTO erasures VALUES (${endedAt})`,
];
const planted = (text: string) =>
  globSync("**/*", { cwd: persist, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .filter((entry) => readFileSync(join(entry.parentPath, entry.name)).includes(text))
    .map(({ name }) => name);

function plant(): void {
  write(
    SHARD,
    "CREATE TABLE runs (key TEXT)",
    "INSERT INTO runs SELECT 'PLANTED-' || hex(randomblob(2000)) FROM json_each('[1,2,3]')",
    "INSERT INTO runs VALUES ('neighbour')",
    "DELETE FROM runs WHERE key LIKE 'PLANTED%'",
  );
  mkdirSync(join(persist, "v3/observability"), { recursive: true });
  writeFileSync(join(persist, "v3/observability/traces.sqlite"), "PLANTED-trace");
  writeFileSync(join(persist, "wrangler.log"), "PLANTED-log");
}

test("what was erased is in no file once a stack has started again", () => {
  plant();
  write(LEDGER, ...erasure(7));
  expect(planted("PLANTED").length).toBeGreaterThanOrEqual(3);
  expect(scrubErased(persist)).toBe(2);
  expect(planted("PLANTED")).toEqual([]);
  const shard = new DatabaseSync(join(persist, SHARD));
  expect(shard.prepare("SELECT key FROM runs").all()).toEqual([{ key: "neighbour" }]);
  shard.close();
});

test("files are left alone where nothing was erased, and after the same erasure", () => {
  plant();
  write(LEDGER, "CREATE TABLE erasures (ended_at INTEGER)");
  expect(scrubErased(persist)).toBe(0);
  expect(existsSync(join(persist, "wrangler.log"))).toBe(true);
  write(LEDGER, ...erasure(7));
  expect(scrubErased(persist)).toBe(2);
  expect(scrubErased(persist)).toBe(0);
  write(LEDGER, ...erasure(8));
  expect(scrubErased(persist)).toBe(2);
});
