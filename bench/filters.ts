// Growth of the cost of matching with the number of filters: `node bench/filters.ts`. Variants are measured in turn,
// slice by slice, so that noise falls on all alike; the last line printed is one JSON object of ratios.
import { Query } from "mingo";
import sift from "sift";
import { buildPatternIndex } from "../src/match/index.ts";
import { equalityPattern, event, mixedPattern, mongoQuery } from "./support/filters-data.ts";

const ROUNDS = 60;
const SLICE_MS = 12;
const EVENTS = 500;

interface Variant {
  name: string;
  run(n: number): unknown;
  /** Nanoseconds per event, one figure per round. */
  times: number[];
}

const texts = Array.from({ length: EVENTS }, (_, i) => JSON.stringify(event(i)));
const events: Record<string, unknown>[] = texts.map((text) => JSON.parse(text));
const text = (n: number) => texts[n % EVENTS] ?? "";
let sink = 0;

function variant(name: string, run: (n: number) => unknown): Variant {
  return { name, run, times: [] };
}

function parseAndMatch(name: string, patterns: object[]): Variant {
  const started = performance.now();
  const index = buildPatternIndex(patterns.map((pattern, value) => ({ pattern, value })));
  const took = performance.now() - started;
  const matches = events.reduce<number>((sum, record) => sum + index.match(record).length, 0) / EVENTS;
  console.log(
    `${name}: compiled and built in ${took.toFixed(0)} ms, ${matches.toFixed(2)} matches per event`,
  );
  return variant(name, (n) => index.match(JSON.parse(text(n))));
}

const many = (count: number, make: (i: number) => object) => Array.from({ length: count }, (_, i) => make(i));
function measure(variants: Variant[]) {
  for (let round = -3; round < ROUNDS; round++) {
    for (const { run, times } of variants) {
      const started = performance.now();
      let n = 0;
      let now = started;
      while (now - started < SLICE_MS) {
        for (const stop = n + 20; n < stop; n++) if (run(n)) sink++;
        now = performance.now();
      }
      if (round >= 0) times.push(((now - started) * 1e6) / n);
    }
  }
  measured.push(...variants);
}

// Three groups, each with its own base, so that the engine optimises for what is compared.
const measured: Variant[] = [];
measure([
  variant("parse", (n) => JSON.parse(text(n))),
  ...[10, 1000, 10000].map((count) => parseAndMatch(`eq${count}`, many(count, equalityPattern))),
]);
measure([10, 1000, 10000].map((count) => parseAndMatch(`mix${count}`, many(count, mixedPattern))));
const queries = many(1000, mongoQuery);
const sifts = queries.map((query) => sift(query));
const mingos = queries.map((query) => new Query(query));
const index = buildPatternIndex(many(1000, equalityPattern).map((pattern, value) => ({ pattern, value })));
measure([
  variant("match1000", (n) => index.match(events[n % EVENTS])),
  variant("sift1000", (n) => sifts.filter((test) => test(events[n % EVENTS])).length),
  variant("mingo1000", (n) => mingos.filter((query) => query.test(events[n % EVENTS] ?? {})).length),
]);

const median = (numbers: readonly number[]) =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
const timesOf = (name: string) => measured.find((variant) => variant.name === name)?.times ?? [];
/** Median over the rounds of the rate of `name` over the rate of `base`. */
function rate(name: string, base: string): number {
  const bases = timesOf(base);
  return Number(median(timesOf(name).map((time, i) => (bases[i] ?? Number.NaN) / time)).toFixed(3));
}

for (const { name, times } of measured)
  console.log(`${name}: ${(median(times) / 1000).toFixed(2)} µs per event`);
console.log(`event: ${text(0).length} bytes; ${sink} calls`);
console.log(
  JSON.stringify({
    eq1000_over_eq10: rate("eq1000", "eq10"),
    mix1000_over_mix10: rate("mix1000", "mix10"),
    eq10000_over_eq10: rate("eq10000", "eq10"),
    mix10000_over_mix10: rate("mix10000", "mix10"),
    eq1000_over_parse: rate("eq1000", "parse"),
    sift_speedup: rate("match1000", "sift1000"),
    mingo_speedup: rate("match1000", "mingo1000"),
  }),
);
