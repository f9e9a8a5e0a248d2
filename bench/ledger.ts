// What an event costs and how much a ledger holds, by count: a shard lives through half an hour of its part of 1,000 events a
// second in workerd, the log through some minutes, and what they wrote is priced at Cloudflare's list prices; then lists,
// whys and metrics over a log of many events against one of 10,000, and the spine against its rows bare.
// `npm run bench -- ledger [--events 1000000] [--only cost|reads|spine]`. Last line: the figures.
import { parseArgs } from "node:util";
import {
  countMatched,
  countRefused,
  type LedgerLoad,
  priceMillion,
  simulateLedger,
} from "./support/capacity.ts";
import { openDelivery } from "./support/delivery.ts";
import { countLife, countLog, openLedgerBench } from "./support/ledger.ts";
import { keyOf, writeLog } from "./support/log-data.ts";
import { median } from "./support/workerd.ts";

const { values } = parseArgs({
  options: { events: { type: "string", default: "400000" }, only: { type: "string" } },
});
const EVENTS = Number(values.events);
const FEW_EVENTS = 10_000;
/** Ten events a second: ten million are eleven days. */
const EVENTS_A_MINUTE = 600;
const SHARD_RUNS = 10_000;
const ROUNDS = 9;
/**
 * The spine's events a second over its rows written bare, of the release before the shards, at one pipeline: by the same
 * benchmark on the same machine in the same hour. Rates themselves differ twofold with what else the machine does.
 */
const ROUTE_OVER_BARE_BEFORE = 0.48;

const result: Record<string, number> = {};
const rounded = (value: number) => Number(value.toPrecision(3));
const does = (part: string) => values.only === undefined || values.only === part;

if (does("cost")) {
  const load: LedgerLoad = { events_per_s: 1_000, matched_share: 0.1, shards: 128 };
  const life = await countLife(load, 1_500);
  const log = await countLog(load);
  const [refused, matched] = [countRefused(log, load), countMatched(life, log, load)];
  console.log("counted, of one event or run:", { ...life, ...log });
  console.log("an event that is refused, dollars a million:", priceMillion(refused));
  console.log("an event that runs one pipeline, dollars a million:", priceMillion(matched));
  for (const events_per_s of [100, 1_000])
    for (const days of [60, 365]) {
      const age = simulateLedger({ ...load, events_per_s }, days, 0, life, log);
      const whole = simulateLedger({ ...load, events_per_s }, days, 1, life, log);
      console.log(
        `${events_per_s} events/s after ${days} days: a shard has ${(age.shard_bytes / 1e9).toFixed(2)} GB, ` +
          `${(whole.shard_bytes / 1e9).toFixed(2)} where every matched event's object is new and stays`,
      );
    }
  Object.assign(result, {
    rows_matched: rounded(matched.rows_written),
    rows_refused: refused.rows_written,
    bytes_per_matched: Math.round(life.identity_bytes + life.packed_bytes + life.tracked_bytes),
    usd_per_million_matched: rounded(priceMillion(matched).sum),
    usd_per_million_refused: rounded(priceMillion(refused).sum),
  });
}

if (does("reads")) {
  const [few, many] = [await openFilled(FEW_EVENTS), await openFilled(EVENTS)];
  const QUESTIONS = ["list", "list_from", "runs", "why", "object", "metrics"] as const;
  for (const question of QUESTIONS) {
    const ms = { nothing: [] as number[], few: [] as number[], many: [] as number[] };
    const calls = { few: 0, many: 0 };
    for (let round = -1; round < ROUNDS; round++) {
      const nothing = await few.ask("nothing");
      const taken = { few: await few.ask(question), many: await many.ask(question) };
      if (round < 0) continue; // the round before is to warm up
      ms.nothing.push(nothing.ms);
      for (const size of ["few", "many"] as const) {
        ms[size].push(taken[size].ms);
        calls[size] += (taken[size].calls.reads + taken[size].calls.writes) / ROUNDS;
      }
    }
    const spent = (size: "few" | "many") => Math.max(0.1, median(ms[size]) - median(ms.nothing));
    console.log(
      `${question}: ${spent("few").toFixed(1)} ms and ${calls.few.toFixed(1)} calls to R2 at ${FEW_EVENTS} events, ` +
        `${spent("many").toFixed(1)} ms and ${calls.many.toFixed(1)} at ${EVENTS}`,
    );
    result[`${question}_ratio`] = rounded(spent("many") / spent("few"));
    if (calls.few > 0) result[`${question}_calls_ratio`] = rounded(calls.many / calls.few);
  }
  result.events = EVENTS;
  await few.close();
  await many.close();
}

/** A ledger with a log of so many events, and as many runs in its shard as a hundredth of them, 10,000 at most. */
async function openFilled(events: number) {
  const { ask, bucket, close } = await openLedgerBench();
  const began = performance.now();
  const written = await writeLog(await bucket(), events, EVENTS_A_MINUTE, Date.now());
  const runs = Math.min(SHARD_RUNS, events / 100);
  for (let from = 0; from < runs; from += 100)
    await ask(`/fill?from=${from}&runs=${Math.min(100, runs - from)}`);
  console.log(
    `a log of ${events} events was written in ${((performance.now() - began) / 1000).toFixed(0)} s`,
  );
  const anyOf = () => Math.floor(Math.random() * events);
  const paths = {
    nothing: () => "/nothing",
    list: () => "/list",
    list_from: () => `/list-from?at=${Math.floor(written.momentOf(anyOf()))}`,
    runs: () => "/runs",
    why: () => `/why?id=${written.idOf(anyOf())}`,
    object: () => `/object?key=${encodeURIComponent(keyOf(anyOf()))}`,
    metrics: () => "/metrics",
  };
  return {
    ask: (question: keyof typeof paths) =>
      ask<{ calls: { reads: number; writes: number } }>(paths[question]()),
    close,
  };
}

if (does("spine")) {
  const delivery = await openDelivery();
  const WORK = ["nothing", "bare", "route"] as const;
  const ms = { nothing: [] as number[], bare: [] as number[], route: [] as number[] };
  for (let round = -2; round < 2 * ROUNDS; round++)
    for (const work of WORK) {
      const taken = await delivery.batch(work, 100, 1);
      if (round >= 0) ms[work].push(taken.ms);
    }
  await delivery.close();
  const rate = (work: "bare" | "route") => 100_000 / (median(ms[work]) - median(ms.nothing));
  const ratio = rate("route") / rate("bare");
  console.log(`the spine: ${rate("route").toFixed(0)} events/s; its rows bare: ${rate("bare").toFixed(0)}`);
  result.events_per_s = Math.round(rate("route"));
  result.events_over_before = rounded(ratio / ROUTE_OVER_BARE_BEFORE);
}

console.log(JSON.stringify(result));
