// No store is forgotten: every table, and every prefix of the archive's bucket, is either erased or said to hold nothing of
// an object. A new table fails here until it is in src/erasure/stores.ts, or its reason is below.
import type { DatabaseSync } from "node:sqlite";
import { expect, test, vi } from "vitest";
import { SETTLE_MS, sweepErasures } from "../../src/erasure/advance.ts";
import { beginErasure } from "../../src/erasure/manage.ts";
import { getErasure } from "../../src/store/erasure/record.ts";
import { keepUp } from "../../src/store/log/keep-up.ts";
import { OLD_TABLES } from "../../src/store/moving/state.ts";
import { kernelModule } from "./kernel.ts";
import { MINUTE, NOON, openWorld, type World } from "./world.ts";

vi.mock("../../workers/search/kernel.wasm", () => kernelModule());

/** Tables that an erasure leaves alone, and why. */
const LEFT: Record<string, string> = {
  ...Object.fromEntries(
    OLD_TABLES.map((table) => [`ledger ${table}`, "an erasure waits until they have moved"]),
  ),
  "ledger api_keys": "people and programs, no objects",
  "ledger deployments": "versions of pipelines",
  "ledger pipeline_versions": "configurations of pipelines",
  "ledger expiries": "counts by day",
  "ledger ledger_shards": "numbers of shards",
  "ledger budgets": "sums by pipeline or replay",
  "ledger moving": "one row, of numbers once the move is over",
  "ledger old_ids": "ids of events, which hold 40 bits of a key's hash",
  "ledger erasures": "its scope goes when the erasure is done",
  "ledger erasure_counts": "goes when the erasure is done",
  "ledger erasure_objects": "goes when the erasure is done",
  "ledger tombstones": "keyed hashes",
  "collections shard": "ranges of ids",
  "collections cancelled_runs": "ids of runs, which hold 40 bits of a key's hash",
  "shard ended": "counts by pipeline",
  "shard successes": "counts by pipeline and hour",
  "shard quarters": "counts by pipeline and quarter of an hour",
  "shard replays": "counts by replay",
  "shard produced": "counts by version, less what is erased",
  "shard spending": "sums by pipeline and replay",
  "shard settings": "how far objects have moved to other shards, by digits of hashes",
  "index spaces": "names of models",
  "index meta": "numbers, and ids of sets",
};

/** Tables that go with rows of another. */
const WITH: Record<string, string> = { "index words": "index docs" };

/** By the store's name in a receipt, where its tables are. */
const placeOf = (store: string) =>
  store === "weir-ledger"
    ? "ledger"
    : store.startsWith("ledger shard")
      ? "shard"
      : store === "coll"
        ? "collections"
        : (store.split(" ")[0] ?? "");

/** Tables of a database, without those that SQLite keeps for others. */
const tablesOf = (place: string, database: DatabaseSync): string[] =>
  (database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as { name: string }[])
    .map(({ name }) => name.replace(/_\d+$/, ""))
    .filter((name) => !/^sqlite_|^words_/.test(name))
    .map((name) => `${place} ${name}`);

const erasedTables = async (world: World): Promise<Set<string>> => {
  const request = { connection: "cam", prefix: "people/", dry_run: false };
  const { id } = await beginErasure(request, { id: "k", name: "n" }, world.deps);
  world.clock.now += SETTLE_MS;
  await sweepErasures(world.deps);
  const { receipt } = (await getErasure(world.deps.env.ledger(), id)) ?? {};
  return new Set((receipt?.erased ?? []).map(({ store, table }) => `${placeOf(store)} ${table}`));
};

test("every table, and every prefix of the archive, is erased or holds nothing", async () => {
  const world = await openWorld();
  await world.plant("people/ada.jpg");
  world.clock.now += 20 * MINUTE;
  // Packed, and folded by hours; then another one that is neither.
  await world.shard.ring(world.clock.now);
  world.clock.now = NOON + 30 * MINUTE;
  await keepUp(world.archive.bucket, world.clock.now, () => 365, 60_000);
  await world.plant("people/grace.jpg");
  const places = [...world.archive.objects.keys()].map(
    (key) => `log ${key.replace(/\/(new\/)?[^/]*.*$/, "$1")}`,
  );
  const tables = [
    ...tablesOf("ledger", world.ledger.database),
    ...tablesOf("collections", world.collections.database),
    ...tablesOf("shard", world.shard.storage.database),
    ...tablesOf("index", world.index()),
  ];
  world.clock.now += MINUTE;
  const erased = await erasedTables(world);
  const isErased = (table: string) =>
    [table, `${table}s`, WITH[table] ?? ""].some((name) => erased.has(name));
  expect(tables.filter((table) => !isErased(table) && LEFT[table] === undefined)).toEqual([]);
  expect(Object.keys(LEFT).filter((table) => !tables.includes(table))).toEqual([]);
  expect(new Set(places)).toEqual(
    new Set(["log log-new", "log log", "log log-days", "log payloads", "log moments"]),
  );
  for (const table of [
    "log log-new",
    "log log",
    "log log-days",
    "log payloads",
    "archive moments",
    "kept results",
  ])
    expect(erased).toContain(table);
});
