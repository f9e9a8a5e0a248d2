// Cost: no statement on an event's way reads a whole table, however large it grows. Asked of SQLite itself.
import type { D1Database } from "@cloudflare/workers-types";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listExpired } from "../../src/query/archive.ts";
import { listChanges } from "../../src/query/audit-log.ts";
import { listObjects } from "../../src/query/pipeline-objects.ts";
import { listVersions } from "../../src/query/versions.ts";
import { identify, lookups } from "../../src/receive/identity.ts";
import { eventsPage, producedPage } from "../../src/replay/candidates.ts";
import { heldItems, pastRuns } from "../../src/replay/estimates.ts";
import { pipelineConfigSchema } from "../../src/shapes/config.ts";
import type { Event } from "../../src/shapes/event.ts";
import type { Job } from "../../src/shapes/job.ts";
import { beginChange, endChange } from "../../src/store/access/audit-log.ts";
import { findKeyByHash, noteUse } from "../../src/store/access/keys.ts";
import { expirePage } from "../../src/store/archive/expire.ts";
import { findArchived } from "../../src/store/archive/find.ts";
import { clearAbandoned, FIRST_ARRIVAL, movePage } from "../../src/store/archive/move.ts";
import { listPasses, recordPass } from "../../src/store/archive/passes.ts";
import { walk, walkObjects } from "../../src/store/archive/walk.ts";
import { d1Collection } from "../../src/store/collections/d1.ts";
import { spreadPage } from "../../src/store/collections/moving.ts";
import { openShards } from "../../src/store/collections/shards.ts";
import { recordDead } from "../../src/store/ledger/dead-letters.ts";
import { record } from "../../src/store/ledger/events.ts";
import { retireOld } from "../../src/store/ledger/retire.ts";
import { claimOverdue, markQueued, takeReports } from "../../src/store/ledger/runs.ts";
import { openStores, type Stores } from "../support/stores.ts";

let stores: Stores;
beforeAll(async () => {
  stores = await openStores([], 2);
});
afterAll(() => stores?.close());

const told = {
  connection: "c",
  bucket: "b",
  key: "k",
  type: "created",
  operation: "Put",
  time: "2026-11-23T09:59:00.000Z",
} as const;
const event: Event = { ...told, ...identify(told), sender: "s3", hops: 0, received_at: told.time };
const job: Job = { run_id: "run_x_a", alias: "a", event, cause: "matched", attempts_before: 0 };
const outcome = { matched: ["a"], refused: [], refused_count: 0 };
const set = { alias: "a", connection: "c", bucket: "b", key: "k" };
const lineage = {
  event_id: "e",
  run_id: "r",
  version: "v",
  commit: "c",
  etag: "e",
  version_id: null,
  size: 1,
  event_time: told.time,
  stored_at: told.time,
};
const done = {
  run_id: "run_x_a",
  attempt: 1,
  status: "succeeded",
  version: "v",
  commit: "c",
  started_at: 1,
  ended_at: 2,
  items: 0,
} as const;

const who = { key_id: "key_1", key_name: "n" };
const pipeline = { alias: "a", version: "v" };
const config = pipelineConfigSchema.parse({
  alias: "aa",
  source: { connection_id: "c" },
  destination: { connection_id: "d", collection: "x" },
});

