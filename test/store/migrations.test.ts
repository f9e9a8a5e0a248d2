// Every migration on a database that has data: for each earlier schema, all its tables are filled, the migrations
// after it are applied, and every row is still there. What a ledger of before becomes: test/store/moving.test.ts.
import { readFileSync } from "node:fs";
import type { D1Database } from "@cloudflare/workers-types";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listRejections } from "../../src/query/ledger.ts";
import { listReplays } from "../../src/query/replays.ts";
import { sha256Hex } from "../../src/shapes/hash.ts";
import { claimKey } from "../../src/store/access/idempotency.ts";
import { versionThen } from "../../src/store/ledger/deployments.ts";
import { listPaused } from "../../src/store/ledger/pauses.ts";
import { migrate, migrationsOf, openStores, type Stores } from "../support/stores.ts";

const NOW = Date.parse("2026-11-25T00:00:00Z");
const OLD = NOW - 40 * 86_400_000;
const FILES = migrationsOf("ledger");
const EARLIER = FILES.slice(0, -1);

let stores: Stores & { ledgers: D1Database[] };
beforeAll(async () => {
  stores = await openStores(EARLIER.map((_, n) => `LEDGER_${n}`));
});
afterAll(() => stores?.close());

/** An event as the first releases recorded it. */
const eventAt = (at: number, key: string, connection = "c") => {
  const time = new Date(at).toISOString();
  const id = `evt_${sha256Hex(`${connection} ${key}`).slice(0, 32)}`;
  return {
    ...{ id, connection, bucket: "b", key, type: "created", operation: "Put", sender: "s3" },
    ...{ time, received_at: time, identities: [id.slice(4)], hops: 0 },
  };
};
const done = eventAt(OLD, "done.txt");
const open = eventAt(OLD + 1, "open.txt");
const dead = eventAt(OLD + 2, "dead.txt");
const runOf = (event: typeof done) => `run_${event.id.slice(4)}_aa`;
const job = { run_id: runOf(dead), alias: "aa", event: dead, cause: "matched", attempts_before: 0 };
const outcome = { matched: ["aa"], refused: [], refused_count: 0, deployment: "d1" };
const failure = JSON.stringify({ kind: "timeout", detail: "slow" });
const config = JSON.stringify({ alias: "aa" });
const run = (event: typeof done, status: string, more: object = {}) => ({
  ...{ id: runOf(event), event_id: event.id, alias: "aa", cause: "matched", connection: "c", bucket: "b" },
  ...{ key: event.key, status, progress: 12, attempt: 1, created_at: OLD, replay_id: "rpl_1", ...more },
});
const eventRow = (event: typeof done) => {
  const { id, connection, sender, type, bucket, key, time, received_at } = event;
  const told = { id, connection, sender, type, bucket, key, time, received_at };
  return { ...told, envelope: JSON.stringify(event), outcome: JSON.stringify(outcome) };
};

const archived = eventAt(OLD, "archived.txt", "other");

/** Rows by table, with every column that they have come to have; a schema takes those that it knows. */
const ROWS: Record<string, Record<string, string | number | null>[]> = {
  events: [done, open, dead].map(eventRow),
  event_identities: [done, open, dead].flatMap(({ id, identities }) =>
    identities.map((identity) => ({ identity, event_id: id, day: Math.floor(OLD / 86_400_000) })),
  ),
  runs: [
    run(done, "succeeded", { progress: 14, started_at: OLD, ended_at: OLD + 5, items: 1 }),
    run(open, "queued", { progress: 1, attempt: 0, due_at: OLD }),
    run(dead, "dead", { progress: 14, failure }),
  ],
  run_history: [{ run_id: runOf(done), at: OLD, status: "succeeded", attempt: 1, cause: null }],
  tracked: [
    {
      ...{ connection: "c", bucket: "b", key: "done.txt", alias: "aa", run_id: runOf(done), stored_at: OLD },
      ...{ items: 1, etag: "e", size: 7, version: "v1", commit_id: "c1", models: "[]" },
    },
  ],
  dead_letters: [
    { run_id: runOf(dead), alias: "aa", job: JSON.stringify(job), failure, attempts: 1, at: OLD },
  ],
  rejections: [{ id: 1, connection: "c", scheme: "sns", failure, raw: null, count: 3, minute: 1, at: NOW }],
  deployments: [{ id: "d1", versions: JSON.stringify({ aa: "v1" }), first_seen: OLD }],
  pipeline_versions: [{ alias: "aa", version: "v1", config, first_seen: OLD }],
  paused: [{ alias: "bb", reason: "a release", at: OLD, probe_at: null }],
  replays: [
    {
      ...{ id: "rpl_1", status: "done", phase: "draining", page: 1, created_at: OLD, moved_at: OLD },
      ...{ request: JSON.stringify({ select: { kind: "stale" }, aliases: ["aa"], dry_run: false }) },
      plan: JSON.stringify({ objects: 3, bytes: 21, by_why: { selected: 3 }, passed_over: 0, sample: [] }),
      ...{ cursor: null, ended_at: OLD },
    },
  ],
  segments: [
    {
      ...{ id: 1, key: "events/other/x", connection: "other", minute: 1, state: "kept" },
      ...{ events: 1, runs: 0, bytes: 10, unpacked: 100, moved_at: NOW },
    },
  ],
  archived: [
    {
      ...{ segment: 1, id: archived.id.slice(4), at: OLD, kind: 1 },
      ...{ object: "00".repeat(16), runs: null },
    },
  ],
  archive_passes: [{ connection: "other", received_at: "", id: "", rest_until: 0 }],
  replay_counts: [{ replay_id: "rpl_1", status: "skipped", runs: 5 }],
  expiries: [
    {
      ...{ day: 1, what: "events", connection: "c", count: 1, runs: 1, bytes: 1 },
      ...{ oldest: 1, newest: 1, at: NOW },
    },
  ],
  idempotency: [
    {
      ...{ key: "k", route: "POST /v1/replays", body_hash: "h", status: 202, answer: "{}" },
      ...{ location: null, at: NOW },
    },
  ],
};

