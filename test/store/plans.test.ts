// Cost: no statement on an event's way reads a whole table, however large it grows. Asked of SQLite itself.
import type { D1Database } from "@cloudflare/workers-types";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listExpired } from "../../src/query/archive.ts";
import { listChanges } from "../../src/query/audit-log.ts";
import { pipelineConfigSchema } from "../../src/shapes/config.ts";
import { beginChange, endChange } from "../../src/store/access/audit-log.ts";
import { findKeyByHash, noteUse } from "../../src/store/access/keys.ts";
import { d1Collection } from "../../src/store/collections/d1.ts";
import { spreadPage } from "../../src/store/collections/moving.ts";
import { openShards } from "../../src/store/collections/shards.ts";
import { forgetDeaths, listFailing, recordDeaths } from "../../src/store/ledger/deaths.ts";
import {
  listConfigs,
  openDeployment,
  recordDeployment,
  versionThen,
} from "../../src/store/ledger/deployments.ts";
import { endPause, listPaused } from "../../src/store/ledger/pauses.ts";
import { getReplay } from "../../src/store/ledger/replays.ts";
import { retireOld } from "../../src/store/ledger/retire.ts";
import { openStores, type Stores } from "../support/stores.ts";

let stores: Stores;
beforeAll(async () => {
  stores = await openStores([], 2);
});
afterAll(() => stores?.close());

const NOON = "2026-11-23T12:00:00.000Z";
const set = { alias: "a", connection: "c", bucket: "b", key: "k" };
const lineage = {
  event_id: "e",
  run_id: "r",
  version: "v",
  commit: "c",
  etag: "e",
  version_id: null,
  size: 1,
  event_time: NOON,
  stored_at: NOON,
};
const who = { key_id: "key_1", key_name: "n" };
const pipeline = { alias: "a", version: "v" };
const config = pipelineConfigSchema.parse({
  alias: "aa",
  source: { connection_id: "c" },
  destination: { connection_id: "d", collection: "x" },
});

const ledgerWork: [string, (db: D1Database) => Promise<unknown>][] = [
  ["recording a deployment", (db) => recordDeployment(db, openDeployment([{ ...pipeline, config }]), 1)],
  ["which pipelines are paused", (db) => listPaused(db)],

  ["ending a pause", (db) => endPause(db, "a")],
  ["counting deaths", (db) => recordDeaths(db, [{ alias: "a", detail: "x", runs: 1, at: 1 }])],
  ["which pipelines fail", (db) => listFailing(db, 1, 20)],
  ["forgetting deaths", (db) => forgetDeaths(db, 1)],
  ["the version of then", (db) => versionThen(db, "d", "a")],
  ["a pipeline's configs", (db) => listConfigs(db, "a")],

  ["a replay", (db) => getReplay(db, "rpl_1")],
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
  ["retiring", (db) => retireOld(db, 1)],
  ["what has expired", (db) => listExpired(db, { limit: 10 })],
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
    const numbered = [...sql.matchAll(/\?(\d+)/g)].map(([, n]) => Number(n));
    const parameters = Math.max(0, ...numbered, [...sql.matchAll(/\?(?!\d)/g)].length);
    const plan = await db
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .bind(...Array<null>(parameters).fill(null))
      .all<{ detail: string }>();
    const scans = plan.results
      .map(({ detail }) => detail)
      .filter((detail) => /^SCAN (?!CONSTANT)/.test(detail));
    // json_each walks the batch; `paused` has a row for each pipeline that is paused, `deaths` one for each that fails and minute of an hour, and `names` and `made` one for
    // each of a pipeline's versions, which are few. `p` is a page of events, `seen` and `c` are the connections. `shard` has one row.
    const few = /VIRTUAL TABLE|^SCAN (\(subquery|shard$|paused|deaths|names|produced|(p|seen|c)$)/;
    const wide = scans.filter((detail) => !few.test(detail));
    expect(wide, sql).toEqual([]);
  }
}
