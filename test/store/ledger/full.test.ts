// A shard that is full: by its limit, with what it sheds, and on a disk that is (a small one of memory, where this machine
// lets us have one). What is new is refused as a whole; the operator's calls go on.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { afterEach, expect, test } from "vitest";
import { runId } from "../../../src/shapes/event-id.ts";
import { openShards, type Shards } from "../../../src/store/ledger/shards.ts";
import { openShard } from "../../support/shard-in-node.ts";
import { at, commitOf, DAY, eventOf, MINUTE, NOW, reportOf } from "./given.ts";

const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** One shard in workerd. */
async function openReal(shardMb: string, folder?: string): Promise<Shards> {
  const entry = new URL("workerd/worker.ts", import.meta.url).pathname;
  const bundled = await build({
    ...{ entryPoints: [entry], bundle: true, write: false, format: "esm", target: "esnext" },
    external: ["node:*", "cloudflare:*"],
  });
  const mf = new Miniflare({
    ...(folder !== undefined && { resourcePersistencePath: folder }),
    workers: [
      {
        config: {
          name: "ledger",
          compatibilityDate: "2026-10-01",
          compatibilityFlags: ["nodejs_compat"],
          manifest: {
            mainModule: "index.mjs",
            modules: { "index.mjs": { type: "esm", contents: bundled.outputFiles[0]?.text ?? "" } },
          },
          env: {
            LEDGER_SHARDS: { type: "durable-object", worker: "ledger", exportName: "LedgerShard" },
            ARCHIVE: { type: "r2", name: "archive" },
            LEDGER: { type: "d1", id: "ledger" },
            REPORTS: { type: "queue", name: "weir-reports" },
            LEDGER_SHARD_MB: { type: "json", value: shardMb },
          },
          exports: { LedgerShard: { type: "durable-object", storage: "sqlite" } },
        },
      },
    ],
  });
  cleanups.push(() => mf.dispose());
  const call = async (name: string, call: string, given: unknown[]) => {
    const body = JSON.stringify({ name, call, given });
    const answer = await mf.dispatchFetch("http://shards", { method: "POST", body });
    const { value, error } = (await answer.json()) as { value: unknown; error?: string };
    if (error !== undefined) throw new Error(error);
    return value;
  };
  const getByName = (name: string) =>
    new Proxy(
      {},
      {
        get:
          (_, method) =>
          (...given: unknown[]) =>
            call(name, String(method), given),
      },
    );
  return openShards({ getByName } as unknown as Parameters<typeof openShards>[0], 1);
}

/** A disk of memory, or undefined where none can be mounted. */
function mountSmallDisk(size: string): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "weir-small-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder], { stdio: "ignore" });
  } catch {
    return undefined;
  }
  cleanups.push(() => execFileSync("umount", [folder]));
  return folder;
}

/** Commits large events until one is refused, which is none of them in part. */
async function fill(ledger: Shards, max: number): Promise<string[]> {
  const taken: string[] = [];
  for (let n = 0; n < max; n++) {
    const event = eventOf(`full/${n}`, { metadata: { a: "x".repeat(90_000) } });
    const [result] = await ledger.commit([commitOf(event, "a", "b")], at(Date.now()));
    if (result?.failure) {
      expect(result.failure.kind).toBe("store_full");
      expect(await ledger.runsOf([event.id])).toEqual([]);
      return taken;
    }
    taken.push(runId(event.id, "a"), runId(event.id, "b"));
  }
  throw new Error(`nothing was refused within ${max} events`);
}

/** What must go on in a full shard. */
async function expectOperators(ledger: Shards, taken: string[]): Promise<void> {
  const [dead = "", done = "", ...others] = taken;
  const failure = { kind: "bad_media", detail: "no video" } as const;
  expect((await ledger.counts()).open.reduce((sum, { runs }) => sum + runs, 0)).toBe(taken.length);
  expect(await ledger.runs({ limit: 5 })).toHaveLength(5);
  await ledger.finish([reportOf(dead, 1, "dead", { failure })], { now: Date.now() });
  await ledger.finish([reportOf(done, 1, "succeeded", { items: 1 })], { now: Date.now() });
  expect(await ledger.redrive({ alias: "a" }, { now: Date.now(), limit: 1, paused: [] })).toHaveLength(1);
  await ledger.finish([reportOf(dead, 2, "dead", { failure })], { now: Date.now() });
  expect(await ledger.drop({ alias: "a" }, "no", Date.now())).toBe(1);
  expect(await ledger.cancel(others, "to make room", Date.now())).toBe(others.length);
  expect((await ledger.counts()).open).toEqual([]);
}

