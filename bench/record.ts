// Events recorded per second, in batches of 100 against one by one, in the same real D1 and the same run.
// Last line: {"batch_over_single", …}.
import { performance } from "node:perf_hooks";
import { identify, lookups } from "../src/receive/identity.ts";
import type { Event } from "../src/shapes/event.ts";
import { type DecidedEvent, record } from "../src/store/ledger/events.ts";
import { openStores } from "../test/support/stores.ts";

const ROUNDS = 5;
const EVENTS = 200;
const BATCH = 100;
let keyCount = 0;

function decided(): DecidedEvent {
  const facts = {
    connection: "c",
    bucket: "b",
    key: `videos/${keyCount++}.mp4`,
    type: "created",
    operation: "Put",
    time: "2026-11-23T09:59:00.000Z",
    etag: "e",
  } as const;
  const event: Event = { ...facts, ...identify(facts), sender: "s3", hops: 0, received_at: facts.time };
  return {
    event,
    lookups: lookups(event),
    outcome: { matched: ["a"], refused: [], refused_count: 0 },
    cause: "matched",
  };
}

const { ledger, close } = await openStores();
async function seconds(size: number): Promise<number> {
  const events = Array.from({ length: EVENTS }, decided);
  const begun = performance.now();
  for (let at = 0; at < EVENTS; at += size) await record(ledger, events.slice(at, at + size), Date.now());
  return (performance.now() - begun) / 1000;
}

const total = { batch: 0, single: 0 };
await seconds(BATCH);
await seconds(1);
for (let round = 0; round < ROUNDS; round++) {
  total.batch += await seconds(BATCH);
  total.single += await seconds(1);
}
await close();
const rate = (spent: number) => Math.round((ROUNDS * EVENTS) / spent);
console.log(
  `in batches of ${BATCH}: ${rate(total.batch)} events/s; one by one: ${rate(total.single)} events/s`,
);
console.log(JSON.stringify({ batch_over_single: Number((total.single / total.batch).toFixed(1)) }));
