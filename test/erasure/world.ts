// A whole Weir in this process, for tests of erasure: D1, buckets, shards of the ledger and of an index, kept embeddings.
// Objects are planted in every store by the code that stores them in use, and every store can be searched for bytes.
import { Buffer } from "node:buffer";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { inflateRawSync } from "node:zlib";
import type { D1Database, R2Bucket } from "@cloudflare/workers-types";
import { openPipelines } from "../../src/dispatch/pipelines.ts";
import { openEnv } from "../../src/env.ts";
import { identify, lookups } from "../../src/receive/identity.ts";
import { recordAll } from "../../src/routing/record.ts";
import type { RouteDeps } from "../../src/routing/route.ts";
import { pipelineConfigSchema } from "../../src/shapes/config.ts";
import { connectionsSchema } from "../../src/shapes/connection.ts";
import type { ObjectName } from "../../src/shapes/erasure.ts";
import type { Event } from "../../src/shapes/event.ts";
import { objectHex, runId } from "../../src/shapes/event-id.ts";
import type { SetLineage } from "../../src/shapes/item.ts";
import { openCollection } from "../../src/store/collections/open.ts";
import { type PackedPart, packSet } from "../../src/store/index/pack.ts";
import type { IndexShard } from "../../src/store/index/shard.ts";
import { recordDeployment } from "../../src/store/ledger/deployments.ts";
import { recordRefused } from "../../src/store/ledger/rejections.ts";
import { openLog } from "../../src/store/log/open.ts";
import { keepMoment } from "../../src/store/moments.ts";
import { payloadKey } from "../../src/store/payloads.ts";
import { openStores } from "../../src/store/stores.ts";
import { type D1InNode, openD1InNode } from "../support/d1-in-node.ts";
import { type MapBucket, openMapBucket } from "../support/map-bucket.ts";
import { openShard, type ShardInNode } from "../support/shard-in-node.ts";

export const MINUTE = 60_000;
export const NOON = Date.parse("2026-11-23T12:00:00.000Z");

const source = { connection_id: "cam" };
const configs = [
  { alias: "faces", source, destination: { connection_id: "d", collection: "faces" } },
  { alias: "words", source, destination: { connection_id: "r", collection: "words" } },
].map((config) => pipelineConfigSchema.parse(config));

const connections = connectionsSchema.parse({
  connections: {
    cam: { kind: "r2", buckets: ["photos"] },
    d: { kind: "d1", database: "coll" },
    r: { kind: "r2", buckets: ["out"] },
  },
});

/** What of `workers/search/store.ts` is used: its own types are those of the Workers runtime, which Node's check has not. */
interface IndexStore {
  replace(part: PackedPart, epoch: number): unknown;
  setsOf(...given: Parameters<IndexShard["setsOf"]>): Awaited<ReturnType<IndexShard["setsOf"]>>;
  removeAll(names: readonly string[]): void;
  purgeWords(): void;
}
const STORE: string = "../../workers/search/store.ts";
const { ShardStore } = (await import(STORE)) as { ShardStore: new (storage: unknown) => IndexStore };

/** A shard of an index over Node's own SQLite. */
function openIndexShard() {
  const database = new DatabaseSync(":memory:");
  const storage = {
    sql: {
      exec(query: string, ...bindings: unknown[]) {
        if (/;\s*\n/.test(query)) {
          database.exec(query);
          return { toArray: () => [], one: () => ({}) };
        }
        const rows = database.prepare(query).all(...(bindings.map(bound) as SQLInputValue[]));
        const all = rows.map((row) =>
          Object.fromEntries(
            Object.entries(row).map(([name, value]) => [
              name,
              value instanceof Uint8Array ? value.slice().buffer : value,
            ]),
          ),
        );
        const raw = () => all.map((row) => Object.values(row));
        return {
          toArray: () => all,
          one: () => all[0],
          raw,
          [Symbol.iterator]: () => all[Symbol.iterator](),
        };
      },
    },
    transactionSync<T>(work: () => T): T {
      database.exec("BEGIN");
      const result = work();
      database.exec("COMMIT");
      return result;
    },
  };
  const store = new ShardStore(storage);
  const shard = {
    state: async () => ({ layout: { shards: 1 } }),
    replace: async (part: PackedPart) => store.replace(part, 0),
    setsOf: async (...given: Parameters<IndexShard["setsOf"]>) => store.setsOf(...given),
    async erase(ids: string[]) {
      store.removeAll(ids);
      store.purgeWords();
    },
  };
  return { database, shard: shard as unknown as IndexShard };
}

