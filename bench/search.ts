// The index of a collection in workerd, as ratios of one run: the scan against reading the same bytes once, a filter
// against none, words against the bare statement, ten times as many vectors against so many, bytes for each vector.
// Figures are medians, timed from outside, less a call that does nothing. Of 20,000 vectors; `--full` takes 100,000, and
// `--tenfold` adds ten times as many.
import { readFileSync } from "node:fs";
import { openShards, space } from "../test/search/support.ts";
import { median } from "./support/workerd.ts";

const ROUNDS = 15;
const ROWS = process.argv.includes("--full") ? 100_000 : 20_000;
const SHAPE = { sets: ROWS / 20, items: 20, dimensions: 512, clusters: 500, words: true };
/** Vectors of the bare scan, and how many of them a list has. */
const SCANNED = 100_000;
const LISTED = 4_096;
const MANY = ROWS.toLocaleString("en");

/** What Node has and its types leave out. */
const { WebAssembly: assembly } = globalThis as unknown as {
  WebAssembly: {
    Module: new (bytes: Uint8Array) => object;
    Instance: new (module: object) => { exports: unknown };
  };
};

const shards = await openShards();
const index = shards.index("bench");

/** Medians of several works, in turns: whatever else the machine does falls on all of them. */
async function timed(...works: (() => Promise<unknown>)[]): Promise<number[]> {
  const times: number[][] = works.map(() => []);
  for (const work of works) await work();
  for (let round = 0; round < ROUNDS; round++)
    for (const [place, work] of works.entries()) {
      const began = performance.now();
      await work();
      times[place]?.push(performance.now() - began);
    }
  return times.map(median);
}

const values = Array.from({ length: SHAPE.dimensions }, (_, i) => Math.sin(i * i));
const byVector = (filter?: object) => ({
  vectors: [{ space: space(512), values }],
  limit: 10,
  ...(filter && { filter }),
});
const said: Record<string, number> = {};
const say = (name: string, value: number, unit: string) => {
  said[name] = Number(value.toFixed(3));
  console.log(`${name.padEnd(44)} ${value.toFixed(2)} ${unit}`);
};

const began = performance.now();
await index.call("fill", SHAPE);
say(`inserting ${MANY}`, (performance.now() - began) / 1000, "s, vectors made included");
const cold = performance.now();
await index.query(byVector());
say("the first question, which loads", performance.now() - cold, "ms");
const words = "red boats in the snow";
const [nothing = 0, ...rest] = await timed(
  () => index.call("orders", []),
  () => index.query(byVector()),
  () => index.query(byVector({ data: { hundredth: [0] } })),
  () => index.query({ text: words, limit: 10 }),
  () => index.call("bare", words),
);
const [whole = 0, few = 0, text = 0, bare = 0] = rest.map((time) => time - nothing);
say("a call that does nothing", nothing, "ms");
say(`a vector among ${MANY}`, whole, "ms");
say("the same, a filter keeps 1 %", few, "ms");
say("filter against none", few / whole, "(at most 2)");
say("words", text, "ms");
say("words against the bare statement", text / bare, "(at most 1.3)");
say("bytes for each vector, text included", (await index.call<number>("size")) / ROWS, "(at most 1,200)");

const { dots, read } = scanAgainstReading();
say(`scan of ${SCANNED.toLocaleString("en")} × 512`, dots, "ms");
say("reading the same bytes against the scan", read / dots, "(at least 0.5)");

if (process.argv.includes("--tenfold")) {
  const large = { ...SHAPE, sets: SHAPE.sets * 10, words: false };
  const tenfold = shards.index("tenfold");
  await tenfold.call("fill", large);
  const [one = 0, ten = 0] = await timed(
    () => index.query(byVector()),
    () => tenfold.query(byVector()),
  );
  say("a vector among ten times as many", ten - nothing, "ms");
  say("ten times as many against so many", (ten - nothing) / (one - nothing), "(at most 8)");
  const { recall } = await tenfold.call<{ recall: number }>("probe", large, { queries: 10 });
  say("recall of the ten best among them", recall, "(at least 0.99)");
}
await shards.close();
console.log(JSON.stringify(said));

interface Kernel {
  memory: { buffer: ArrayBuffer; grow(pages: number): void };
  dots(...given: number[]): void;
}
/**
 * The kernel over rows in memory, in lists as the index has them, and a search for a byte that is not there, which reads
 * each of them once. More than the processor's caches hold: memory is the limit of both.
 */
function scanAgainstReading() {
  const module = new assembly.Module(readFileSync(new URL("../workers/search/kernel.wasm", import.meta.url)));
  const { memory, dots: scan } = new assembly.Instance(module).exports as Kernel;
  const [query, list, out, rows] = [0, 2_048, 2_048 + LISTED * 4, 2_048 + LISTED * 8];
  memory.grow(Math.ceil((rows + SCANNED * SHAPE.dimensions) / 65_536));
  const bytes = Buffer.from(memory.buffer, rows, SCANNED * SHAPE.dimensions);
  for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 7) % 127;
  new Int16Array(memory.buffer, query, SHAPE.dimensions).fill(3);
  const ids = Int32Array.from({ length: SCANNED }, (_, row) => row);
  const listed = new Int32Array(memory.buffer, list, LISTED);
  const works = [
    () => {
      for (let from = 0; from < SCANNED; from += LISTED) {
        const part = ids.subarray(from, from + LISTED);
        listed.set(part);
        scan(rows, list, part.length, SHAPE.dimensions, query, out);
      }
    },
    () => void bytes.indexOf(200),
  ];
  const times: number[][] = works.map(() => []);
  for (let round = 0; round < 3 * ROUNDS; round++)
    for (const [place, work] of works.entries()) {
      const start = performance.now();
      work();
      times[place]?.push(performance.now() - start);
    }
  const [dots = 0, read = 0] = times.map(median);
  return { dots, read };
}
