// The index beside other engines on the same vectors: 100,000 of 512 numbers, ten best, nothing indexed but looked at one
// by one. And how many of the ten best by float32 the index finds, whole and under filters. The others are not among
// Weir's own dependencies: `npm ci --prefix bench/peers`. They run in this process; the index runs in workerd and is asked
// over HTTP, which its time includes. `--few` takes 20,000.
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { itemId, setId } from "../src/store/collections/ids.ts";
import { openShards, space } from "../test/search/support.ts";
import { indexSet, queryOf } from "../test/search/workerd/vectors.ts";
import { median } from "./support/workerd.ts";

const ROWS = process.argv.includes("--few") ? 20_000 : 100_000;
const SHAPE = { sets: ROWS / 20, items: 20, dimensions: 512, clusters: 500 };
const BLOCKS = 3;
const ROUNDS = 5;
const QUERIES = 50;
const PARTS = [1, 2, 100, 10_000];
const installed = createRequire(new URL("peers/package.json", import.meta.url));

/** An engine that has all vectors: the numbers of the ten nearest to one. */
interface Peer {
  name: string;
  ask(query: Float32Array): Promise<number[]>;
  close?(): void;
}

console.log(`Making ${ROWS.toLocaleString("en")} vectors …`);
const vectors = new Float32Array(ROWS * SHAPE.dimensions);
const ids: string[] = [];
for (let set = 0; set < SHAPE.sets; set++) {
  const made = indexSet(SHAPE, set);
  made.items.forEach(({ vectors: [own] }, position) => {
    vectors.set(own?.values ?? [], ids.length * SHAPE.dimensions);
    ids.push(itemId(setId(made.set), position));
  });
}
const rowOf = (n: number) => vectors.subarray(n * SHAPE.dimensions, (n + 1) * SHAPE.dimensions);
const numberOf = new Map(ids.map((id, n) => [id, n]));
const queries = Array.from({ length: QUERIES }, (_, n) => queryOf(SHAPE, n));

const shards = await openShards();
const index = shards.index("peers");
await index.call("fill", SHAPE);
const ask = async (query: Float32Array, part = 1) => {
  const names: Record<number, string> = { 2: "half", 100: "hundredth", 10000: "rare" };
  const name = names[part];
  const { hits } = await index.query({
    ...{ vectors: [{ space: space(SHAPE.dimensions), values: [...query] }], limit: 10 },
    ...(name !== undefined && { filter: { data: { [name]: [0] } } }),
  });
  return hits.map(({ item }) => numberOf.get(item) ?? -1);
};

const said: Record<string, number> = {};
const say = (name: string, value: number, unit: string) => {
  said[name] = Number(value.toFixed(3));
  console.log(`${name.padEnd(52)} ${value.toFixed(3)} ${unit}`);
};

for (const part of PARTS) {
  let found = 0;
  let due = 0;
  for (const query of queries) {
    const best = bruteForce(query, part);
    const hits = new Set(await ask(query, part));
    due += best.length;
    found += best.filter((n) => hits.has(n)).length;
  }
  say(`recall@10 against float32, 1 in ${part.toLocaleString("en")} passes`, found / due, "(at least 0.99)");
}

const own: Peer = { name: "Weir's index, over HTTP", ask: (query) => ask(query) };
const peers = (await Promise.all([sqliteVec("float"), sqliteVec("int8"), lance(), orama()])).flatMap(
  (peer) => peer ?? [],
);
const nothing: Peer = { name: "a call of the index that does nothing", ask: () => index.call("orders", []) };
const times = await inTurns([nothing, own, ...peers]);
const weir = times.get(own) ?? 0;
say(nothing.name, times.get(nothing) ?? 0, "ms");
say(own.name, weir, "ms");
for (const peer of peers) {
  const time = times.get(peer) ?? 0;
  say(peer.name, time, "ms");
  say(`the index against ${peer.name}`, weir / time, "(at most 1)");
}
await shards.close();
for (const peer of peers) peer.close?.();
console.log(JSON.stringify(said));

/** Medians of the engines' times: some rounds of each, again and again. The first of some warms it up. */
async function inTurns(engines: Peer[]): Promise<Map<Peer, number>> {
  const all = new Map<Peer, number[]>(engines.map((peer) => [peer, []]));
  for (let block = 0; block < BLOCKS; block++)
    for (const peer of engines)
      for (let round = 0; round <= ROUNDS; round++) {
        const query = queries[(block * ROUNDS + round) % QUERIES] ?? new Float32Array();
        const began = performance.now();
        await peer.ask(query);
        if (round > 0) all.get(peer)?.push(performance.now() - began);
      }
  return new Map([...all].map(([peer, measured]) => [peer, median(measured)]));
}

