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

async function timed(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  await work();
  for (let round = 0; round < ROUNDS; round++) {
    const began = performance.now();
    await work();
    times.push(performance.now() - began);
  }
  return median(times);
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
const nothing = await timed(() => index.call("orders", []));
const cold = performance.now();
await index.query(byVector());
say("the first question, which loads", performance.now() - cold, "ms");
const whole = (await timed(() => index.query(byVector()))) - nothing;
say(`a vector among ${MANY}`, whole, "ms");
const few = (await timed(() => index.query(byVector({ data: { hundredth: [0] } })))) - nothing;
say("the same, a filter keeps 1 %", few, "ms");
say("filter against none", few / whole, "(at most 2)");
const words = "red boats in the snow";
const text = (await timed(() => index.query({ text: words, limit: 10 }))) - nothing;
const bare = (await timed(() => index.call("bare", words))) - nothing;
say("words", text, "ms");
say("words against the bare statement", text / bare, "(at most 1.3)");
say("bytes for each vector, text included", (await index.call<number>("size")) / ROWS, "(at most 1,200)");

const { dots, read } = scanAgainstReading();
say(`scan of ${MANY} × 512`, dots, "ms");
say("reading the same bytes against the scan", read / dots, "(at least 0.5)");

if (process.argv.includes("--tenfold")) {
  const large = { ...SHAPE, sets: SHAPE.sets * 10, words: false };
  const tenfold = shards.index("tenfold");
  await tenfold.call("fill", large);
  const time = (await timed(() => tenfold.query(byVector()))) - nothing;
  say("a vector among ten times as many", time, "ms");
  say("ten times as many against so many", time / whole, "(at most 8)");
  const { recall } = await tenfold.call<{ recall: number }>("probe", large, { queries: 10 });
  say("recall of the ten best among them", recall, "(at least 0.99)");
}
await shards.close();
console.log(JSON.stringify(said));

interface Kernel {
  memory: { buffer: ArrayBuffer; grow(pages: number): void };
  dots(...given: number[]): void;
}
/** The kernel over rows in memory, and a search for a byte that is not there, which reads each of them once. */
function scanAgainstReading() {
  const module = new assembly.Module(readFileSync(new URL("../workers/search/kernel.wasm", import.meta.url)));
  const { memory, dots: scan } = new assembly.Instance(module).exports as Kernel;
  const [query, list, out, rows] = [0, 2_048, 2_048 + ROWS * 4, 2_048 + ROWS * 8];
  memory.grow(Math.ceil((rows + ROWS * SHAPE.dimensions) / 65_536));
  const bytes = Buffer.from(memory.buffer, rows, ROWS * SHAPE.dimensions);
  for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 7) % 127;
  new Int32Array(memory.buffer, list, ROWS).set(Array.from({ length: ROWS }, (_, row) => row));
  new Int16Array(memory.buffer, query, SHAPE.dimensions).fill(3);
  const took = (work: () => void) =>
    median(
      Array.from({ length: ROUNDS }, () => {
        const start = performance.now();
        work();
        return performance.now() - start;
      }),
    );
  return {
    dots: took(() => scan(rows, list, ROWS, SHAPE.dimensions, query, out)),
    read: took(() => bytes.indexOf(200)),
  };
}