const ledgerWork: [string, (db: D1Database) => Promise<unknown>][] = [
  [
    "recording events and runs",
    (db) => record(db, [{ event, lookups: lookups(event), outcome, cause: "matched" }], 1),
  ],
  ["handing runs over", (db) => markQueued(db, ["run_x_a"], 1)],
  ["taking reports", (db) => takeReports(db, [done], Date.now())],
  ["sweeping", (db) => claimOverdue(db, Date.now(), 100)],
  ["recording dead letters", (db) => recordDead(db, [{ job, attempts: 1 }], 1)],
  [
    "a page of events to replay",
    (db) =>
      eventsPage({ ledger: db, archive: stores.archive }, { alias: "a", connection: "c" }, undefined, 100),
  ],
  ["looking a key up", (db) => findKeyByHash(db, "h")],
  ["noting a key's use", (db) => noteUse(db, "key_1", 2, 1)],
  [
    "a row of the audit log",
    async (db) => {
      const change = { ...who, id: "aud_1", at: 1, action: "a", target: null, request_id: "r" };
      await beginChange(db, change);
      await endChange(db, change, {
        target: null,
        detail: null,
        outcome: "done",
        status: 200,
        ended_at: 2,
      });
    },
  ],
  ["a page of the audit log", (db) => listChanges(db, { key: "key_1" }, { limit: 10 })],
  ["a pipeline's versions", (db) => listVersions(db, { ...pipeline, config })],
  ["a pipeline's objects", (db) => listObjects(db, pipeline, { limit: 10, version: "v", stale: true })],
  [
    "a page of stale items",
    (db) => producedPage(db, "a", { kind: "not_version", value: "v" }, undefined, 100),
  ],
];
const OLD = { connection: "old", key: "k" };
const books = (db: D1Database) => ({ ledger: db, archive: stores.archive });
const archiveWork: [string, (db: D1Database) => Promise<unknown>][] = [
  [
    "moving a page to the archive",
    async (db) => {
      const old = { ...event, ...OLD, ...identify({ ...told, ...OLD }) };
      await record(
        stores.ledger,
        [{ event: old, lookups: [], outcome: { ...outcome, matched: [] }, cause: "matched" }],
        1,
      );
      expect(await movePage(books(db), "old", "9", FIRST_ARRIVAL, 1)).toMatchObject({ events: 1 });
    },
  ],
  ["clearing away what was abandoned", (db) => clearAbandoned(books(db), 1)],
  ["finding an archived event", (db) => findArchived(books(db), event.id)],
  ["listing events", (db) => walk(books(db), { order: "newest first" }, FIRST_ARRIVAL, 10)],
  [
    "listing events of a connection",
    (db) => walk(books(db), { order: "newest first", connection: "c" }, FIRST_ARRIVAL, 10),
  ],
  [
    "walking objects of a time, hot and archived",
    async (db) => {
      const stretch = { order: "oldest first", connection: "old", since: "2026", without: "replay" } as const;
      expect((await walkObjects(books(db), stretch, undefined, 10)).rows).toHaveLength(1);
    },
  ],
  ["passes", async (db) => recordPass(db, (await listPasses(db, 1))[0]?.connection ?? "", FIRST_ARRIVAL, 1)],
  ["expiring", (db) => expirePage(books(db), "old", 1e9, 1)],
  ["retiring", (db) => retireOld(db, 1)],
  ["what has expired", (db) => listExpired(db, { limit: 10 })],
  ["what a plan would replace", (db) => heldItems(db, "a", [told])],
  ["how long runs took", (db) => pastRuns(db, "a")],
];
async function storeIn(db: D1Database, key: typeof set): Promise<void> {
  const [fence] = await d1Collection(db, "x").begin([key]);
  const vectors = [{ path: "v", values: new Float32Array([1]) }];
  if (fence) await d1Collection(db, "x").replace(fence, lineage, [{ data: "{}", vectors }]);
}
const collectionWork: [string, (db: D1Database) => Promise<unknown>][] = [
  ["replacing a set", (db) => storeIn(db, set)],
  ["a page of items", (db) => d1Collection(db, "x").list({ limit: 10 })],
  ["items of an object", (db) => d1Collection(db, "x").list({ limit: 10, sets: [set] })],
  ["items of a version", (db) => d1Collection(db, "x").list({ limit: 10, producer: { version: "v" } })],
  ["describing sets", (db) => d1Collection(db, "x").describe([set])],
  ["walking sets", (db) => d1Collection(db, "x").sets({ limit: 10 })],
  ["giving sets away", (db) => spread(db, stores.shards[1] as D1Database)],
  ["taking sets in", (db) => spread(stores.shards[1] as D1Database, db)],
];

/** Sets lie in the first of two databases; those move that live in the second. */
async function spread(first: D1Database, second: D1Database): Promise<void> {
  for (const db of [first, second])
    await db.batch(
      ["shard", "item_sets", "items", "vectors"].map((name) => db.prepare(`DELETE FROM ${name}`)),
    );
  for (const key of "abcdefgh") await storeIn(first, { ...set, key });
  const moved: number[] = [];
  for (const shard of openShards([first, second])) moved.push((await spreadPage(shard)).moved);
  expect(moved[1]).toBeGreaterThan(0);
  for (const shard of openShards([first, second])) expect((await spreadPage(shard)).settled).toBe(true);
}

test.each(ledgerWork)("%s reads by index only", (_, work) => expectIndexed(stores.ledger, work));
test.each(archiveWork)("%s reads by index only", (_, work) => expectIndexed(stores.ledger, work));
test.each(collectionWork)("%s reads by index only", (_, work) => expectIndexed(stores.collections, work));

async function expectIndexed(db: D1Database, work: (db: D1Database) => Promise<unknown>): Promise<void> {
  const statements = new Set<string>();
  const watched = new Proxy(db, {
    get(target, name) {
      if (name !== "prepare") return Reflect.get(target, name).bind(target);
      return (sql: string) => {
        statements.add(sql);
        return target.prepare(sql);
      };
    },
  });
  await work(watched);
  expect(statements.size).toBeGreaterThan(0);
  for (const sql of statements) {
    const parameters = Math.max(0, ...[...sql.matchAll(/\?(\d+)/g)].map(([, n]) => Number(n)));
    const plan = await db
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .bind(...Array<null>(parameters).fill(null))
      .all<{ detail: string }>();
    const scans = plan.results
      .map(({ detail }) => detail)
      .filter((detail) => /^SCAN (?!CONSTANT)/.test(detail));
    // json_each walks the batch; `paused` has a row for each pipeline that is paused, and `names` and `made` one for
    // each of a pipeline's versions, which are few. `p` is a page of events, `seen` and `c` are the connections. `shard` has one row.
    const few = /VIRTUAL TABLE|^SCAN (\(subquery|shard$|paused|names|produced|(p|seen|c)$)/;
    const wide = scans.filter((detail) => !few.test(detail));
    expect(wide, sql).toEqual([]);
  }
}