/** The ten nearest by the cosine of float32, in float64. */
function bruteForce(query: Float32Array, part: number): number[] {
  const scored: { n: number; score: number }[] = [];
  for (let n = 0; n < ROWS; n += part) {
    const row = rowOf(n);
    let [dot, squares] = [0, 0];
    for (let i = 0; i < row.length; i++) {
      const value = row[i] ?? 0;
      dot += value * (query[i] ?? 0);
      squares += value * value;
    }
    scored.push({ n, score: dot / Math.sqrt(squares) });
  }
  return scored
    .sort((a, b) => b.score - a.score)
    .slice(0, 10)
    .map(({ n }) => n);
}

function optional<T>(name: string): T | undefined {
  try {
    return installed(name) as T;
  } catch {
    console.log(`${name} is not there: npm ci --prefix bench/peers`);
    return undefined;
  }
}

async function sqliteVec(kind: "float" | "int8"): Promise<Peer | undefined> {
  const extension = optional<{ load(database: DatabaseSync): void }>("sqlite-vec");
  if (!extension) return undefined;
  const database = new DatabaseSync(":memory:", { allowExtension: true });
  extension.load(database);
  database.exec(`CREATE VIRTUAL TABLE v USING vec0(e ${kind}[${SHAPE.dimensions}] distance_metric=cosine)`);
  const value = kind === "float" ? "?" : "vec_quantize_int8(?, 'unit')";
  const bytes = (row: Float32Array) => {
    const length = Math.hypot(...row);
    return new Uint8Array(row.map((each) => each / length).buffer);
  };
  const insert = database.prepare(`INSERT INTO v (rowid, e) VALUES (?, ${value})`);
  database.exec("BEGIN");
  for (let n = 0; n < ROWS; n++) insert.run(BigInt(n), bytes(rowOf(n)));
  database.exec("COMMIT");
  const select = database.prepare(`SELECT rowid FROM v WHERE e MATCH ${value} AND k = 10 ORDER BY distance`);
  return {
    name: `sqlite-vec, ${kind === "float" ? "float32" : "int8"}`,
    ask: async (query) => select.all(bytes(query)).map(({ rowid }) => Number(rowid)),
    close: () => database.close(),
  };
}

interface LanceTable {
  add(rows: object[]): Promise<unknown>;
  search(query: number[]): { distanceType(kind: string): { limit(count: number): LanceQuery } };
}
interface LanceQuery {
  toArray(): Promise<{ id: number }[]>;
}

async function lance(): Promise<Peer | undefined> {
  const module = optional<{
    connect(path: string): Promise<{ createTable(name: string, rows: object[]): Promise<LanceTable> }>;
  }>("@lancedb/lancedb");
  if (!module) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "weir-lance-"));
  const database = await module.connect(folder);
  const rows = (from: number) =>
    Array.from({ length: Math.min(10_000, ROWS - from) }, (_, i) => ({
      id: from + i,
      vector: [...rowOf(from + i)],
    }));
  const table = await database.createTable("v", rows(0));
  for (let from = 10_000; from < ROWS; from += 10_000) await table.add(rows(from));
  return {
    name: "LanceDB, flat scan of float32",
    ask: async (query) => {
      const found = await table
        .search([...query])
        .distanceType("cosine")
        .limit(10)
        .toArray();
      return found.map(({ id }) => Number(id));
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function orama(): Promise<Peer | undefined> {
  const module = optional<{
    create(options: object): object;
    insertMultiple(database: object, rows: object[], batch?: number): Promise<unknown>;
    searchVector(database: object, query: object): { hits: { document: { n: number } }[] };
  }>("@orama/orama");
  if (!module) return undefined;
  const database = module.create({ schema: { n: "number", e: `vector[${SHAPE.dimensions}]` } });
  for (let from = 0; from < ROWS; from += 10_000) {
    const rows = Array.from({ length: Math.min(10_000, ROWS - from) }, (_, i) => ({
      n: from + i,
      e: [...rowOf(from + i)],
    }));
    await module.insertMultiple(database, rows, 10_000);
  }
  return {
    name: "Orama",
    ask: async (query) => {
      const vector = { value: [...query], property: "e" };
      const { hits } = await module.searchVector(database, { vector, similarity: 0, limit: 10 });
      return hits.map(({ document }) => document.n);
    },
  };
}