const bound = (value: unknown) => (value instanceof ArrayBuffer ? new Uint8Array(value) : value);

/** The kept embeddings, as workers/compute/results.ts keeps them. */
function openResults() {
  const rows = new Map<string, { object?: string | undefined; vector: Uint8Array }>();
  const erase = (object: string, dry: boolean) => {
    const keys = [...rows]
      .filter(([, row]) => row.object === undefined || row.object === object)
      .map(([key]) => key);
    if (!dry) for (const key of keys) rows.delete(key);
    return keys.length;
  };
  return { rows, erase };
}

export interface World {
  deps: RouteDeps;
  ledger: D1InNode;
  collections: D1InNode;
  archive: MapBucket;
  out: MapBucket;
  shard: ShardInNode;
  /** The database of an index's shard. */
  index(): DatabaseSync;
  /** The clock, ms. */
  clock: { now: number };
  /** Every byte of every store that could be of an object, by place. */
  dump(): Map<string, string>;
  /** Called before each call to a store: what it throws, the caller meets. */
  between: { call: () => void };
  plant(key: string, more?: Partial<Event>): Promise<Event>;
}

const nameOf = (key: string) => ({ connection: "cam", bucket: "photos", key });

/** Words of an object that are found nowhere else: its key is the first, and one that an index of words keeps whole. */
export const secretsOf = (
  key: string,
): [key: string, metadata: string, text: string, log: string, detail: string] => [
  key,
  `metadata of ${key}`,
  `zqx${objectHex(nameOf(key)).slice(0, 10)}`,
  `log of ${key}`,
  `cannot read ${key}`,
];

/** Bytes of an object's vector, as base64 has them in R2, and as SQLite has them. */
export const vectorOf = (key: string) =>
  new Float32Array([...Buffer.from(objectHex(nameOf(key)), "hex")].map((n) => n + 0.25));

export async function openWorld(): Promise<World> {
  const clock = { now: NOON };
  const between: World["between"] = { call: () => undefined };
  const [ledger, collections] = [openD1InNode(), openD1InNode("collections")];
  const [archive, out] = [openMapBucket(NOON), openMapBucket(NOON)];
  for (const one of [ledger, collections, archive, out])
    one.between = (...given: unknown[]) => {
      between.call();
      return (given.at(-1) as () => unknown)();
    };
  const shard = openShard({ log: openLog(archive.bucket), now: () => clock.now });
  const index = new Map<string, ReturnType<typeof openIndexShard>>();
  const results = openResults();
  const env = openEnv({
    ...{ LEDGER: ledger.db, D1_COLL: collections.db, ARCHIVE: archive.bucket, R2_OUT: out.bucket },
    ...{ WEIR_SIGNING_KEY: "root", WEIR_URL: "https://weir.example", WEIR_COMMIT: "abc" },
    LEDGER_SHARDS: {
      getByName: () =>
        new Proxy(shard.shard, {
          get: (target, name) => {
            const method: unknown = Reflect.get(target, name);
            return (...given: unknown[]) => {
              between.call();
              return (method as (...all: unknown[]) => unknown).apply(target, given);
            };
          },
        }),
    },
    SEARCH: {
      idFromName: (name: string) => name,
      get(name: string) {
        const known = index.get(name) ?? openIndexShard();
        index.set(name, known);
        return new Proxy(known.shard, {
          get: (target, method) => {
            between.call();
            return Reflect.get(target, method);
          },
        });
      },
    },
    PIPELINE_FACES: {
      async eraseResults(objects: ObjectName[], dry: boolean) {
        between.call();
        return objects.map((object) => results.erase(objectHex(object), dry));
      },
    },
  });
  const pipelines = openPipelines(configs.map((config) => ({ alias: config.alias, version: "v1", config })));
  const deps: RouteDeps = { env, connections, pipelines, now: () => clock.now };
  await recordDeployment(ledger.db, pipelines.deployment, NOON);
  const world: World = {
    ...{ deps, ledger, collections, archive, out, shard, clock, between },
    index: () => [...index.values()][0]?.database ?? openIndexShard().database,
    dump: () =>
      dumpAll({
        ledger: ledger.database,
        collections: collections.database,
        shard: shard.storage.database,
        index,
        archive,
        out,
        results,
      }),
    plant: (key, more = {}) =>
      plant(key, more, {
        deps,
        ledger: ledger.db,
        archive: archive.bucket,
        index: () => env.durableObjects("SEARCH"),
        results: results.rows,
        shard,
      }),
  };
  return world;
}