/** Fills every table; one that has no rows above gets one of each type's plainest value. */
async function fill(db: D1Database): Promise<string[]> {
  const tables = await tablesOf(db);
  for (const table of tables) {
    // What the triggers wrote of rows that were filled in before.
    await db.prepare(`DELETE FROM ${table}`).run();
  }
  for (const table of [...tables].sort((a, b) => Number(a === "run_history") - Number(b === "run_history"))) {
    const columns = (await db.prepare(`PRAGMA table_info(${table})`).all<{ name: string; type: string }>())
      .results;
    const plain = Object.fromEntries(
      columns.map(({ name, type }) => [name, type === "TEXT" ? "x" : type === "BLOB" ? "00" : 1]),
    );
    for (const row of ROWS[table] ?? [plain]) {
      const known = columns.map(({ name }) => name).filter((name) => Object.hasOwn(row, name));
      const isBlob = (name: string) => columns.find((column) => column.name === name)?.type === "BLOB";
      const places = known.map((name) => (isBlob(name) ? "unhex(?)" : "?")).join();
      await db
        .prepare(`INSERT OR REPLACE INTO ${table} (${known.join()}) VALUES (${places})`)
        .bind(...known.map((name) => row[name] ?? null))
        .run();
    }
  }
  return tables;
}

async function tablesOf(db: D1Database): Promise<string[]> {
  const { results } = await db
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    .all<{ name: string }>();
  return results.map(({ name }) => name).filter((name) => !/^(sqlite_|_cf_|d1_)/.test(name));
}

describe.each(EARLIER.map((file, at) => ({ file, at })))("a ledger as of $file, with data", ({ at }) => {
  test("takes the migrations after it, keeps every row, and what D1 still has is read", async () => {
    const ledger = stores.ledgers[at] as D1Database;
    await migrate(ledger, "ledger", FILES.slice(0, at + 1));
    const tables = await fill(ledger);
    const count = async (table: string) =>
      (await ledger.prepare(`SELECT count(*) AS n FROM ${table}`).first<{ n: number }>())?.n;
    const rows = async () => Promise.all(tables.map(async (table) => [table, await count(table)]));
    const before = await rows();
    await migrate(ledger, "ledger", FILES.slice(at + 1));
    expect(await rows()).toEqual(before);

    expect((await listRejections(ledger, {}, { limit: 10 })).data).toMatchObject([{ count: 3 }]);
    const has = (table: string) => tables.includes(table);
    if (has("deployments")) expect(await versionThen(ledger, "d1", "aa")).toMatchObject({ version: "v1" });
    if (has("paused")) {
      expect(await listPaused(ledger)).toMatchObject([{ alias: "bb" }]);
      const replays = await listReplays(ledger, { limit: 10 });
      expect(replays.rows).toMatchObject([{ id: "rpl_1", plan: { objects: 3, pipelines: {} } }]);
    }
    if (has("idempotency")) {
      const held = { key: "k", route: "POST /v1/replays", body_hash: "h", at: NOW };
      expect(await claimKey(ledger, held)).toMatchObject({ is: "answered", status: 202 });
    }
  });
});

test("docs/storage.md names exactly the tables that there are, each with its lifetime", async () => {
  const page = readFileSync(new URL("../../docs/storage.md", import.meta.url), "utf8");
  const documented = (from: string) => {
    const section = page.split(/^## /m).find((text) => text.startsWith(from)) ?? "";
    return [...section.matchAll(/^\| `(\w+)` \|(.*)\|$/gm)].map(([, name = "", rest = ""]) => {
      const lifetime = rest.split(" | ").at(-1)?.trim();
      expect([name, lifetime]).toEqual([name, expect.stringMatching(/\w/)]);
      return name;
    });
  };
  expect(documented("The ledger").sort()).toEqual(await tablesOf(stores.ledger));
  expect(documented("Collections in D1").sort()).toEqual(await tablesOf(stores.collections));
});
