// Pages of a replay's planning per second, from a bucket's listing and from recorded events; against listing the same
// bucket, and reading the same objects of the log bare, in the same workerd and run. Last line: the
// ratios.
import { median, openInWorkerd } from "./support/workerd.ts";

const OBJECTS = 10_000;
const PAGES = OBJECTS / 1000;
const ROUNDS = 5;

const { ask, close } = await openInWorkerd(
  "pages",
  {
    R2_BENCH_MEDIA: { type: "r2", name: "bench-media" },
    ARCHIVE: { type: "r2", name: "archive" },
    REPLAYS: { type: "queue", name: "weir-replays" },
    REPORTS: { type: "queue", name: "weir-reports" },
    LEDGER_SHARDS: { type: "durable-object", worker: "pages", exportName: "LedgerShard" },
  },
  { LedgerShard: { type: "durable-object", storage: "sqlite" } },
);
for (let from = 0; from < OBJECTS; from += 500) await ask(`/fill?from=${from}&count=500`);

const WORK = ["nothing", "list", "plan-listing", "read", "plan-events"] as const;
const ms = Object.fromEntries(WORK.map((work) => [work, [] as number[]])) as Record<
  (typeof WORK)[number],
  number[]
>;
for (let round = -1; round < ROUNDS; round++) {
  for (const work of WORK) {
    const { objects, ms: spent } = await ask<{ objects: number }>(`/${work}`);
    if (work !== "nothing" && objects !== OBJECTS) throw new Error(`${work} found ${objects} of ${OBJECTS}`);
    if (round >= 0) ms[work].push(spent); // the round before is to warm up
  }
}
await close();

const rate = (work: (typeof WORK)[number]) => (PAGES * 1000) / (median(ms[work]) - median(ms.nothing));
for (const [plan, bare] of [
  ["plan-listing", "list"],
  ["plan-events", "read"],
] as const) {
  console.log(
    `${plan}: ${rate(plan).toFixed(0)} pages/s of 1,000 objects; bare ${bare}: ${rate(bare).toFixed(0)}`,
  );
}
console.log(
  JSON.stringify({
    listing_pages_per_s: Math.round(rate("plan-listing")),
    listing_over_bare: Number((rate("plan-listing") / rate("list")).toFixed(2)),
    events_pages_per_s: Math.round(rate("plan-events")),
    events_over_bare: Number((rate("plan-events") / rate("read")).toFixed(2)),
  }),
);