interface Planting {
  deps: RouteDeps;
  ledger: D1Database;
  archive: R2Bucket;
  index: () => unknown;
  results: ReturnType<typeof openResults>["rows"];
  shard: ShardInNode;
}

/** Plants an object in every store: an event, runs that ended well and badly and one that is open, items, rows that name it. */
async function plant(key: string, more: Partial<Event>, world: Planting): Promise<Event> {
  const { deps } = world;
  const [, metadata, text, log, detail] = secretsOf(key);
  const now = deps.now();
  const facts = {
    ...{ connection: "cam", bucket: "photos", key, type: "created" as const, operation: "Put" },
    ...{
      time: new Date(now - MINUTE).toISOString(),
      received_at: new Date(now).toISOString(),
      etag: "e1",
      ...more,
    },
  };
  const event: Event = {
    ...{ ...facts, ...identify(facts), sender: "s3", hops: 0, metadata: { note: metadata } },
    payload_ref: { bytes: 1, sha256: "s" },
  };
  await world.archive.put(payloadKey(event), JSON.stringify({ text }));
  const outcome = { matched: ["faces", "words"], refused: [], refused_count: 0 };
  await recordAll([{ event, lookups: lookups(event), outcome, cause: "matched" }], deps);
  const { shards, ledger } = openStores(deps);
  const report = { attempt: 1, version: "v1", commit: "c", started_at: now, ended_at: now + 1, log: [log] };
  await shards.finish(
    [
      {
        ...report,
        run_id: runId(event.id, "faces"),
        status: "succeeded",
        items: 1,
        stored_at: now,
        models: ["m"],
      },
      { ...report, run_id: runId(event.id, "words"), status: "dead", failure: { kind: "bad_media", detail } },
    ],
    { now },
  );
  await plantItems(event, text, deps);
  await plantRows(key, detail, ledger, now);
  world.results.set(`result ${objectHex(event)}`, {
    object: objectHex(event),
    vector: new Uint8Array(vectorOf(key).buffer),
  });
  const moment = {
    connection: "cam",
    bucket: "photos",
    key,
    etag: "e1",
    kind: "frame" as const,
    at: 1,
    size: 10,
  };
  await keepMoment(world.archive, moment, { bytes: new TextEncoder().encode(text), type: "image/jpeg" }, now);
  return event;
}

async function plantItems(event: Event, text: string, deps: RouteDeps): Promise<void> {
  const { connection, bucket, key } = event;
  for (const config of configs) {
    const set = { alias: config.alias, connection, bucket, key };
    const collection = openCollection(config.destination, connections, deps.env);
    const run_id = runId(event.id, config.alias);
    const [fence] = await collection.begin([{ ...set, run_id }]);
    if (!fence) throw new Error("no fence");
    const lineage: SetLineage = {
      ...{ event_id: event.id, run_id, version: "v1", commit: "c", etag: "e1", version_id: null, size: 1 },
      ...{
        event_time: event.time,
        stored_at: new Date(deps.now()).toISOString(),
        metadata: event.metadata ?? {},
      },
    };
    const vectors = [{ path: "v", values: vectorOf(key), model: "m" }];
    const items = [{ data: JSON.stringify({ text }), vectors }];
    await collection.replace(fence, lineage, items);
    const shard = deps.env
      .durableObjects("SEARCH")
      .get(deps.env.durableObjects("SEARCH").idFromName(`${config.alias}/0`));
    for (const part of packSet({ set, order: fence.order, lineage, items }))
      await (shard as unknown as IndexShard).replace(part, { shard: 0, shards: 1 });
  }
}