test("a real shard at its limit refuses what is new, as full, and takes everything else", async () => {
  const ledger = await openReal("4");
  await expectOperators(ledger, await fill(ledger, 100));
}, 120_000);

test("a real shard on a disk that is full refuses what is new, as full, reads on, and goes on when there is room", async () => {
  const disk = mountSmallDisk("16m");
  if (disk === undefined) return console.warn("not tried: no disk of memory can be mounted here");
  const ledger = await openReal("10000", disk);
  const taken = await fill(ledger, 400);
  expect(await ledger.runs({ limit: 1000 })).toHaveLength(taken.length);
  execFileSync("mount", ["-o", "remount,size=48m", disk]);
  await expectOperators(ledger, taken);
  expect(await ledger.commit([commitOf(eventOf("again"), "a")], at(Date.now()))).toMatchObject([
    { runs: [{ alias: "a" }] },
  ]);
}, 120_000);

test("SQLite's own word that it is full is a failure of its kind, and nothing of the commit stays", async () => {
  let isFull = false;
  const { shard } = openShard({
    before: (query) => {
      if (isFull && query.includes("INSERT INTO runs_"))
        throw new Error("database or disk is full: SQLITE_FULL");
    },
  });
  const [one, two] = [eventOf("one"), eventOf("two")];
  await shard.commit([commitOf(one, "a")], at(NOW));
  isFull = true;
  await expect(shard.commit([commitOf(two, "a")], at(NOW + 40 * DAY))).rejects.toMatchObject({
    failure: { kind: "store_full" },
  });
  expect(await shard.cancel([runId(one.id, "a")], "no", NOW)).toBe(1);
  isFull = false;
  // Not known by an identity that was rolled back, nor in a table that was.
  expect(await shard.commit([commitOf(two, "a")], at(NOW + 40 * DAY))).toMatchObject([
    { runs: [{ alias: "a" }] },
  ]);
});

test("from 95 % on it sheds packs, oldest first, then old identities, and never what is open", async () => {
  const options = { limitBytes: 1_000_000_000 };
  const { shard, ring, restart, storage } = openShard(options);
  const days = [0, 20, 40];
  for (const day of days)
    for (let n = 0; n < 300; n++) {
      const now = NOW + day * DAY + n;
      const event = eventOf(`shed/${day}/${n}`, { metadata: { a: String(Math.random()).repeat(20) } });
      await shard.commit([commitOf(event, "a")], at(now));
      const end = n < 200 ? "succeeded" : n < 250 ? "dead" : "running";
      const log = [Array.from({ length: 80 }, () => Math.random()).join()];
      const failure = { kind: "timeout", detail: "slow" } as const;
      await shard.finish([reportOf(runId(event.id, "a"), 1, end, { items: 1, log, failure })], { now });
      if (n === 299) await ring(now + 11 * MINUTE);
    }
  const rows = (table: string) =>
    Number(storage.database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n);
  const weeks = () =>
    storage.database.prepare("SELECT name FROM sqlite_master WHERE name GLOB 'ids_*' ORDER BY name").all()
      .length;
  const before = { packs: rows("packs"), letters: rows("letters"), tracked: rows("tracked"), weeks: weeks() };
  expect(before).toMatchObject({ letters: 150, weeks: 3 });
  const shedTo = async (share: number) => {
    options.limitBytes = Math.floor(storage.sql.databaseSize / share);
    const { limitBytes } = options;
    const again = openShardOver(storage, limitBytes);
    await again.ring(NOW + 41 * DAY);
    return { packs: rows("packs"), weeks: weeks(), letters: rows("letters"), tracked: rows("tracked") };
  };
  restart();
  const ended = (await shard.counts()).ended;
  const { letters, tracked } = before;
  expect(await shedTo(0.94)).toEqual(before);
  expect(await shedTo(0.951)).toMatchObject({ weeks: 3, letters, tracked });
  const last = await shedTo(1.5);
  expect(last).toEqual({ packs: 0, weeks: 1, letters, tracked });
  expect((await openShardOver(storage, 1e9).shard.counts()).ended).toEqual(ended);
  expect((await openShardOver(storage, 1e9).shard.counts()).open).toMatchObject([
    { status: "queued", runs: 150 },
  ]);
});

const openShardOver = (storage: ReturnType<typeof openShard>["storage"], limitBytes: number) =>
  openShard({ storage, limitBytes });