/** Rows of the ledger's D1 that name the object. */
async function plantRows(key: string, detail: string, ledger: D1Database, at: number): Promise<void> {
  const raw = JSON.stringify({ Records: [{ s3: { object: { key: encodeURIComponent(key) } } }] });
  await recordRefused(ledger, [
    { connection: "cam", scheme: "sns", failure: { kind: "malformed", detail: "no time" }, raw, at },
  ]);
  const json = JSON.stringify({ sample: [{ alias: "faces", bucket: "photos", key, why: "selected" }] });
  const run = (sql: string, ...values: unknown[]) =>
    ledger
      .prepare(sql)
      .bind(...values)
      .run();
  await run(
    "INSERT INTO idempotency (key, route, body_hash, status, answer, at) VALUES (?, 'r', 'h', 200, ?, ?)",
    `k-${at}-${Math.random()}`,
    json,
    at,
  );
  await run(
    "INSERT INTO audit_log (id, at, key_id, key_name, action, target, detail, request_id) VALUES (?, ?, 'k', 'n', 'a', ?, ?, 'r')",
    `aud_${Math.random()}`,
    at,
    key,
    json,
  );
  await run(
    "INSERT OR IGNORE INTO paused (alias, reason, at) VALUES (?, ?, ?)",
    `p-${key.length}-${Math.random()}`,
    `store full: ${detail}.`,
    at,
  );
  await run(
    "INSERT INTO deaths (alias, minute, deaths, detail) VALUES (?, 1, 1, ?)",
    `p-${Math.random()}`,
    detail,
  );
  await run(
    "INSERT INTO replays (id, status, phase, request, plan, page, created_at, moved_at, ended_at) VALUES (?, 'done', 'draining', ?, ?, 1, ?, ?, ?)",
    `rpl_${Math.random()}`,
    JSON.stringify({ select: { kind: "listing" }, aliases: [], dry_run: true }),
    json,
    at,
    at,
    at,
  );
}

interface Dumped {
  ledger: DatabaseSync;
  collections: DatabaseSync;
  shard: DatabaseSync;
  index: Map<string, { database: DatabaseSync }>;
  archive: MapBucket;
  out: MapBucket;
  results: ReturnType<typeof openResults>;
}

/** Bytes as text, one character each; what is gzipped unpacked beside what it is. */
function latin(bytes: Uint8Array): string {
  const unpacked = gunzipped(bytes);
  return Buffer.from(bytes).toString("latin1") + (unpacked ? Buffer.from(unpacked).toString("latin1") : "");
}

/** Gzip members of which an object of the log, or a pack, is made. */
function gunzipped(bytes: Uint8Array): Uint8Array | undefined {
  const all: Uint8Array[] = [];
  const buffer = Buffer.from(bytes);
  for (let at = buffer.indexOf("1f8b08", 0, "hex"); at !== -1; at = buffer.indexOf("1f8b08", at + 3, "hex"))
    try {
      // Past the header, which has ten bytes: what follows a member is none of its own.
      all.push(inflateRawSync(buffer.subarray(at + 10)));
    } catch {
      // Bytes that only look like the beginning of one.
    }
  return all.length > 0 ? Buffer.concat(all) : undefined;
}

function rowsOf(database: DatabaseSync, table: string) {
  const statement = database.prepare(`SELECT * FROM "${table}"`);
  // Blocks of the index of words have ids beyond what a number holds.
  statement.setReadBigInts(true);
  return statement.all();
}

function dumpDatabase(place: string, database: DatabaseSync, dump: Map<string, string>): void {
  const tables = database
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%' ORDER BY name")
    .all() as { name: string }[];
  for (const { name } of tables)
    rowsOf(database, name).forEach((row, number) => {
      const text = Object.values(row).map((value) =>
        value instanceof Uint8Array ? latin(value) : Buffer.from(String(value)).toString("latin1"),
      );
      dump.set(`${place} ${name} ${number} ${text[0]}`, text.join("\u0000"));
    });
}

function dumpAll({ ledger, collections, shard, index, archive, out, results }: Dumped): Map<string, string> {
  const dump = new Map<string, string>();
  dumpDatabase("ledger", ledger, dump);
  dumpDatabase("collections", collections, dump);
  dumpDatabase("shard", shard, dump);
  for (const [name, { database }] of index) dumpDatabase(`index ${name}`, database, dump);
  for (const [place, bucket] of Object.entries({ archive, out }))
    for (const [key, { bytes, customMetadata }] of bucket.objects)
      dump.set(`${place} ${key}`, latin(bytes) + JSON.stringify(customMetadata));
  for (const [key, { vector }] of results.rows) dump.set(`results ${key}`, latin(vector));
  return dump;
}
